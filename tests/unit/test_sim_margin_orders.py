"""Orders of perpetuals by examples: algo orders, modify, post-only, countdown."""

from __future__ import annotations

import pytest
from builders.perpetual_world import BUY, MARK, SELL, Futures

from bot4._core.sim.exchange_types import ExchangeOrderType as Type
from bot4._core.sim.exchange_types import ExchangeTimeInForce as Tif
from bot4._core.sim.exchange_types import ExchangeVerdict as Verdict
from bot4._core.sim.exchange_types import ExecutionReason as Reason
from bot4._core.sim.exchange_types import ExecutionType as Execution
from bot4._core.sim.exchange_types import OrderFlag as Flag
from bot4._core.sim.margin_types import AlgoStatus


def test_a_stop_on_the_mark_price_closes_the_position_and_tells_all_its_states():
    venue = Futures()
    (trader,) = venue.traders
    venue.trade(trader, BUY, 5)
    flags = Flag.ORDER_CLOSE_POSITION | Flag.ORDER_MARK_PRICE
    assert venue.algo(trader, SELL, Type.TYPE_STOP_LOSS, stop_ticks=590_000, flags=flags) == (0, 1)
    venue.place(venue.maker, BUY, 20, 589_000)
    venue.exchange.clear_reports()
    venue.mark(590_001)
    assert venue.position(trader)[0] == 5
    venue.mark(590_000)
    assert venue.position(trader) == (0, 0)
    states = [AlgoStatus(report["status"]).name for report in venue.reports(Execution.EXECUTION_ALGO)]
    assert states == ["TRIGGERING", "TRIGGERED", "FINISHED"]
    assert len(venue.exchange.open_algo_orders(trader, venue.perp)) == 0


@pytest.mark.parametrize("marked", [False, True])
def test_a_protected_stop_waits_while_last_and_mark_price_are_far_apart(marked):
    venue = Futures(protect_ppm=10_000)
    (trader,) = venue.traders
    venue.trade(trader, BUY, 5)
    flags = Flag.ORDER_PRICE_PROTECT | (Flag.ORDER_MARK_PRICE if marked else 0)
    venue.algo(trader, SELL, Type.TYPE_STOP_LOSS, stop_ticks=595_000, qty_lots=5, flags=flags)
    venue.place(venue.maker, BUY, 100, 580_000)
    if marked:
        venue.mark(590_000)  # 600,000 was the last price: more than 1 % away
    else:
        venue.place(venue.maker, SELL, 1, 580_000)
    assert venue.position(trader)[0] == 5
    venue.mark(585_000)
    venue.place(venue.maker, SELL, 1, 580_000)  # near again, and the price is beyond the stop
    venue.mark(585_000)
    assert venue.position(trader)[0] == 0
    refused = venue.algo(trader, SELL, Type.TYPE_TAKE_PROFIT, qty_lots=1, trailing_bips=100, flags=flags)
    assert refused[0] == Verdict.VERDICT_BAD_FLAGS


def test_algo_orders_have_ids_and_keys_of_their_own_and_need_no_margin_until_they_trigger():
    venue = Futures()
    (trader,) = venue.traders
    exchange = venue.exchange
    stop = {"stop_ticks": 610_000, "qty_lots": 5_000, "client_key": 7}
    assert venue.algo(trader, BUY, Type.TYPE_STOP_LOSS, **stop) == (0, 1)
    assert venue.place(trader, BUY, 1, 590_000, client_key=7) == (0, 1)
    assert venue.algo(trader, BUY, Type.TYPE_STOP_LOSS, **stop)[0] == Verdict.VERDICT_DUPLICATE_ORDER
    assert (exchange.find(trader, 7), exchange.find_algo(trader, 7)) == (1, 1)
    venue.place(venue.maker, SELL, 6_000, 620_000)
    venue.place(venue.maker, BUY, 1, 620_000)  # the last price reaches the stop
    states = [AlgoStatus(report["status"]) for report in venue.reports(Execution.EXECUTION_ALGO)]
    assert states == [AlgoStatus.NEW, AlgoStatus.TRIGGERING, AlgoStatus.REJECTED]
    assert venue.place(trader, BUY, 5, order_type=Type.TYPE_STOP_LOSS, stop_ticks=1)[0] == Verdict.VERDICT_BAD_TYPE


