"""Perpetuals by examples: what each request does to positions and margins, worked out by hand."""

from __future__ import annotations

import pytest
from builders.perpetual_world import BUY, MARK, SELL, UNIT, Futures

from bot4._core.sim.exchange_dtype import money_of
from bot4._core.sim.exchange_types import ExchangeVerdict as Verdict
from bot4._core.sim.exchange_types import ExecutionReason as Reason
from bot4._core.sim.exchange_types import ExecutionType as Execution
from bot4._core.sim.exchange_types import OrderFlag as Flag
from bot4._core.sim.margin_types import ORIGIN_LIQUIDATION


def test_a_buy_opens_a_position_at_its_cost_and_pays_the_fee_from_the_wallet():
    venue = Futures(taker_fee_e8=50_000, maker_fee_e8=20_000)
    (trader,) = venue.traders
    venue.trade(trader, BUY, 10)
    assert venue.position(trader) == (10, 600 * UNIT)
    assert venue.position(venue.maker) == (-10, -600 * UNIT)
    assert venue.free(trader) == 1_000 * UNIT - 30_000_000
    assert venue.free(0) == 30_000_000 + 12_000_000
    assert venue.is_conserved()


def test_initial_margin_is_the_larger_side_over_the_leverage():
    venue = Futures()
    (trader,) = venue.traders
    venue.trade(trader, BUY, 10)
    venue.place(trader, BUY, 5, 590_000)
    venue.place(trader, SELL, 12, 610_000)
    held = venue.exchange.margin(trader, venue.usdt)
    assert held.position_margin_atoms == 30 * UNIT
    assert held.order_margin_atoms == 5 * 59 * UNIT // 20
    assert held.available_atoms == 1_000 * UNIT - 30 * UNIT - 5 * 59 * UNIT // 20


def test_an_order_beyond_what_is_available_is_refused_and_one_that_closes_is_not():
    venue = Futures()
    (trader,) = venue.traders
    venue.place(venue.maker, SELL, 400, MARK)
    assert venue.place(trader, BUY, 334) == (Verdict.VERDICT_INSUFFICIENT_MARGIN, 0)
    assert venue.place(trader, BUY, 333)[0] == 0
    assert venue.place(trader, BUY, 1, MARK - 1)[0] == Verdict.VERDICT_INSUFFICIENT_MARGIN
    assert venue.place(trader, SELL, 333, MARK + 1)[0] == 0


def test_a_buy_above_the_mark_needs_its_loss_too():
    venue = Futures()
    (trader,) = venue.traders
    # 200 lots cost 12,600 USDT at 63,000: 630 of margin, and 600 of loss against the mark.
    assert venue.place(trader, BUY, 200, 630_000)[0] == Verdict.VERDICT_INSUFFICIENT_MARGIN
    assert venue.place(trader, BUY, 160, 630_000)[0] == 0


