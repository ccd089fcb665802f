"""What the futures tell of an account adds up: incomes, events and fills explain wallet and positions to the last unit.

Random trading of three accounts, with marks that jump, funding, isolated positions and liquidations.
"""

from __future__ import annotations

import random
from decimal import Decimal

import orjson
import pytest

from bot4.adapters.simulator.accounts import parse_account
from bot4.adapters.simulator.futures.contracts import DEFAULT_CONTRACTS
from bot4.adapters.simulator.futures.trade.account import FuturesAccount
from bot4.adapters.simulator.futures.trade.keeper import FuturesKeeper
from bot4.adapters.simulator.futures.venue import FuturesVenue
from bot4.adapters.simulator.wire.decimals import UNIT, format_e8
from bot4.adapters.simulator.wire.errors import ApiError

SECOND = 10**9
START = 1_790_000_000 * SECOND
ACCOUNTS = ("a:ka:s:FUTURES:USDT=20000", "b:kb:s:FUTURES:USDT=100000", "c:kc:s:FUTURES:USDT=1500")


class Told:
    """Wallet and positions as an account's events tell them."""

    def __init__(self):
        self.wallet = None
        self.positions = {}
        self.orders = {}

    def user_event(self, _account, render):
        event = orjson.loads(orjson.dumps(render(1_000_000)))
        if event["e"] == "ACCOUNT_UPDATE":
            for row in event["a"]["B"]:
                self.wallet = row["wb"]
            for row in event["a"]["P"]:
                self.positions[row["s"], row["ps"]] = row["pa"]
        if event["e"] == "ORDER_TRADE_UPDATE":
            self.orders[event["o"]["i"]] = event["o"]["X"], event["o"]["z"]


