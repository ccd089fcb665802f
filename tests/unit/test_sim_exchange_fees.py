"""Fees of the exchange by examples: rates, rounding, tiers, rebates, the fee asset."""

from __future__ import annotations

import pytest
from builders.exchange import BUY, SELL, UNIT, Venue

from bot4._core.sim.exchange_dtype import money_of
from bot4._core.sim.exchange_types import ExchangeOrderType as Type
from bot4._core.sim.exchange_types import ExecutionType

DAY_NS = 86_400 * 10**9
QUOTE = UNIT // 10**7  # atoms of a tick times a lot
LOT = UNIT // 10**5


def trade(venue: Venue, lots: int, price: int, *, maker: int = 0, taker: int = 1) -> list[tuple[int, int, int]]:
    """The taker buys from the maker: (is maker, asset, fee) of both."""
    venue.exchange.clear_reports()
    venue.place(venue.accounts[maker], SELL, Type.TYPE_LIMIT, qty_lots=lots, price_ticks=price)
    venue.place(venue.accounts[taker], BUY, Type.TYPE_MARKET, qty_lots=lots)
    trades = venue.reports(ExecutionType.EXECUTION_TRADE)
    return [(int(t["is_maker"]), int(t["asset"]), money_of(t, "fee_atoms")) for t in trades]


def test_a_fee_is_rounded_up_to_an_atom():
    venue = Venue(2, symbol={"maker_fee_e8": 1, "taker_fee_e8": 3})
    fees = trade(venue, 1, 1)
    assert fees == [(0, venue.btc, 1), (1, venue.usdt, 1)]  # 0.3 and 0.001 atoms


def test_a_rebate_is_rounded_towards_nothing_and_paid_by_the_house():
    venue = Venue(2, symbol={"maker_fee_e8": -15_000, "taker_fee_e8": 0})
    assert trade(venue, 1, 1) == [(0, venue.btc, 0), (1, venue.usdt, -15)]
    assert venue.exchange.balance(0, venue.usdt) == (-15, 0)
    assert venue.exchange.total(venue.usdt) == 2 * 10**6 * UNIT


def test_rates_of_an_account_go_before_those_of_the_symbol():
    venue = Venue(2, symbol={"maker_fee_e8": 100_000, "taker_fee_e8": 100_000})
    venue.exchange.set_account_fees(venue.accounts[1], 0, 20_000)
    assert venue.exchange.fees(venue.accounts[1], venue.btcusdt) == (0, 20_000)
    assert trade(venue, 10, 100)[0] == (0, venue.btc, 10 * LOT * 20_000 // 10**8)


def test_a_tier_follows_the_volume_of_thirty_whole_days_from_midnight_on():
    venue = Venue(2)
    venue.exchange.set_fee_tiers(venue.usdt, [(0, 100_000, 200_000), (1000 * QUOTE, 50_000, 60_000)])
    taker = venue.accounts[1]
    trade(venue, 10, 100)
    assert venue.exchange.volume_30d(taker) == 0
    assert venue.exchange.fees(taker, venue.btcusdt) == (100_000, 200_000)
    for days, volume, rates in (
        (1, 1000 * QUOTE, (50_000, 60_000)),
        (30, 1000 * QUOTE, (50_000, 60_000)),
        (31, 0, None),
    ):
        venue.exchange.advance(days * DAY_NS)
        assert venue.exchange.volume_30d(taker) == volume
        assert venue.exchange.fees(taker, venue.btcusdt) == (rates or (100_000, 200_000))


def test_volume_of_another_quote_counts_at_the_last_price():
    venue = Venue(2)
    venue.exchange.set_fee_tiers(venue.usdt, [(0, 0, 0)])
    for symbol, price in ((venue.btcusdt, 5000), (venue.ethbtc, 300)):
        venue.place(venue.accounts[0], SELL, Type.TYPE_LIMIT, qty_lots=7, price_ticks=price, symbol=symbol)
        venue.place(venue.accounts[1], BUY, Type.TYPE_LIMIT, qty_lots=7, price_ticks=price, symbol=symbol)
    venue.exchange.advance(DAY_NS)
    in_btc = 7 * 300 * (UNIT // 10**9)
    in_usdt = in_btc * 5000 * QUOTE // LOT
    assert venue.exchange.volume_30d(venue.accounts[1]) == 7 * 5000 * QUOTE + in_usdt


@pytest.fixture
def venue_with_fee_asset() -> Venue:
    """ETH is the fee asset, a quarter off; ETHUSDT has traded at 20.00."""
    venue = Venue(2, symbol={"maker_fee_e8": 0, "taker_fee_e8": 100_000})
    venue.payer = venue.exchange.open_account("payer", pays_in_fee_asset=True)
    venue.exchange.deposit(venue.payer, venue.usdt, UNIT)
    venue.exchange.set_fee_asset(venue.eth, 250_000)
    for side, account in zip((SELL, BUY), venue.accounts, strict=True):
        venue.place(account, side, Type.TYPE_LIMIT, qty_lots=1, price_ticks=2000, symbol=venue.ethusdt)
    venue.accounts.append(venue.payer)
    return venue


def test_the_fee_asset_pays_at_a_discount_and_at_its_last_price(venue_with_fee_asset):
    venue = venue_with_fee_asset
    venue.exchange.deposit(venue.payer, venue.eth, UNIT)
    fee = trade(venue, 10, 100, taker=2)[0]
    in_usdt = 10 * 100 * QUOTE * 75_000 // 10**8
    assert fee == (0, venue.eth, -(-in_usdt // 20))
    assert venue.exchange.balance(venue.payer, venue.btc) == (10 * LOT, 0)
    assert venue.exchange.balance(venue.payer, venue.eth) == (UNIT - fee[2], 0)
    assert venue.exchange.balance(0, venue.eth)[0] >= fee[2]


def test_without_enough_of_the_fee_asset_the_whole_fee_is_paid_in_what_is_received(venue_with_fee_asset):
    venue = venue_with_fee_asset
    venue.exchange.deposit(venue.payer, venue.eth, 10)
    assert trade(venue, 10, 100, taker=2)[0] == (0, venue.btc, 10 * LOT // 1000)
    assert venue.exchange.balance(venue.payer, venue.eth) == (10, 0)
