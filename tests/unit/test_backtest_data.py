"""Several instruments, bars, and what data of a backtest is refused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from builders.backtest import LAST, MS, SNAPSHOT, START_NS, bars, instrument, l2_market, roomy
from builders.backtest_told import SECOND_NS, Told, flat, once

import bot4
from bot4.domain.errors import ConfigError, DataError
from bot4.domain.instrument import ContractKind

SPOT, PERPETUAL = instrument(), instrument(kind=ContractKind.LINEAR)


def test_instruments_are_merged_by_time_and_ties_go_by_the_order_given():
    two = [instrument("BTCUSDT"), instrument("ETHUSDT")]
    heard: list[tuple[str, int]] = []
    told = Told(lambda market: heard.append((market.symbol, market.now_ns - START_NS)))
    late = flat(3)
    late["recv_ns"][1] += MS
    bot4.backtest({"ETHUSDT": flat(3), "BTCUSDT": late}, two, told, settings=roomy())
    assert [(name[:3], at // MS) for name, at in heard] == [
        ("ETH", 0), ("BTC", 0), ("ETH", 100), ("BTC", 101), ("ETH", 200), ("BTC", 200)
    ]  # fmt: skip


def test_each_instrument_has_its_own_position_and_the_account_is_one():
    two = [instrument("BTCUSDT"), instrument("ETHUSDT")]
    bought: set[str] = set()

    def act(market) -> None:
        if market.symbol not in bought:
            bought.add(market.symbol)
            market.buy(10 if market.symbol == "BTCUSDT" else 20)

    result = bot4.backtest({"BTCUSDT": flat(5), "ETHUSDT": flat(5, bid=50)}, two, Told(act), settings=roomy())
    assert result.positions == {"BTCUSDT": Decimal("0.010"), "ETHUSDT": Decimal("0.020")}
    spent = Decimal("0.505") + Decimal("0.51")
    assert result.balances["USDT"] == Decimal(1_000_000) - spent * Decimal("1.0004")


# -- bars --------------------------------------------------------------------------------------------------------------


def test_what_is_asked_for_at_a_close_fills_at_the_next_open_and_not_at_that_close():
    rows = bars([1_000, 1_010, 1_020, 1_030])
    rows["open_ticks"][2] = 1_013  # a gap between the second close and the third open

    class Buyer(bot4.Strategy):
        def on_bar(self, market, bar) -> None:
            if bar.close_ticks == 1_010:
                market.buy(5, 1_100, tif="ioc")

    settings = roomy(paper__latency="fixed", paper__latency_fixed_ms=1)
    result = bot4.backtest(rows, SPOT, Buyer(), settings=settings)
    assert [(int(row["price_ticks"]), int(row["qty_lots"])) for row in result.fills] == [(1_014, 5)]


def test_a_limit_fills_where_the_bar_went_beyond_it_and_not_where_it_only_touched():
    class Resting(bot4.Strategy):
        def __init__(self, price: int) -> None:
            self.price, self.sent = price, False

        def on_bar(self, market, _bar) -> None:
            if not self.sent:
                self.sent = True
                market.buy(5, self.price)

    for price, filled in ((997, 0), (998, 5)):
        rows = bars([1_000, 1_000, 1_000])  # each reaches from 997 to 1,003
        result = bot4.backtest(rows, SPOT, Resting(price), settings=roomy())
        assert int(result.fills["qty_lots"].sum()) == filled


def test_of_a_stop_and_a_target_in_one_bar_the_worse_comes_first():
    """Long with a bid to add below and an offer above: the low is lived through before the high."""

    class Bracket(bot4.Strategy):
        def __init__(self) -> None:
            self.seen = 0

        def on_bar(self, market, _bar) -> None:
            self.seen += 1
            if self.seen == 1:
                market.buy(10, 1_100, tif="ioc")
            elif self.seen == 2:
                market.buy(3, 992)
                market.sell(4, 1_008)

    rows = bars([1_000, 1_000, 1_000, 1_000])
    rows["low_ticks"][2:], rows["high_ticks"][2:] = 990, 1_010
    result = bot4.backtest(rows, SPOT, Bracket(), settings=roomy())
    sides = [(int(row["side"]), int(row["price_ticks"])) for row in result.fills]
    assert sides[1:] == [(0, 992), (1, 1_008)]


def test_bars_are_told_whole_at_their_close():
    told = Told()
    bot4.backtest(bars([1_000, 1_004]), SPOT, told, settings=roomy())
    first = told.bars[0]
    assert (first.open_ticks, first.high_ticks, first.low_ticks, first.close_ticks) == (1_000, 1_003, 997, 1_000)
    assert [at // SECOND_NS for name, at in told.calls if name == "bar"] == [60, 120]


# -- data that is refused ----------------------------------------------------------------------------------------------


def test_rows_of_another_dtype_are_refused():
    with pytest.raises(ValueError, match=r"rows are of no dtype of bot4\.Rows"):
        bot4.backtest(np.zeros(3, "f8"), SPOT, settings=roomy())


def test_stamps_that_go_back_are_refused_by_row():
    rows = flat(5)
    rows["recv_ns"][3] = START_NS
    with pytest.raises(ValueError, match="row 3 was received"):
        bot4.backtest(rows, SPOT, settings=roomy())


def test_a_view_with_gaps_is_refused_as_it_cannot_be_read_in_place():
    with pytest.raises(ValueError, match="contiguous"):
        bot4.backtest(flat(6)[::2], SPOT, settings=roomy())


def test_depth_without_a_snapshot_is_refused():
    depth, _ = l2_market(5)
    rest = depth[np.flatnonzero(depth["flags"] == SNAPSHOT | LAST)[0] + 1 :]
    with pytest.raises(ValueError, match="begin with a snapshot"):
        bot4.backtest(rest, PERPETUAL, settings=roomy())


def test_data_of_an_instrument_there_is_not_and_none_at_all_are_refused():
    with pytest.raises(DataError, match="names 'ETHUSDT'"):
        bot4.backtest({"ETHUSDT": flat(3)}, SPOT, settings=roomy())
    with pytest.raises(DataError, match="not one row"):
        bot4.backtest(flat(0), SPOT, settings=roomy())
    with pytest.raises(DataError, match="mapping"):
        bot4.backtest(flat(3), [SPOT, instrument("ETHUSDT")], settings=roomy())


def test_arrays_are_read_where_they_lie_and_are_not_changed():
    rows = flat(100)
    rows.flags.writeable = False
    before = rows.copy()
    bot4.backtest(rows, SPOT, Told(once(lambda market: market.buy(1))), settings=roomy())
    assert (rows == before).all()


def test_a_setting_that_does_not_fit_the_instrument_is_a_config_error():
    with pytest.raises(ConfigError):
        bot4.backtest(flat(3), SPOT, settings=roomy(strategy__order_notional="0.0000001"))
