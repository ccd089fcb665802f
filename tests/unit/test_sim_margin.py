"""Perpetuals by examples: what each request does to positions and margins, worked out by hand."""

from __future__ import annotations

import pytest

from bot4._core.sim.exchange import Exchange
from bot4._core.sim.exchange_dtype import money_of
from bot4._core.sim.exchange_types import ExchangeOrderType as Type
from bot4._core.sim.exchange_types import ExchangeTimeInForce as Tif
from bot4._core.sim.exchange_types import ExchangeVerdict as Verdict
from bot4._core.sim.exchange_types import ExecutionReason as Reason
from bot4._core.sim.exchange_types import ExecutionType as Execution
from bot4._core.sim.exchange_types import OrderFlag as Flag
from bot4._core.sim.margin_types import ORIGIN_LIQUIDATION, AlgoStatus

BUY, SELL = 0, 1
LIMIT, MARKET = Type.TYPE_LIMIT, Type.TYPE_MARKET
UNIT = 10**8  # atoms of a USDT
MARK = 600_000  # 60,000.0 USDT; a lot is 0.001 BTC, so 60 USDT at that price


class Futures:
    """One perpetual, a rich maker and traders of 1,000 USDT each."""

    def __init__(self, traders: int = 1, **options: object) -> None:
        self.exchange = Exchange(max_orders=256, max_accounts=8, max_symbols=2, max_assets=4)
        btc, self.usdt = self.exchange.add_asset("BTC", 8), self.exchange.add_asset("USDT", 8)
        self.perp = self.exchange.add_perpetual("BTCUSDT", btc, self.usdt, tick_size="0.1", lot_size="0.001", **options)
        self.now_ns = 0
        self.maker = self.exchange.open_account("maker")
        self.exchange.deposit(self.maker, self.usdt, 10**7 * UNIT)
        self.traders = [self.exchange.open_account(str(number)) for number in range(traders)]
        for trader in self.traders:
            self.exchange.deposit(trader, self.usdt, 1_000 * UNIT)
        self.deposited = (10**7 + 1_000 * traders) * UNIT
        self.mark(MARK)

    def later(self) -> int:
        self.now_ns += 1
        return self.now_ns

    def mark(self, price: int) -> int:
        return self.exchange.set_mark(self.perp, price, now_ns=self.later())

    def place(self, account: int, side: int, lots: int, price: int = 0, **more: int) -> tuple[int, int]:
        kind = more.pop("order_type", LIMIT if price else MARKET)
        return self.exchange.place(
            account, self.perp, side, kind, qty_lots=lots, price_ticks=price, now_ns=self.later(), **more
        )

    def algo(self, account: int, side: int, order_type: int, **more: int) -> tuple[int, int]:
        return self.exchange.place_algo(account, self.perp, side, order_type, now_ns=self.later(), **more)

    def trade(self, account: int, side: int, lots: int, price: int = MARK, **more: int) -> None:
        """The account takes what the maker offers."""
        assert self.place(self.maker, 1 - side, lots, price)[0] == 0
        assert self.place(account, side, lots, **more)[0] == 0

    def position(self, account: int) -> tuple[int, int]:
        row = self.exchange.positions(account, self.perp, all_sides=True)[0]
        return row.lots, row.entry_atoms

    def free(self, account: int) -> int:
        return self.exchange.balance(account, self.usdt)[0]

    def reports(self, *kinds: int) -> list:
        return [report for report in self.exchange.take_reports() if report["execution_type"] in kinds]

    def is_conserved(self) -> bool:
        held = [self.position(account)[0] for account in range(len(self.exchange.accounts))]
        return self.exchange.total(self.usdt) == self.deposited and sum(held) == 0


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
