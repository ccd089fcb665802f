"""The simulated exchange by examples: what each kind of request does, and what it may not do."""

from __future__ import annotations

import pytest
from builders.exchange import BUY, SELL, UNIT, Venue

from bot4._core.sim.exchange import Exchange
from bot4._core.sim.exchange_dtype import ORDER_DTYPE, REPORT_DTYPE, REQUEST_DTYPE, money_of
from bot4._core.sim.exchange_types import ExchangeOrderStatus as Status
from bot4._core.sim.exchange_types import ExchangeOrderType as Type
from bot4._core.sim.exchange_types import ExchangeTimeInForce as Tif
from bot4._core.sim.exchange_types import ExchangeVerdict as Verdict
from bot4._core.sim.exchange_types import ExecutionReason as Reason
from bot4._core.sim.exchange_types import ExecutionType as Execution

PRICE = 6_000_000


def test_records_have_the_size_of_their_structs():
    assert (REQUEST_DTYPE.itemsize, REPORT_DTYPE.itemsize, ORDER_DTYPE.itemsize) == (96, 256, 208)


def test_a_resting_buy_locks_price_times_quantity_and_a_cancel_unlocks_it():
    venue = Venue(1)
    trader, free = venue.accounts[0], 10**6 * UNIT
    verdict, order_id = venue.place(trader, BUY, Type.TYPE_LIMIT, qty_lots=7, price_ticks=PRICE)
    cost = 7 * PRICE * UNIT // 10**7
    assert (verdict, venue.exchange.balance(trader, venue.usdt)) == (0, (free - cost, cost))
    assert venue.cancel(trader, order_id) == 0
    assert venue.exchange.balance(trader, venue.usdt) == (free, 0)
    assert venue.exchange.order(order_id) is None