def test_a_trailing_stop_follows_the_mark_and_sells_below_its_highest():
    venue = Futures()
    (trader,) = venue.traders
    venue.trade(trader, BUY, 5)
    flags = Flag.ORDER_REDUCE_ONLY | Flag.ORDER_MARK_PRICE
    more = {"trailing_bips": 100, "stop_ticks": 610_000, "qty_lots": 5, "flags": flags}
    assert venue.algo(trader, SELL, Type.TYPE_TAKE_PROFIT, **more)[0] == 0
    venue.place(venue.maker, BUY, 20, 590_000)
    for price in (605_000, 590_000, 610_000, 620_000, 613_801):
        venue.mark(price)
        assert venue.position(trader)[0] == 5
    venue.mark(613_800)
    assert venue.position(trader) == (0, 0)


def test_modify_takes_a_new_price_and_goes_to_the_end_of_its_queue():
    venue = Futures(2)
    first, second = venue.traders
    exchange = venue.exchange
    _, mine = venue.place(first, SELL, 5, 610_000)
    venue.place(second, SELL, 5, 610_000)
    modify = lambda **more: exchange.modify(first, venue.perp, mine, now_ns=venue.later(), **more)  # noqa: E731
    assert modify(qty_lots=5, price_ticks=610_000) == Verdict.VERDICT_NO_CHANGE
    assert modify(qty_lots=4, price_ticks=610_000) == 0
    venue.place(venue.maker, BUY, 5, 610_000)
    assert (venue.position(first)[0], venue.position(second)[0]) == (0, -5)
    assert modify(qty_lots=9_999, price_ticks=610_000) == Verdict.VERDICT_INSUFFICIENT_MARGIN
    assert exchange.open_orders(first, venue.perp)["orig_lots"].tolist() == [4]
    venue.place(venue.maker, BUY, 3, 600_000)
    assert modify(qty_lots=4, price_ticks=600_000) == 0
    assert venue.position(first)[0] == -3


def test_post_only_orders_are_refused_where_they_would_take_and_fok_fills_whole_or_not():
    venue = Futures()
    (trader,) = venue.traders
    venue.place(venue.maker, SELL, 5, MARK)
    assert venue.place(trader, BUY, 1, MARK, order_type=Type.TYPE_LIMIT_MAKER)[0] == Verdict.VERDICT_WOULD_MATCH
    assert venue.place(trader, BUY, 6, MARK, tif=Tif.TIME_FOK)[0] == 0
    assert venue.position(trader) == (0, 0)
    assert venue.place(trader, BUY, 5, MARK, tif=Tif.TIME_FOK)[0] == 0
    assert venue.position(trader)[0] == 5


def test_a_countdown_cancels_the_orders_of_its_symbol_once_it_is_over():
    venue = Futures()
    (trader,) = venue.traders
    exchange = venue.exchange
    venue.place(trader, BUY, 1, 590_000)
    assert exchange.countdown_cancel_all(trader, venue.perp, 1_000, now_ns=venue.later()) == 0
    assert exchange.countdown_cancel_all(trader, venue.perp, 2_000, now_ns=venue.later()) == 0
    exchange.advance(1_999)
    assert len(exchange.open_orders(trader, venue.perp)) == 1
    exchange.advance(2_500)
    (ended,) = venue.reports(Execution.EXECUTION_CANCELED)
    assert (ended["time_ns"], ended["reason"]) == (2_000, Reason.REASON_COUNTDOWN)
    assert exchange.symbol_margin(trader, venue.perp).countdown_ns == 0
