"""Backtests rule by rule: when a strategy is told what, what becomes of its requests, and what data is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from builders.backtest import MS, START_NS, instrument, prints, quotes, roomy
from builders.backtest_told import SECOND_NS, Told, flat, once

import bot4
from bot4._core.engine.lane_state import RefusalStage
from bot4.domain.instrument import ContractKind

SPOT, PERPETUAL = instrument(), instrument(kind=ContractKind.LINEAR)


def test_a_strategy_hears_start_books_trades_timers_and_the_end():
    told = Told()
    trades = prints(1, around=100)
    trades["recv_ns"] += 250 * MS
    bot4.backtest([flat(4), trades], SPOT, told, settings=roomy())
    ms = [(name, at // MS) for name, at in told.calls]
    assert ms == [
        ("start", 0), ("book", 0), ("timer", 100), ("book", 100), ("timer", 200), ("book", 200), ("trade", 250),
        ("timer", 300), ("book", 300), ("stop", 300),
    ]  # fmt: skip


def test_a_strategy_is_called_only_for_what_it_overrides():
    class Quiet(bot4.Strategy):
        def on_trade(self, _market, trade) -> None:
            self.price = trade.price_ticks

    quiet = Quiet()
    result = bot4.backtest([flat(50), prints(3, around=100)], SPOT, quiet, settings=roomy())
    assert result.calls["calls"] == 3
    assert abs(quiet.price - 100) <= 5


def test_what_has_no_method_of_a_strategy_is_refused():
    with pytest.raises(TypeError, match="int has none"):
        bot4.backtest(flat(2), SPOT, 7, settings=roomy())


def test_what_a_strategy_raises_ends_the_run_with_it():
    def fail(market) -> None:
        raise LookupError("no such thing")

    told = Told(once(fail, 3))
    with pytest.raises(LookupError, match="no such thing"):
        bot4.backtest(flat(10), SPOT, told, settings=roomy())
    assert [name for name, _ in told.calls].count("book") == 3


def test_a_fill_is_told_with_the_position_it_made():
    told = Told(once(lambda market: market.buy(30)))
    result = bot4.backtest(flat(4), SPOT, told, settings=roomy())
    ((fill, position),) = told.fills
    assert (fill.price_ticks, fill.qty_lots, fill.is_buy, fill.is_maker, position) == (101, 30, True, False, 30)
    # 30 lots at 50.5 cost 1.515, and 4 basis points of it.
    assert result.balances["USDT"] == Decimal(1_000_000) - Decimal("1.515") - Decimal("0.000606")
    assert fill.fee_atoms == 60_600


def test_a_strategy_sizes_an_order_by_money():
    told = Told(once(lambda market: market.buy(market.instrument.lots_worth("20", market.ask_ticks))))
    bot4.backtest(flat(4), SPOT, told, settings=roomy())
    ((fill, _),) = told.fills
    value = SPOT.notional(fill.price_ticks, fill.qty_lots)
    assert value <= 20 < value + SPOT.notional(fill.price_ticks, SPOT.lots_per_step)


def test_features_are_there_where_they_are_asked_for():
    seen: dict[bool, list[float]] = {}

    def look(reads: bool) -> list[float]:  # noqa: FBT001 - the switch under test
        told = Told(once(lambda market: seen.__setitem__(reads, market.features), 300))
        told.reads_features = reads
        bot4.backtest(quotes(300), SPOT, told, settings=roomy())
        return seen[reads]

    names = bot4.Features(0.5, 0.001, SECOND_NS).names
    at = names.index("queue_imbalance")
    assert -1.0 <= look(reads=True)[at] <= 1.0
    assert np.isnan(look(reads=False)[at])


# -- what becomes of requests ------------------------------------------------------------------------------------------


def test_an_order_and_its_report_take_their_latencies_and_the_strategy_takes_its_own():
    told = Told(once(lambda market: market.buy(1)))
    settings = roomy(paper__latency="fixed", paper__latency_fixed_ms=2)
    result = bot4.backtest(flat(4), SPOT, told, settings=settings, strategy_latency_ns=5 * MS)
    assert [int(row["ts_ns"]) - START_NS for row in result.orders] == [5 * MS]
    assert [int(row["venue_ns"]) - START_NS for row in result.fills] == [7 * MS]
    assert [at for name, at in told.calls if name == "fill"] == [9 * MS]


def test_on_its_own_clock_the_venue_has_moved_on_before_we_hear_of_it():
    rows = flat(3, age_ns=50 * MS)
    rows["bid_ticks"] += np.array([0, 10, 20])
    rows["ask_ticks"] += np.array([0, 10, 20])
    prices = {}
    for venue_clock in (True, False):
        told = Told(once(lambda market: market.buy(1, market.ask_ticks + 50, tif="ioc")))
        settings = roomy(paper__latency="fixed", paper__latency_fixed_ms=60)
        result = bot4.backtest(rows, SPOT, told, settings=settings, venue_clock=venue_clock)
        prices[venue_clock] = [int(row["price_ticks"]) for row in result.fills]
    # Sent at 0, there at 60 ms; the quote we hear of at 100 ms was the venue's at 50 ms.
    assert prices == {True: [111], False: [101]}


def test_a_request_beyond_the_risk_limits_is_a_refusal_and_no_order():
    told = Told(once(lambda market: market.buy(10_000, 101)))
    result = bot4.backtest(flat(4), SPOT, told, settings=roomy(risk__order_notional_max="100"))
    assert len(result.orders) == 0
    assert [int(row["stage"]) for row in result.refusals] == [RefusalStage.REFUSED_BY_RISK]
    assert "1 requests were refused" in " ".join(result.notes)


def test_a_request_the_account_cannot_pay_is_a_refusal():
    told = Told(once(lambda market: market.buy(1_000, 101)))
    result = bot4.backtest(flat(4), SPOT, told, settings=roomy(paper__balance_quote="20"))
    assert [int(row["stage"]) for row in result.refusals] == [RefusalStage.REFUSED_BY_ACCOUNT]


def test_an_open_breaker_stops_a_strategys_orders():
    def trade(market) -> None:
        market.buy(1, 101, tif="ioc")

    # No answer is ever quick enough for this breaker: it opens, and what follows is refused.
    settings = roomy(
        paper__latency="fixed", paper__latency_fixed_ms=50, breaker__latency_max_ms=1, breaker__cooldown_ms=86_400_000
    )
    result = bot4.backtest(flat(200), SPOT, Told(trade), settings=settings)
    stages = {int(row["stage"]) for row in result.refusals}
    assert stages == {RefusalStage.REFUSED_BY_BREAKER}
    assert 0 < len(result.orders) < 100 < len(result.refusals)


def test_orders_rest_are_seen_and_are_cancelled():
    seen: list[list[tuple[int, int, bool]]] = []

    def act(market) -> None:
        seen.append([(order.price_ticks, order.qty_lots, order.cancel_pending) for order in market.orders])
        if len(seen) == 1:
            market.buy(5, 90, post_only=True)
            market.buy(6, 91)
        elif len(seen) == 3:
            market.cancel(market.orders[0].order_id)
        elif len(seen) == 5:
            market.cancel_all()

    result = bot4.backtest(flat(8), SPOT, Told(act), settings=roomy())
    assert seen[1] == [(90, 5, False), (91, 6, False)]
    assert seen[3] == [(91, 6, False)]
    assert seen[5] == []
    assert len(result.ends) == 2


def test_requests_are_taken_only_in_a_call_for_that_instrument():
    two = [instrument("BTCUSDT"), instrument("ETHUSDT")]
    kept: list[Any] = []

    def act(market) -> None:
        kept.append(market)
        if kept[0] is not market:
            kept[0].buy(1)

    with pytest.raises(RuntimeError, match="BTCUSDT takes requests only in a call for it"):
        bot4.backtest({"BTCUSDT": flat(3), "ETHUSDT": flat(3)}, two, Told(act), settings=roomy())
    with pytest.raises(RuntimeError, match="only in a call"):
        kept[0].sell(1)


def test_no_request_is_taken_at_the_end():
    class Late(bot4.Strategy):
        def on_stop(self, market) -> None:
            market.buy(1)

    result = bot4.backtest(flat(3), SPOT, Late(), settings=roomy())
    assert (len(result.orders), result.calls["late"]) == (0, 1)


# -- a C function ------------------------------------------------------------------------------------------------------