def test_a_part_closed_realises_its_share_of_the_cost_exactly():
    venue = Futures()
    (trader,) = venue.traders
    venue.trade(trader, BUY, 2, 600_001)
    venue.trade(trader, BUY, 1, 600_003)
    venue.trade(trader, SELL, 1, 610_000)
    cost = 2 * 600_001 * 10_000 + 600_003 * 10_000
    assert venue.position(trader) == (2, cost - cost // 3)
    assert venue.free(trader) == 1_000 * UNIT + 610_000 * 10_000 - cost // 3
    venue.trade(trader, SELL, 2, 610_000)
    assert venue.free(trader) == 1_000 * UNIT + 3 * 610_000 * 10_000 - cost


def test_a_larger_sell_turns_a_long_into_a_short():
    venue = Futures()
    (trader,) = venue.traders
    venue.trade(trader, BUY, 5)
    venue.exchange.clear_reports()
    venue.trade(trader, SELL, 8, 610_000)
    trades = [report for report in venue.reports(Execution.EXECUTION_TRADE) if report["account"] == trader]
    assert [money_of(report, "free_atoms") for report in trades] == [5 * UNIT]
    assert venue.position(trader) == (-3, -183 * UNIT)


def test_reduce_only_is_refused_without_a_position_and_cut_to_it_with_one():
    venue = Futures()
    (trader,) = venue.traders
    flag = Flag.ORDER_REDUCE_ONLY
    assert venue.place(trader, SELL, 5, 610_000, flags=flag)[0] == Verdict.VERDICT_REDUCE_ONLY
    venue.trade(trader, BUY, 5)
    assert venue.place(trader, BUY, 5, 590_000, flags=flag)[0] == Verdict.VERDICT_REDUCE_ONLY
    assert venue.place(trader, SELL, 9, 610_000, flags=flag)[0] == 0
    assert venue.exchange.open_orders(trader, venue.perp)["orig_lots"].tolist() == [5]


def test_resting_reduce_only_orders_are_cut_with_their_position_and_expire_when_it_is_gone():
    venue = Futures()
    (trader,) = venue.traders
    venue.trade(trader, BUY, 6)
    for price in (610_000, 620_000):
        venue.place(trader, SELL, 6, price, flags=Flag.ORDER_REDUCE_ONLY)
    venue.trade(trader, SELL, 2)
    assert venue.exchange.open_orders(trader, venue.perp)["orig_lots"].tolist() == [4, 4]
    venue.exchange.clear_reports()
    venue.place(venue.maker, BUY, 50, 630_000)
    assert venue.position(trader) == (0, 0)
    ended = venue.reports(Execution.EXECUTION_EXPIRED)
    assert [(report["account"], report["reason"]) for report in ended] == [(trader, Reason.REASON_REDUCE_ONLY)]
    assert len(venue.exchange.open_orders(trader, venue.perp)) == 0


def test_hedge_mode_holds_a_long_and_a_short_and_closes_each_by_name():
    venue = Futures()
    (trader,) = venue.traders
    exchange = venue.exchange
    assert exchange.set_position_mode(trader, hedge=True, now_ns=venue.later()) == 0
    assert venue.place(trader, BUY, 1)[0] == Verdict.VERDICT_POSITION_SIDE
    venue.trade(trader, BUY, 5, flags=Flag.ORDER_LONG)
    venue.trade(trader, SELL, 3, flags=Flag.ORDER_SHORT)
    assert [(row.side, row.lots) for row in exchange.positions(trader)] == [(1, 5), (2, -3)]
    assert exchange.margin(trader, venue.usdt).position_margin_atoms == 8 * 60 * UNIT // 20
    venue.place(venue.maker, BUY, 10, MARK)
    assert venue.place(trader, SELL, 10, flags=Flag.ORDER_LONG)[0] == 0
    assert [(row.side, row.lots) for row in exchange.positions(trader)] == [(2, -3)]
    assert exchange.set_position_mode(trader, hedge=False, now_ns=venue.later()) == Verdict.VERDICT_OPEN_POSITION


def test_funding_moves_from_longs_to_shorts_and_the_house_keeps_the_rounding():
    venue = Futures(2)
    long, short = venue.traders
    venue.place(short, SELL, 1, MARK)
    venue.place(long, BUY, 1)
    venue.mark(600_001)
    assert venue.exchange.apply_funding(venue.perp, 12_345, next_funding_ns=99, now_ns=venue.later()) == 0
    worth = 600_001 * 10_000 * 12_345
    assert venue.free(long) == 1_000 * UNIT - (worth // 10**8 + 1)
    assert venue.free(short) == 1_000 * UNIT + worth // 10**8
    assert venue.free(0) == 1
    assert venue.exchange.mark(venue.perp)[3:] == (12_345, venue.now_ns, 99)


def test_isolated_margin_is_set_aside_and_may_be_changed():
    venue = Futures()
    (trader,) = venue.traders
    exchange = venue.exchange
    assert exchange.set_margin_type(trader, venue.perp, isolated=True, now_ns=venue.later()) == 0
    venue.trade(trader, BUY, 20)
    assert exchange.balance(trader, venue.usdt) == (940 * UNIT, 60 * UNIT)
    adjust = lambda atoms: exchange.adjust_margin(trader, venue.perp, atoms, now_ns=venue.later())  # noqa: E731
    assert adjust(941 * UNIT) == Verdict.VERDICT_INSUFFICIENT_MARGIN
    assert adjust(40 * UNIT) == 0
    assert exchange.balance(trader, venue.usdt) == (900 * UNIT, 100 * UNIT)
    assert adjust(-41 * UNIT) == Verdict.VERDICT_INSUFFICIENT_MARGIN
    assert adjust(-40 * UNIT) == 0
    venue.trade(trader, SELL, 20, 610_000)
    assert exchange.balance(trader, venue.usdt) == (1_020 * UNIT, 0)


def test_settings_wait_for_orders_and_positions_to_be_gone():
    venue = Futures(brackets=[(10_000 * UNIT, 50, 400_000, 0), (100_000 * UNIT, 20, 1_000_000, 60 * UNIT)])
    (trader,) = venue.traders
    exchange = venue.exchange
    ask = lambda leverage: exchange.set_leverage(trader, venue.perp, leverage, now_ns=venue.later())  # noqa: E731
    assert [ask(leverage) for leverage in (0, 51, 126)] == [Verdict.VERDICT_BAD_LEVERAGE] * 3
    _, order_id = venue.place(trader, BUY, 200, MARK)
    assert ask(50) == Verdict.VERDICT_LEVERAGE_POSITION
    assert ask(5) == Verdict.VERDICT_INSUFFICIENT_MARGIN
    isolate = lambda: exchange.set_margin_type(trader, venue.perp, isolated=True, now_ns=venue.later())  # noqa: E731
    assert isolate() == Verdict.VERDICT_OPEN_ORDERS
    exchange.cancel(trader, venue.perp, order_id, now_ns=venue.later())
    assert (ask(50), isolate(), isolate()) == (0, 0, Verdict.VERDICT_NO_CHANGE)
    assert venue.place(trader, BUY, 167, MARK)[0] == Verdict.VERDICT_MAX_POSITION_AT_LEVERAGE


def test_liquidation_cancels_sells_into_the_book_and_leaves_the_rest_to_the_house():
    venue = Futures(liquidation_fee_e8=1_000_000)
    (trader,) = venue.traders
    venue.trade(trader, BUY, 300)
    venue.place(trader, BUY, 1, 590_000)
    venue.place(venue.maker, BUY, 100, 575_000)
    venue.exchange.clear_reports()
    # 18,000 USDT of position on 1,000: bankrupt at 56,666.7, maintenance 0.4 %.
    assert venue.mark(570_000) == 0
    assert venue.position(trader)[0] == 300
    venue.mark(568_000)
    assert (venue.position(trader), venue.free(trader)) == ((0, 0), 0)
    reports = venue.exchange.take_reports()
    forced = [report for report in reports if report["origin"] == ORIGIN_LIQUIDATION]
    assert [int(report["execution_type"]) for report in forced] == [0, 4, 5]
    assert forced[0]["price_ticks"] == 566_667
    canceled = [report for report in reports if report["reason"] == Reason.REASON_LIQUIDATION]
    assert [(report["account"], report["orig_lots"]) for report in canceled] == [(trader, 1)]
    assert venue.position(0)[0] == 200
    assert venue.is_conserved()


def test_a_gap_beyond_bankruptcy_costs_the_house_and_not_the_others():
    venue = Futures()
    (trader,) = venue.traders
    venue.trade(trader, BUY, 300)
    before = venue.free(venue.maker)
    venue.mark(500_000)
    assert (venue.position(trader), venue.free(trader)) == ((0, 0), 0)
    assert venue.position(0) == (300, 17_000 * UNIT)
    assert venue.free(venue.maker) == before
    (taken,) = venue.reports(Execution.EXECUTION_INSURANCE)
    assert money_of(taken, "cumulative_quote_atoms") == 17_000 * UNIT
    assert venue.is_conserved()


def test_an_isolated_position_is_liquidated_alone():
    venue = Futures()
    (trader,) = venue.traders
    venue.exchange.set_margin_type(trader, venue.perp, isolated=True, now_ns=venue.later())
    venue.trade(trader, SELL, 20)
    venue.mark(640_000)
    assert venue.position(trader) == (0, 0)
    assert venue.exchange.balance(trader, venue.usdt) == (940 * UNIT, 0)


def test_a_margin_call_is_told_once_until_the_account_has_recovered():
    venue = Futures()
    (trader,) = venue.traders
    venue.trade(trader, BUY, 300)
    calls = []
    for price in (600_000, 569_200, 569_100, 600_000, 569_200):
        venue.mark(price)
        calls.append(len(venue.reports(Execution.EXECUTION_MARGIN_CALL)))
    assert calls == [0, 1, 0, 0, 1]


def test_profit_that_is_not_realised_may_be_traded_with_but_not_withdrawn():
    venue = Futures()
    (trader,) = venue.traders
    venue.trade(trader, BUY, 100)
    venue.mark(700_000)
    held = venue.exchange.margin(trader, venue.usdt)
    assert (held.available_atoms, held.withdrawable_atoms) == (1_650 * UNIT, 650 * UNIT)
    assert venue.exchange.withdraw(trader, venue.usdt, 651 * UNIT) == Verdict.VERDICT_INSUFFICIENT_BALANCE
    assert venue.exchange.withdraw(trader, venue.usdt, 650 * UNIT) == 0


def test_marks_are_finer_than_ticks_where_asked_for():
    venue = Futures(mark_divisions=1_000)
    (trader,) = venue.traders
    venue.mark(MARK * 1_000)
    venue.trade(trader, BUY, 1)
    venue.mark(MARK * 1_000 + 1)
    assert venue.exchange.margin(trader, venue.usdt).unrealised_atoms == 10


def test_a_margin_asset_is_not_for_spot_and_a_tick_of_a_lot_is_whole_atoms():
    venue = Futures()
    exchange = venue.exchange
    with pytest.raises(ValueError, match="USDT or BTC is a margin asset"):
        exchange.add_symbol("SPOT", 0, venue.usdt, tick_size="0.1", lot_size="0.001")
    with pytest.raises(ValueError, match="mark_divisions, was 10000"):
        exchange.add_perpetual("P", 0, venue.usdt, tick_size="0.1", lot_size="0.001", mark_divisions=3)
    with pytest.raises(ValueError, match="rising caps"):
        exchange.add_perpetual("P", 0, venue.usdt, tick_size="0.1", lot_size="0.001", brackets=[(5, 20, 1, 0)] * 2)
    assert exchange.symbols == ("BTCUSDT",)


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize(("side", "towards"), [(BUY, -1), (SELL, 1)])
def test_the_liquidation_price_told_is_where_it_happens(side, towards, isolated):
    venue = Futures(brackets=[(5_000 * UNIT, 50, 500_000, 0), (10**6 * UNIT, 20, 1_000_000, 25 * UNIT)])
    (trader,) = venue.traders
    venue.exchange.set_margin_type(trader, venue.perp, isolated=isolated, now_ns=venue.later())
    venue.trade(trader, side, 200)
    price = venue.exchange.positions(trader)[0].liquidation_price
    assert abs(price - MARK) > 20_000
    venue.mark(price - towards)
    assert abs(venue.position(trader)[0]) == 200
    venue.mark(price + 2 * towards)
    assert venue.position(trader)[0] == 0
