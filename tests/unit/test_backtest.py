"""Backtests rule by rule: when a strategy is told what, what becomes of its requests, and what data is refused."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from builders.backtest import LAST, MS, SNAPSHOT, START_NS, bars, instrument, l2_market, prints, quotes, roomy

import bot4
from bot4._core.engine.lane_state import RefusalStage
from bot4._core.engine.strategy import STRATEGY_CALL_DTYPE, TOP_DTYPE, WORKING_ORDER_DTYPE
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4.domain.errors import ConfigError, DataError
from bot4.domain.instrument import ContractKind

SPOT, PERPETUAL = instrument(), instrument(kind=ContractKind.LINEAR)
SECOND_NS = 1_000 * MS


class Told(bot4.Strategy):
    """Writes down what it is told, and runs a function on each change of the book."""

    timer_interval_ns = 100 * MS

    def __init__(self, act: Callable[[Any], None] = lambda _: None) -> None:
        self.calls: list[tuple[str, int]] = []
        self.fills: list[Any] = []
        self.bars: list[Any] = []
        self.act = act

    def on_start(self, market) -> None:
        self.calls.append(("start", market.now_ns - START_NS))

    def on_book(self, market) -> None:
        self.calls.append(("book", market.now_ns - START_NS))
        self.act(market)

    def on_trade(self, market, _trade) -> None:
        self.calls.append(("trade", market.now_ns - START_NS))

    def on_bar(self, market, bar) -> None:
        self.calls.append(("bar", market.now_ns - START_NS))
        self.bars.append(bar)

    def on_timer(self, market) -> None:
        self.calls.append(("timer", market.now_ns - START_NS))

    def on_fill(self, market, fill) -> None:
        self.calls.append(("fill", market.now_ns - START_NS))
        self.fills.append((fill, market.position_lots))

    def on_stop(self, market) -> None:
        self.calls.append(("stop", market.now_ns - START_NS))


def once(act: Callable[[Any], None], at: int = 1) -> Callable[[Any], None]:
    """Act on the at-th change of the book alone."""
    seen = [0]

    def acting(market: Any) -> None:
        seen[0] += 1
        if seen[0] == at:
            act(market)

    return acting


def flat(count: int, *, step_ns: int = 100 * MS, bid: int = 100, age_ns: int = 0) -> np.ndarray:
    rows = quotes(count, step_ns=step_ns, age_ns=age_ns)
    rows["bid_ticks"], rows["ask_ticks"], rows["bid_lots"], rows["ask_lots"] = bid, bid + 1, 500, 500
    return rows


# -- what a strategy is told -------------------------------------------------------------------------------------------


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

STRATEGY_FN = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 7)


def record(address: int, dtype: np.dtype, count: int = 1) -> np.ndarray:
    buffer = (ctypes.c_char * (dtype.itemsize * count)).from_address(address)
    return np.frombuffer(buffer, dtype, count)


def test_a_function_by_its_address_is_handed_what_the_layouts_say():
    seen: list[tuple[int, ...]] = []

    @STRATEGY_FN
    def function(call, top, event, _features, orders, requests, state) -> int:  # noqa: PLR0917 - the C type's
        told, touch = record(call, STRATEGY_CALL_DTYPE)[0], record(top, TOP_DTYPE)[0]
        working = record(orders, WORKING_ORDER_DTYPE, int(told["order_count"])) if told["order_count"] else []
        kind = int(record(event, EVENT_DTYPE)[0]["kind"])
        seen.append((
            int(told["now_ns"]) - START_NS, int(touch["bid_ticks"][0]), int(touch["ask_lots"][0]), kind,
            *(int(order["price_ticks"]) for order in working),
        ))  # fmt: skip
        counter = record(state, np.dtype("i8"))
        counter[0] += 1
        if counter[0] != 2:
            return 0
        request = record(requests, INTENT_DTYPE)
        request[0] = np.zeros(1, INTENT_DTYPE)[0]
        request["price_ticks"], request["qty_lots"] = 97, 3
        return 1

    address = ctypes.cast(function, ctypes.c_void_p).value
    strategy = bot4.CompiledStrategy(address, np.zeros(1, "i8"), wants=("book",))
    result = bot4.backtest(flat(3), SPOT, strategy, settings=roomy())
    assert seen == [(0, 100, 500, 5), (100 * MS, 100, 500, 5), (200 * MS, 100, 500, 5, 97)]
    assert [(int(row["price_ticks"]), int(row["qty_lots"])) for row in result.orders] == [(97, 3)]
    assert strategy.state[0] == 0  # a run works on a copy


def test_what_is_no_function_is_refused():
    for function in (None, 0, -5, "name", True):
        with pytest.raises(ValueError, match=r"a capsule named 'bot4\.strategy' or the address"):
            bot4.backtest(flat(2), SPOT, bot4.CompiledStrategy(function), settings=roomy())


def test_a_call_there_is_not_and_a_timer_without_an_interval_are_refused():
    with pytest.raises(ValueError, match="not for 'tick'"):
        bot4.backtest(flat(2), SPOT, bot4.CompiledStrategy(1, wants=("tick",)), settings=roomy())
    with pytest.raises(ValueError, match="timers need an interval"):
        bot4.backtest(flat(2), SPOT, bot4.CompiledStrategy(1, wants=("timer",)), settings=roomy())


# -- no look-ahead -----------------------------------------------------------------------------------------------------


def decisions(rows: np.ndarray, make: Callable[[np.ndarray], bot4.Strategy]) -> list[tuple[int, ...]]:
    result = bot4.backtest(rows, SPOT, make(rows), settings=roomy())
    return [tuple(int(row[name]) for name in ("ts_ns", "side", "price_ticks", "qty_lots")) for row in result.orders]


def check_blind_to_the_future(make: Callable[[np.ndarray], bot4.Strategy]) -> None:
    """Change everything after an event: what was decided up to it must not change."""
    rows = quotes(600, 5)
    whole = decisions(rows, make)
    assert len(whole) > 30
    for cut in range(50, 600, 25):
        other = rows.copy()
        tail = quotes(600, 99)[cut:]
        for name in ("bid_ticks", "ask_ticks", "bid_lots", "ask_lots"):
            other[name][cut:] = tail[name] + (300 if name.endswith("ticks") else 0)
        until = int(rows["recv_ns"][cut - 1])
        before = [row for row in whole if row[0] <= until]
        assert [row for row in decisions(other, make) if row[0] <= until] == before


class Momentum(bot4.Strategy):
    """Buys after a rise, sells after a fall; `peek` events ahead where a leak is planted."""

    def __init__(self, rows: np.ndarray, peek: int = 0) -> None:
        self.rows, self.peek, self.seen = rows, peek, 0

    def on_book(self, market) -> None:
        self.seen += 1
        now = self.rows["bid_ticks"][self.seen - 2] if self.seen > 1 else market.bid_ticks
        then = (
            self.rows["bid_ticks"][min(self.seen - 1 + self.peek, len(self.rows) - 1)]
            if self.peek
            else (market.bid_ticks)
        )
        if then > now and market.position_lots == 0:
            market.buy(10, market.ask_ticks, tif="ioc")
        elif then < now and market.position_lots > 0:
            market.sell(10, market.bid_ticks, tif="ioc")


def test_decisions_do_not_know_the_future():
    check_blind_to_the_future(Momentum)


def test_a_strategy_that_sees_the_event_after_next_is_found_out():
    with pytest.raises(AssertionError):
        check_blind_to_the_future(lambda rows: Momentum(rows, peek=2))


# -- several instruments and arrays ------------------------------------------------------------------------------------


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