class Trading:
    """A venue whose clock the test moves, and dice."""

    def __init__(self, seed):
        self.now_ns = START
        self.dice = random.Random(seed)
        specs = [parse_account(text) for text in ACCOUNTS]
        options = {"clock": lambda: self.now_ns, "funding_interval_s": 60}
        self.venue = FuturesVenue(DEFAULT_CONTRACTS, specs, None, seed=1, **options)
        self.told = {}
        for account in self.venue.holders.values():
            self.told[account.number] = Told()
            account.listeners[self.told[account.number]] = None

    def step(self):
        """One request of anybody, or a second that goes by."""
        dice, venue = self.dice, self.venue
        account = dice.choice(list(venue.holders.values()))
        market = dice.choice(list(venue.contracts()))
        try:
            dice.choices((self._place, self._cancel, self._modify, self._algo, self._choose), (70, 10, 8, 8, 4))[0](
                account, market
            )
        except ApiError:
            self.refused += 1
        if dice.random() < 0.05:
            market.marks.shift_bps = 0
            venue.faults.set(venue.faults.asked.__class__(mark_shift_bps=dice.choice((0, 0, -150, 150, -900, 900))))
        self.now_ns += dice.randrange(SECOND)
        venue.advance(self.now_ns)
        venue.settle(self.now_ns)

    refused = 0

    def _price(self, market):
        contract = market.contract
        ticks = market.marks.mark // contract.tick
        return int(ticks * (1 + self.dice.gauss(0, 0.002))) * contract.tick

    def _quantity(self, market):
        notional = self.dice.choice((150, 500, 3_000, 12_000)) * UNIT
        contract = market.contract
        return max(contract.step, notional * UNIT // market.marks.mark // contract.step * contract.step)

    def _place(self, account, market):
        dice = self.dice
        values = {"symbol": market.contract.name, "side": dice.choice(("BUY", "SELL"))}
        values["quantity"] = self._quantity(market)
        if dice.random() < 0.3:
            values["type"] = "MARKET"
        else:
            values |= {"type": "LIMIT", "price": self._price(market)}
            values["timeInForce"] = dice.choice(("GTC", "GTC", "IOC", "GTX"))
        if dice.random() < 0.2:
            values["reduceOnly"] = True
        self.venue.desk.place(account, market, values, self.now_ns)

    def _cancel(self, account, market):
        ids = [order.order_id for order in account.open_orders.values()]
        self.venue.desk.cancel(account, market, {"orderId": self.dice.choice(ids or [0])}, self.now_ns)

    def _modify(self, account, market):
        orders = [order for order in account.open_orders.values() if order.contract is market.contract]
        if orders:
            order = self.dice.choice(orders)
            values = {"orderId": order.order_id, "side": order.side}
            values |= {"quantity": self._quantity(market), "price": self._price(market)}
            self.venue.desk.modify(account, market, values, self.now_ns)

    def _algo(self, account, market):
        values = {"symbol": market.contract.name, "side": self.dice.choice(("BUY", "SELL"))}
        values |= {"type": self.dice.choice(("STOP_MARKET", "TAKE_PROFIT_MARKET")), "triggerPrice": self._price(market)}
        values |= {"quantity": self._quantity(market)} if self.dice.random() < 0.5 else {"closePosition": True}
        self.venue.desk.place_algo(account, market, values, self.now_ns)

    def _choose(self, account, market):
        engine, dice = self.venue.engine, self.dice
        if dice.random() < 0.5:
            engine.set_leverage(account.number, market.number, dice.choice((5, 20, 75)), self.now_ns)
        else:
            isolated = dice.random() < 0.5
            engine.set_margin_type(account.number, market.number, isolated=isolated, now_ns=self.now_ns)


def check_books(trading):
    """Every account's incomes, fills and events against the engine's own wallet and positions."""
    venue = trading.venue
    for account in venue.holders.values():
        wallet = venue.engine.margin(account.number).wallet_atoms
        assert sum(income.amount for income in account.incomes) == wallet
        told = trading.told[account.number]
        assert told.wallet == format_e8(wallet)
        held = {}
        for row in venue.engine.positions(account.number):
            held[DEFAULT_CONTRACTS[row.symbol].name, "BOTH"] = Decimal(row.lots) / 1_000
        assert {key: Decimal(amount) for key, amount in told.positions.items() if Decimal(amount)} == held
        for order in account.orders.values():
            assert told.orders[order.order_id] == (order.status, order.contract.qty_text(order.executed))
    deposits = sum(int(text.rpartition("=")[2]) for text in ACCOUNTS)
    assert venue.engine.total("USDT") == deposits * UNIT


def traded(seed, steps=1_500):
    trading = Trading(seed)
    for _ in range(steps):
        trading.step()
    return trading


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_incomes_events_and_fills_explain_every_wallet_and_position(seed):
    trading = traded(seed)
    check_books(trading)
    kinds = {income.kind for account in trading.venue.holders.values() for income in account.incomes}
    assert {"TRANSFER", "REALIZED_PNL", "COMMISSION", "FUNDING_FEE"} <= kinds
    names = {order.client_id.partition("-")[0] for a in trading.venue.holders.values() for order in a.orders.values()}
    assert "autoclose" in names, "somebody was liquidated"
    statuses = {algo.status for account in trading.venue.holders.values() for algo in account.algos.values()}
    assert {"FINISHED", "EXPIRED"} & statuses


@pytest.mark.parametrize(
    ("where", "name", "fault"),
    [
        (FuturesAccount, "earn", lambda true: lambda self, s, k, *more: k == "COMMISSION" or true(self, s, k, *more)),
        (FuturesKeeper, "_take_funding", lambda _: lambda *_: None),
        (FuturesKeeper, "_take_position", lambda true: lambda self, a, r: r.orig_lots and true(self, a, r)),
        (FuturesKeeper, "_take_wallet", lambda _: lambda *_: None),
    ],
    ids=["no fee told", "no funding told", "closed positions not told", "wallets not told"],
)
def test_a_planted_fault_is_noticed(monkeypatch, where, name, fault):
    monkeypatch.setattr(where, name, fault(getattr(where, name)))
    trading = traded(1, 600)
    with pytest.raises(AssertionError):
        check_books(trading)