def test_a_better_price_gives_back_what_was_locked_beyond_it():
    venue = Venue(2)
    maker, taker = venue.accounts
    venue.place(maker, SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    venue.place(taker, BUY, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE + 500)
    assert venue.exchange.balance(taker, venue.usdt) == (10**6 * UNIT - 10 * PRICE * UNIT // 10**7, 0)


def test_new_comes_before_every_trade_and_the_balances_come_last():
    venue = Venue(2)
    maker, taker = venue.accounts
    venue.place(maker, SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    venue.exchange.clear_reports()
    venue.place(taker, BUY, Type.TYPE_MARKET, qty_lots=4)
    kinds = [int(report["execution_type"]) for report in venue.reports()]
    assert kinds == [Execution.EXECUTION_NEW] + [Execution.EXECUTION_TRADE] * 2 + [Execution.EXECUTION_BALANCE] * 4


def test_time_decides_at_one_price():
    venue = Venue(3)
    first, second, taker = venue.accounts
    for maker in (first, second):
        venue.place(maker, SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    venue.place(taker, BUY, Type.TYPE_MARKET, qty_lots=10)
    assert venue.exchange.balance(first, venue.btc)[1] == 0
    assert venue.exchange.balance(second, venue.btc)[1] == 10 * UNIT // 10**5


def test_a_market_order_that_empties_the_book_expires_with_the_rest():
    venue = Venue(2)
    maker, taker = venue.accounts
    venue.place(maker, SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    venue.place(taker, BUY, Type.TYPE_MARKET, qty_lots=15)
    last = venue.reports(Execution.EXECUTION_EXPIRED)[-1]
    assert (last["status"], last["reason"]) == (Status.STATUS_EXPIRED, Reason.REASON_INSUFFICIENT_LIQUIDITY)
    assert (last["executed_lots"], last["orig_lots"]) == (10, 15)


def test_fees_are_taken_from_what_is_received_and_go_to_the_house():
    venue = Venue(2, symbol={"maker_fee_e8": 75_000, "taker_fee_e8": 100_000})
    maker, taker = venue.accounts
    venue.place(maker, SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    venue.place(taker, BUY, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    base, quote = 10 * UNIT // 10**5, 10 * PRICE * UNIT // 10**7
    assert venue.exchange.balance(0, venue.btc) == (base * 100_000 // 10**8, 0)
    assert venue.exchange.balance(0, venue.usdt) == (quote * 75_000 // 10**8, 0)
    fees = [(int(r["is_maker"]), int(r["asset"]), money_of(r, "fee_atoms")) for r in venue.reports(4)]
    assert fees == [(0, venue.btc, base // 1000), (1, venue.usdt, quote * 75 // 100_000)]


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"qty_lots": 0, "price_ticks": PRICE}, Verdict.VERDICT_BAD_QUANTITY),
        ({"qty_lots": 1, "price_ticks": 0}, Verdict.VERDICT_BAD_PRICE),
        ({"qty_lots": 1, "price_ticks": PRICE, "stop_ticks": 1}, Verdict.VERDICT_BAD_STOP),
        ({"qty_lots": 1, "price_ticks": PRICE, "tif": 4}, Verdict.VERDICT_BAD_TIF),
        ({"qty_lots": 1, "price_ticks": PRICE, "stp": 6}, Verdict.VERDICT_BAD_STP),
        ({"qty_lots": 1, "price_ticks": PRICE, "flags": 1}, Verdict.VERDICT_REDUCE_ONLY),
        ({"qty_lots": 1, "price_ticks": PRICE, "expire_ns": 9}, Verdict.VERDICT_BAD_EXPIRY),
        ({"qty_lots": 1, "price_ticks": PRICE, "iceberg_lots": 2}, Verdict.VERDICT_BAD_ICEBERG),
        ({"qty_lots": 1, "price_ticks": PRICE, "symbol": 9}, Verdict.VERDICT_UNKNOWN_SYMBOL),
        ({"qty_lots": 1 << 40, "price_ticks": PRICE}, Verdict.VERDICT_INSUFFICIENT_BALANCE),
    ],
)
def test_a_broken_order_changes_nothing(fields, verdict):
    venue = Venue(1)
    before = venue.exchange.state_hash()
    assert venue.exchange.place(venue.accounts[0], fields.pop("symbol", 0), BUY, 0, now_ns=0, **fields) == (verdict, 0)
    assert venue.exchange.state_hash() == before


def test_a_good_till_date_order_ends_when_its_time_comes():
    venue = Venue(1)
    trader = venue.accounts[0]
    venue.place(trader, BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=PRICE, tif=Tif.TIME_GTD, expire_ns=1000)
    assert venue.exchange.advance(999) == 0
    assert venue.exchange.order_count == 1
    venue.exchange.advance(1000)
    assert venue.exchange.order_count == 0
    assert venue.exchange.balance(trader, venue.usdt) == (10**6 * UNIT, 0)


def test_a_stop_waits_unseen_and_takes_when_the_last_price_reaches_it():
    venue = Venue(2)
    maker, trader = venue.accounts
    venue.place(maker, BUY, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    venue.place(trader, SELL, Type.TYPE_LIMIT, qty_lots=1, price_ticks=PRICE)
    assert venue.place(trader, SELL, Type.TYPE_STOP_LOSS, qty_lots=5, stop_ticks=PRICE)[0] == 67
    venue.place(maker, BUY, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE - 100)
    _, stop_id = venue.place(trader, SELL, Type.TYPE_STOP_LOSS, qty_lots=5, stop_ticks=PRICE - 50)
    assert venue.depth()[1] == []
    venue.place(trader, SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE - 100)
    assert venue.exchange.order(stop_id) is None
    assert venue.depth()[0] == [(PRICE - 100, 4)]


def test_a_duplicate_key_of_an_open_order_is_refused_and_free_again_after_its_end():
    venue = Venue(1)
    trader = venue.accounts[0]
    order = {"qty_lots": 1, "price_ticks": PRICE, "client_key": 77}
    _, order_id = venue.place(trader, BUY, Type.TYPE_LIMIT, **order)
    assert venue.place(trader, BUY, Type.TYPE_LIMIT, **order) == (Verdict.VERDICT_DUPLICATE_ORDER, 0)
    assert venue.exchange.find(trader, 77) == order_id
    venue.cancel(trader, order_id)
    assert venue.place(trader, BUY, Type.TYPE_LIMIT, **order)[0] == 0


def test_an_amend_keeps_the_place_in_the_queue():
    venue = Venue(3)
    first, second, taker = venue.accounts
    _, amended = venue.place(first, SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    venue.place(second, SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    assert venue.exchange.amend(first, venue.btcusdt, amended, 4, now_ns=9) == 0
    venue.place(taker, BUY, Type.TYPE_MARKET, qty_lots=5)
    assert venue.exchange.order(amended) is None
    assert venue.depth()[1] == [(PRICE, 9)]


def test_depth_changes_form_an_unbroken_chain_of_ids():
    venue = Venue(2)
    maker, taker = venue.accounts
    venue.place(maker, SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=PRICE)
    first, last, _ = venue.exchange.take_depth(venue.btcusdt)
    assert (first, last) == (1, 1)
    venue.place(taker, BUY, Type.TYPE_MARKET, qty_lots=10)
    venue.place(maker, BUY, Type.TYPE_LIMIT, qty_lots=3, price_ticks=PRICE - 1)
    first, last, levels = venue.exchange.take_depth(venue.btcusdt)
    assert (first, last) == (2, 3)
    assert [tuple(map(int, level)) for level in levels] == [(0, PRICE - 1, 3), (1, PRICE, 0)]
    assert venue.exchange.take_depth(venue.btcusdt)[:2] == (4, 3)


def test_a_ring_of_changes_that_nobody_read_shows_a_gap():
    venue = Venue(1, symbol={"change_capacity": 64})
    for step in range(100):
        venue.place(venue.accounts[0], BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=PRICE - step)
    assert venue.exchange.take_depth(venue.btcusdt)[:2] == (37, 100)


def test_a_request_that_might_overflow_the_log_is_refused_before_it_begins():
    venue = Venue(1, max_reports=128)
    trader, order_id, verdict = venue.accounts[0], 0, 0
    while verdict == 0:
        if order_id:
            venue.cancel(trader, order_id)
        verdict, order_id = venue.place(trader, BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=PRICE)
    assert verdict == Verdict.VERDICT_LOG_FULL
    venue.exchange.advance(venue.now_ns + 1)
    before = venue.exchange.state_hash()
    assert venue.place(trader, BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=PRICE) == (Verdict.VERDICT_LOG_FULL, 0)
    assert venue.exchange.state_hash() == before
    venue.exchange.take_reports()
    assert venue.place(trader, BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=PRICE)[0] == 0


def test_an_order_that_might_ever_overflow_an_empty_log_is_refused():
    venue = Venue(1, max_reports=256)
    verdicts = []
    for _ in range(20):
        verdicts.append(venue.place(venue.accounts[0], BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=PRICE)[0])
        venue.exchange.clear_reports()
    assert verdicts == [0] * 14 + [Verdict.VERDICT_ORDERS_FULL] * 6


def test_a_book_side_without_room_for_another_level_refuses_the_order_and_takes_others():
    venue = Venue(1, symbol={"window_ticks": 64, "far_capacity": 8})
    trader = venue.accounts[0]
    levels = [venue.place(trader, BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=PRICE - 1000 * i)[0] for i in range(8)]
    assert levels == [0] * 6 + [Verdict.VERDICT_BOOK_FULL] * 2
    assert venue.place(trader, BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=PRICE)[0] == 0


def test_sizes_that_make_no_exchange_are_refused_with_the_rule():
    with pytest.raises(ValueError, match="power of two"):
        Exchange(max_orders=1000)
    venue = Venue(1)
    with pytest.raises(ValueError, match="whole number of 10\\^-12"):
        venue.exchange.add_symbol("X", venue.btc, venue.eth, tick_size="0.0000001", lot_size="0.0000001")


# Source: Binance spot API documentation, faqs/trailing-stop-faq.md, scenarios A, B, C, D and E: side, type, stop price,
# delta, the turning points of the last price after 40,000, and the price that triggers.
TRAILING = {
    "A": (BUY, Type.TYPE_STOP_LOSS, 44_000, 500, (37_000, 44_000, 45_000, 46_000, 42_000), 44_100),
    "B": (SELL, Type.TYPE_STOP_LOSS, 39_000, 1000, (41_500, 39_000, 37_000, 41_000), 36_900),
    "C": (BUY, Type.TYPE_TAKE_PROFIT, 38_000, 850, (42_000, 38_000, 37_000, 39_000, 38_000), 40_145),
    "D": (SELL, Type.TYPE_TAKE_PROFIT, 42_000, 750, (41_500, 39_000, 42_000, 45_000, 44_000, 46_500), 43_012),
    "E": (SELL, Type.TYPE_STOP_LOSS, 0, 700, (42_000, 39_500, 45_500), 42_315),
}


@pytest.mark.parametrize("name", TRAILING)
def test_trailing_stops_do_what_the_venues_page_tells_of_them(name):
    side, kind, stop, delta, turns, trigger = TRAILING[name]
    venue = Venue(3)

    def trade(price: int) -> None:
        venue.place(venue.accounts[0], BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=price)
        venue.place(venue.accounts[1], SELL, Type.TYPE_LIMIT, qty_lots=1, price_ticks=price)

    trade(40_000)
    _, order_id = venue.place(venue.accounts[2], side, kind, qty_lots=1, stop_ticks=stop, trailing_bips=delta)
    for price in turns:
        trade(price)
        assert venue.exchange.order(order_id) is not None
    trade(trigger + (1 if side == SELL else -1))
    assert venue.exchange.order(order_id) is not None
    trade(trigger)
    assert venue.exchange.order(order_id) is None


@pytest.mark.parametrize(("maker_mode", "bought"), [(5, 4), (4, 0)])
def test_a_prevented_match_changes_hands_without_a_fee_only_where_both_orders_ask_for_transfer(maker_mode, bought):
    venue = Venue(0, symbol={"taker_fee_e8": 100_000, "maker_fee_e8": 100_000, "stp_modes": (4, 5)})
    maker, taker = (venue.exchange.open_account(name, trade_group=3) for name in ("maker", "taker"))
    venue.exchange.deposit(maker, venue.btc, UNIT)
    venue.exchange.deposit(taker, venue.usdt, UNIT)
    venue.place(maker, SELL, Type.TYPE_LIMIT, qty_lots=4, price_ticks=100, stp=maker_mode)
    _, taker_id = venue.place(taker, BUY, Type.TYPE_LIMIT, qty_lots=10, price_ticks=100, stp=5)
    assert venue.exchange.order(taker_id)["prevented_lots"] == 4
    assert venue.exchange.balance(taker, venue.btc) == (bought * UNIT // 10**5, 0)
    assert venue.exchange.balance(maker, venue.usdt) == (bought * 100 * UNIT // 10**7, 0)
    assert venue.exchange.balance(0, venue.btc) == (0, 0)
