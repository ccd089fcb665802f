"""Random requests to an exchange, and the exchange and its twin side by side through them.

The markets are narrow (a hundred ticks) and the accounts few, so that trades, self-trades, triggers, lists and refusals
of every kind are common. Everything follows from the seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles.sim_exchange import ExchangeTwin
from oracles.sim_exchange_money import AverageTwin
from oracles.sim_exchange_parts import Account, Symbol

from bot4._core.risk.filters import Filters
from bot4._core.sim.exchange import Exchange
from bot4._core.sim.exchange_dtype import REPORT_DTYPE, REQUEST_DTYPE, RESULT_DTYPE, money_of
from bot4._core.sim.exchange_types import ExchangeVerdict, RequestKind
from builders.exchange import UNIT

ASSETS = 3
SYMBOLS = 3
MAX_ORDERS = 512
LONG = 2_000
MAX_REPORTS = 1 << 13
ACCOUNTS = 6
MID = 1000
FUNDS = 3 * UNIT // 10**2
FILTERS = {
    "min_price_ticks": 800,
    "max_price_ticks": 1300,
    "min_qty_lots": 2,
    "max_qty_lots": 60,
    "qty_step_lots": 2,
    "market_max_qty_lots": 26,
    "percent_price": True,
    "percent_price_by_side": True,
    "bid_down_ppm": 850_000,
    "bid_up_ppm": 1_080_000,
    "ask_down_ppm": 920_000,
    "ask_up_ppm": 1_200_000,
    "min_notional_ticklots": 4000,
    "max_notional_ticklots": 58_000,
    "max_applies_to_market": True,
    "max_num_orders": 20,
    "max_position_lots": 3_050,
}
LIMITS = {
    "max_iceberg_parts": 5,
    "max_algo_orders": 4,
    "max_iceberg_orders": 3,
    "max_order_lists": 2,
    "max_amends": 1,
    "min_trailing_above_bips": 10,
    "max_trailing_above_bips": 700,
    "min_trailing_below_bips": 20,
    "max_trailing_below_bips": 800,
    "range_down_ppm": 930_000,
    "range_up_ppm": 1_070_000,
}
# Symbol 0 is filtered, symbol 1 has volume-weighted averages only, symbol 2 neither and trades BTC for BTC-priced ETH.
OPTIONS: list[dict[str, Any]] = [
    {"filters": FILTERS, "limits": LIMITS, "minutes": 1, "rates": (50_000, 100_000), "stp": (0, 1, 2, 3, 4, 5)},
    {"filters": {}, "limits": {}, "minutes": 5, "rates": (-10_000, 40_000), "stp": (0, 1, 2, 3, 4, 5)},
    {"filters": {}, "limits": {"range_up_ppm": 1_050_000}, "minutes": 0, "rates": (0, 75_001), "stp": (0, 1, 3)},
]
HOUSE_LIMITS = {"max_orders": 40, "max_algo_orders": 14, "max_iceberg_orders": 5, "max_order_lists": 4}
PAIRS = [(1, 0, "0.01", "0.00001"), (2, 0, "0.01", "0.0001"), (2, 1, "0.00001", "0.0001")]
TIERS = [(0, 60_000, 110_000), (UNIT // 10**6, 30_000, 90_000), (UNIT // 10**5, -5_000, 70_000)]


class Pair:
    """The compiled exchange and its twin with the same tables."""

    def __init__(
        self, make_twin: type[ExchangeTwin] = ExchangeTwin, *, with_tiers: bool = False, for_long_flows: bool = False
    ):
        # The twin knows no bound on open orders: long flows leave thousands.
        sizes = (1 << 13, 1 << 17) if for_long_flows else (MAX_ORDERS, MAX_REPORTS)
        self.exchange = Exchange(max_orders=sizes[0], max_accounts=8, max_assets=4, max_symbols=4, max_reports=sizes[1])
        self.twin = make_twin()
        decimals = 12
        for name in ("USDT", "BTC", "ETH"):
            self.exchange.add_asset(name, decimals)
        self.twin.assets = ASSETS
        for number, ((base, quote, tick, lot), options) in enumerate(zip(PAIRS, OPTIONS, strict=True)):
            maker, taker = options["rates"]
            self.exchange.add_symbol(
                f"S{number}", base, quote, tick_size=tick, lot_size=lot, maker_fee_e8=maker, taker_fee_e8=taker,
                filters=Filters(**options["filters"]) if options["filters"] else None, stp_modes=options["stp"],
                average_price_mins=options["minutes"], window_ticks=64, far_capacity=256, change_capacity=1 << 12,
                **options["limits"],
            )  # fmt: skip
            lot_atoms = UNIT // 10 ** (len(lot) - 2)
            self.twin.symbols.append(
                Symbol(
                    base,
                    quote,
                    lot_atoms,
                    lot_atoms // 10 ** (len(tick) - 2),
                    options["rates"],
                    options["filters"],
                    options["limits"],
                    AverageTwin(options["minutes"]),
                    options["stp"],
                )
            )
        if with_tiers:
            self.exchange.set_fee_tiers(0, TIERS)
            self.exchange.set_fee_asset(1, 250_000)
            self.twin.money.tiers, self.twin.money.tier_asset = TIERS, 0
            self.twin.money.fee_asset, self.twin.money.discount_ppm = 1, 250_000
            self.exchange.set_exchange_limits(**HOUSE_LIMITS)
            self.twin.house_limits = HOUSE_LIMITS
        for number in range(ACCOUNTS):
            group = 7 if number in (1, 2) else -1
            rates = (20_000, 30_000) if number == 3 else None
            self.exchange.open_account(
                f"A{number}", trade_group=group, pays_in_fee_asset=with_tiers and number % 2 == 0,
                maker_fee_e8=rates and rates[0], taker_fee_e8=rates and rates[1],
            )  # fmt: skip
            self.twin.accounts.append(Account(group, rates, with_tiers and number % 2 == 0))
        self.books: list[dict[tuple[int, int], int]] = [{} for _ in range(SYMBOLS)]
        self.last_ids = [0] * SYMBOLS
        self.deposited = [0] * ASSETS
        funds = np.zeros(ACCOUNTS * ASSETS, REQUEST_DTYPE)
        funds["kind"] = RequestKind.REQUEST_DEPOSIT
        funds["account"], funds["symbol"] = np.divmod(np.arange(len(funds)), ASSETS)
        funds["account"] += 1
        funds["quote_atoms_low"] = FUNDS
        self.run(funds)

    def run(self, requests: np.ndarray) -> np.ndarray:
        """Run rows through both and compare everything; returns the results.

        The log need not hold all records of the rows: what it cannot be sure to hold it refuses, and goes on when the
        records have been taken.
        """
        results = np.zeros(len(requests), RESULT_DTYPE)
        done, taken = 0, []
        while done < len(requests):
            applied = self.exchange.run_requests(requests[done:], results[done:])
            taken.append(self.exchange.take_reports())
            assert applied, "a request that an empty log does not hold"
            done += applied
        rows, place = [row_of(request) for request in requests], 0
        outcomes: list[tuple[int, int, int]] = []
        while place < len(rows):
            length = {6: 2, 7: 2, 8: 3}.get(rows[place]["kind"], 1)
            outcomes += self.twin.apply(rows[place : place + length])
            place += length
        mine = [(int(r["verdict"]), int(r["cancel_verdict"]), int(r["order_id"])) for r in results]
        for number, (got, expected) in enumerate(zip(mine, outcomes, strict=True)):
            assert got == tuple(map(int, expected)), (rows[number], got, expected)
        self.compare_reports(np.concatenate(taken))
        self.compare_state()
        for row, (verdict, _, _) in zip(rows, mine, strict=True):
            if verdict == 0 and row["kind"] in (RequestKind.REQUEST_DEPOSIT, RequestKind.REQUEST_WITHDRAW):
                sign = 1 if row["kind"] == RequestKind.REQUEST_DEPOSIT else -1
                self.deposited[row["symbol"]] += sign * row["quote_atoms"]
        self.check_conserved()
        return results

    def compare_reports(self, reports: np.ndarray) -> None:
        check_reports(reports)
        mine = reports.tolist()
        for got, expected in zip(mine, self.twin.reports, strict=False):
            assert got == tuple(map(int, expected)), differing(got, expected)
        assert len(mine) == len(self.twin.reports)
        self.twin.reports = []

    def compare_state(self) -> None:
        for symbol in range(SYMBOLS):
            first, last, levels = self.exchange.take_depth(symbol)
            assert first == self.last_ids[symbol] + 1
            self.last_ids[symbol] = last
            for side, price, lots in levels.tolist():
                self.books[symbol].pop((side, price), None)
                if lots:
                    self.books[symbol][side, price] = lots
            for side, snapshot in zip((0, 1), self.exchange.depth(symbol)[1:], strict=True):
                levels = [(row[1], row[2]) for row in snapshot.tolist()]
                assert levels == self.twin.depth(symbol, side)
                assert dict(levels) == {price: lots for (s, price), lots in self.books[symbol].items() if s == side}
            assert self.exchange.last_price_ticks(symbol) == self.twin.symbols[symbol].last
            assert self.exchange.reference_price_ticks(symbol) == self.twin.reference(self.twin.symbols[symbol])
        assert self.exchange.order_count == len(self.twin.orders)
        assert self.exchange.state_hash() == self.twin.state_hash()

    def set_status(self, symbol: int, status: int) -> None:
        self.exchange.set_symbol_status(symbol, status)
        self.twin.symbols[symbol].status = status

    def set_reference(self, symbol: int, price_ticks: int) -> None:
        self.exchange.set_reference_price(symbol, price_ticks)
        self.twin.symbols[symbol].reference = price_ticks

    def check_conserved(self) -> None:
        """No atom is made or lost, and what is locked is what the open orders lock."""
        for asset in range(ASSETS):
            assert self.exchange.total(asset) == self.deposited[asset]
        for account in range(1, ACCOUNTS + 1):
            locked = [0] * ASSETS
            for symbol, (base, quote, _, _) in enumerate(PAIRS):
                for order in self.exchange.open_orders(account, symbol):
                    locked[quote if order["side"] == 0 else base] += money_of(order, "locked_atoms")
            assert locked == [self.exchange.balance(account, asset)[1] for asset in range(ASSETS)]


def row_of(request: np.void) -> dict[str, int]:
    row = dict(zip(REQUEST_DTYPE.names or (), request.tolist(), strict=True))
    row["quote_atoms"] = (row.pop("quote_atoms_high") << 64) + row.pop("quote_atoms_low")
    return row


def differing(got: tuple[int, ...], expected: tuple[int, ...]) -> dict[str, tuple[int, int]]:
    names = REPORT_DTYPE.names or ()
    fields = {name: (a, int(b)) for name, a, b in zip(names, got, expected, strict=True) if a != int(b)}
    return {"sequence": (got[0], int(expected[0])), "kind": (got[27], int(expected[27]))} | fields


def check_reports(reports: np.ndarray) -> None:
    """What holds of any reports: executed + prevented + rest = original, and the sequence has no gap."""
    orders = reports[reports["execution_type"] <= 6]
    assert (orders["executed_lots"] + orders["prevented_lots"] <= orders["orig_lots"]).all()
    used = orders["executed_lots"] + orders["prevented_lots"] == orders["orig_lots"]
    assert used[orders["status"] == 2].all()
    assert (np.diff(reports["sequence"].astype(np.int64)) == 1).all()


class Flow:
    """Requests drawn from a seed; it learns the numbers of orders from the results."""

    KINDS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11)
    WEIGHTS = (0.62, 0.1, 0.004, 0.05, 0.05, 0.01, 0.05, 0.05, 0.05, 0.008, 0.008)

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.known: list[tuple[int, int, int]] = [(1, 1, 0)]
        self.now_ns = 10**15
        self.drift = [MID] * SYMBOLS

    def chunk(self, count: int) -> np.ndarray:
        rows: list[tuple[int, ...]] = []
        kinds = self.rng.choice(self.KINDS, count, p=self.WEIGHTS)
        for kind in kinds.tolist():
            rows += self.request(kind)
        rows += [self.broken_row() for _ in range(self.rng.integers(4))]
        return np.array(rows, REQUEST_DTYPE)

    def learn(self, requests: np.ndarray, results: np.ndarray) -> None:
        """Remember who placed what, the latest few hundred."""
        placed = (results["verdict"] == 0) & (results["order_id"] > 0)
        columns = (results["order_id"][placed], requests["account"][placed], requests["symbol"][placed])
        self.known = (self.known + list(zip(*(column.tolist() for column in columns), strict=True)))[-400:]

    def request(self, kind: int) -> list[tuple[int, ...]]:
        rng = self.rng
        step = rng.random()
        # Mostly within a second, at times a minute or a day later.
        self.now_ns += int(step * 10**9) if step < 0.97 else 30 * 10**9 if step < 0.999 else 86_400 * 10**9
        symbol, account = int(rng.integers(SYMBOLS)), int(rng.integers(1, ACCOUNTS + 1))
        self.drift[symbol] = int(np.clip(self.drift[symbol] + rng.integers(-2, 3), 900, 1100))
        if kind in (10, 11):
            return [self.row(kind, account, int(rng.integers(ASSETS)), quote_atoms=int(rng.integers(FUNDS // 50)))]
        if kind in (1, 4):
            order_id, account, symbol = self.known[-1 - int(rng.integers(min(60, len(self.known))))]
            flags = int(rng.choice((0, 4, 8), p=(0.9, 0.05, 0.05))) if kind == 1 else 0
            return [
                self.row(kind, account, symbol, order_id=order_id, flags=flags, qty_lots=2 * int(rng.integers(1, 10)))
            ]
        if kind in (2, 5):
            return [self.row(kind, account, symbol)]
        if kind >= 6:
            return self.order_list(kind, account, symbol)
        fields = self.order(symbol)
        if kind == 3:
            order_id, account, symbol = self.known[-1 - int(rng.integers(min(40, len(self.known))))]
            fields |= {"order_id": order_id, "flags": fields["flags"] | int(rng.choice((0, 2)))}
        return [self.row(kind, account, symbol, **fields)]

    def row(self, kind: int, account: int, symbol: int, **fields: int) -> tuple[int, ...]:
        get = fields.get
        quote = get("quote_atoms", 0)
        return (
            kind, get("side", 0), get("type", 0), get("tif", 0), get("stp", 0), get("flags", 0), symbol, account,
            get("trailing_bips", 0), get("qty_lots", 0), get("price_ticks", 0), get("stop_ticks", 0),
            get("iceberg_lots", 0), quote & (2**64 - 1), quote >> 64, get("expire_ns", 0), get("client_key", 0),
            self.now_ns, get("order_id", 0),
        )  # fmt: skip

    def broken_row(self) -> tuple[int, ...]:
        """A row that names what is not there."""
        choices = ((0, 2, 4, 9, 10, 200), (0, 2, 2, 99), (0, 0, 77), (0, 64))
        kind, account, symbol, flags = (int(self.rng.choice(values)) for values in choices)
        return self.row(kind, account, symbol, qty_lots=2, price_ticks=MID, flags=flags, quote_atoms=-symbol)

    def order(self, symbol: int) -> dict[str, int]:
        """One order of any type; a few in a hundred are broken in one field."""
        rng = self.rng
        kind = int(rng.choice(7, p=(0.5, 0.12, 0.1, 0.08, 0.08, 0.06, 0.06)))
        mid, side = self.drift[symbol], int(rng.integers(2))
        fields = {
            "side": side,
            "type": kind,
            "qty_lots": 2 * int(rng.integers(1, 16)),
            "stp": int(rng.choice(6, p=(0.4, 0.1, 0.1, 0.1, 0.1, 0.2))),
            "client_key": int(rng.integers(0, 60)) if rng.random() < 0.3 else 0,
            "flags": 0,
        }
        if kind in (0, 2, 4, 6):
            away = int(rng.integers(-25, 60)) if kind != 2 else int(rng.integers(-2, 60))
            fields["price_ticks"] = mid - away if side == 0 else mid + away
            fields["tif"] = int(rng.choice(4, p=(0.7, 0.12, 0.08, 0.1))) if kind != 2 else 0
            if fields["tif"] == 3:
                fields["expire_ns"] = self.now_ns + int(rng.integers(1, 40)) * 10**9
            if fields["tif"] in (0, 3) and rng.random() < 0.15:
                fields["iceberg_lots"] = 2 * int(rng.integers(1, 5))
        if kind >= 3:
            upwards = (kind in (3, 4)) == (side == 0)
            stop = mid + int(rng.integers(-5, 40)) * (1 if upwards else -1)
            way = rng.random()
            if way < 0.75:
                fields["stop_ticks"] = stop
            if way > 0.65:
                fields["trailing_bips"] = int(rng.integers(1, 400))
        if kind == 1 and rng.random() < 0.4:
            fields["quote_atoms"] = fields.pop("qty_lots") * mid * int(rng.integers(1, 3)) * UNIT // 10**8 * (
                10 if symbol else 1
            ) + int(rng.integers(10**4))
        if rng.random() < 0.03:
            name = str(rng.choice(sorted(fields)))
            fields[name] = int(rng.choice((0, 3, 6, 9, 77)))
        return fields

    def order_list(self, kind: int, account: int, symbol: int) -> list[tuple[int, ...]]:
        """Legs that mostly make a list: a profit and a stop around the market, or orders behind a working one."""
        rng, mid = self.rng, self.drift[symbol]
        side, lots = int(rng.integers(2)), 2 * int(rng.integers(1, 16))
        away = 1 if side == 1 else -1
        profit = {"side": side, "type": 2, "qty_lots": lots, "price_ticks": mid + away * int(rng.integers(1, 40))}
        if rng.random() < 0.3:
            profit["type"] = int(rng.choice((5, 6)))
            profit["stop_ticks"] = profit["price_ticks"]
            if profit["type"] == 5:
                del profit["price_ticks"]
        stop = {"side": side, "type": int(rng.choice((3, 4))), "qty_lots": lots}
        stop["stop_ticks"] = mid - away * int(rng.integers(1, 40))
        if stop["type"] == 4:
            stop["price_ticks"] = stop["stop_ticks"] - away * int(rng.integers(-2, 6))
        if rng.random() < 0.15:
            stop["trailing_bips"] = int(rng.integers(20, 400))
        legs = [profit, stop] if rng.random() < 0.5 else [stop, profit]
        if kind != 6:
            working = {"side": 1 - side if rng.random() < 0.8 else side, "type": int(rng.choice((0, 2), p=(0.8, 0.2)))}
            working |= {"qty_lots": lots, "price_ticks": mid + away * int(rng.integers(-30, 12))}
            working["tif"] = 0 if working["type"] == 2 else int(rng.choice(3, p=(0.8, 0.15, 0.05)))
            legs = [working, *legs] if kind == 8 else [working, self.order(symbol)]
        for leg in legs:
            leg["stp"] = int(rng.choice((0, 1, 3)))
            if rng.random() < 0.2:
                leg["client_key"] = int(rng.integers(1, 60))
        if rng.random() < 0.08:
            field, value = (("qty_lots", lots + 2), ("type", 0), ("type", 3))[int(rng.integers(3))]
            legs[-1][field] = value
        return [self.row(kind if not i else 9, account, symbol, **leg) for i, leg in enumerate(legs)]


def run_flow(seed: int, requests: int, *, chunk: int = 200, make_twin: type[ExchangeTwin] = ExchangeTwin) -> Pair:
    """Run random requests through the exchange and its twin, compared after every chunk."""
    flow, pair = Flow(seed), Pair(make_twin, with_tiers=bool(seed % 2), for_long_flows=requests > LONG)
    while requests > 0:
        rows = flow.chunk(min(chunk, requests))
        flow.learn(rows, pair.run(rows))
        requests -= chunk
        symbol = int(flow.rng.integers(SYMBOLS))
        pair.set_status(symbol, int(flow.rng.choice(3, p=(0.9, 0.05, 0.05))))
        pair.set_reference(symbol, int(flow.rng.choice((0, flow.drift[symbol]), p=(0.8, 0.2))))
    return pair


def verdict_counts(seed: int, requests: int) -> dict[str, int]:
    """How often each verdict came, to show that a flow reaches what it is meant to reach."""
    flow, pair, counts = Flow(seed), Pair(with_tiers=True), {}
    for part in range(requests // 200):
        pair.exchange.set_symbol_status(0, part % 10 == 9)
        rows = flow.chunk(200)
        results, done = np.zeros(len(rows), RESULT_DTYPE), 0
        while done < len(rows):
            done += pair.exchange.run_requests(rows[done:], results[done:])
            pair.exchange.clear_reports()
        flow.learn(rows, results)
        for verdict in results["verdict"].tolist():
            name = ExchangeVerdict(verdict).name.removeprefix("VERDICT_")
            counts[name] = counts.get(name, 0) + 1
    return counts
