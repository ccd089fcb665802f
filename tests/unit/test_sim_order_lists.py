"""OCO, OTO and OTOCO by examples: what is locked, what triggers what, how a list ends."""

from __future__ import annotations

import pytest
from builders.exchange import BUY, SELL, UNIT, Venue

from bot4._core.sim.exchange_types import ExchangeOrderStatus as Status
from bot4._core.sim.exchange_types import ExchangeOrderType as Type
from bot4._core.sim.exchange_types import ExchangeVerdict as Verdict
from bot4._core.sim.exchange_types import ExecutionReason as Reason
from bot4._core.sim.exchange_types import ExecutionType as Execution
from bot4._core.sim.exchange_types import ListKind, ListStatus

LOT_BTC = UNIT // 10**5
TICKLOT = UNIT // 10**7
LAST = 1000


def venue_with_last_price() -> Venue:
    venue = Venue(3)
    maker, taker = venue.accounts[1:]
    venue.place(maker, BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=LAST)
    venue.place(taker, SELL, Type.TYPE_LIMIT, qty_lots=1, price_ticks=LAST)
    venue.exchange.clear_reports()
    return venue


def leg(side: int, order_type: Type, qty_lots: int = 10, **fields: int) -> dict[str, int]:
    return {"side": side, "order_type": order_type, "qty_lots": qty_lots, **fields}


def place(venue: Venue, kind: ListKind, *legs: dict[str, int]) -> tuple[int, int, tuple[int, ...]]:
    venue.now_ns += 1
    return venue.exchange.place_list(kind, venue.accounts[0], venue.btcusdt, legs, list_key=5, now_ns=venue.now_ns)


SELL_OCO = (
    leg(SELL, Type.TYPE_LIMIT_MAKER, price_ticks=1100),
    leg(SELL, Type.TYPE_STOP_LOSS_LIMIT, stop_ticks=900, price_ticks=890),
)


def ends(venue: Venue) -> list[tuple[int, int, int]]:
    """Order number, status and reason of what closed."""
    return [
        (int(r["order_id"]), int(r["status"]), int(r["reason"]))
        for r in venue.exchange.take_reports()
        if r["execution_type"] <= 6 and Status.STATUS_FILLED <= r["status"] <= Status.STATUS_EXPIRED_IN_MATCH
    ]


def test_a_sell_oco_locks_its_quantity_once():
    venue = venue_with_last_price()
    verdict, list_id, orders = place(venue, ListKind.LIST_OCO, *SELL_OCO)
    assert (verdict, list_id, orders) == (0, 1, (3, 4))
    assert venue.exchange.balance(venue.accounts[0], venue.btc)[1] == 10 * LOT_BTC


def test_a_buy_oco_locks_what_the_dearer_leg_needs_and_the_survivor_keeps_its_own():
    venue = venue_with_last_price()
    trader = venue.accounts[0]
    place(
        venue,
        ListKind.LIST_OCO,
        leg(BUY, Type.TYPE_LIMIT_MAKER, price_ticks=900),
        leg(BUY, Type.TYPE_STOP_LOSS_LIMIT, stop_ticks=1100, price_ticks=1200),
    )
    assert venue.exchange.balance(trader, venue.usdt)[1] == 10 * 1200 * TICKLOT
    venue.place(venue.accounts[1], SELL, Type.TYPE_LIMIT, qty_lots=4, price_ticks=900)
    assert venue.exchange.balance(trader, venue.usdt)[1] == 6 * 900 * TICKLOT


def test_a_partial_fill_of_the_limit_leg_expires_the_stop_leg():
    venue = venue_with_last_price()
    _, _, (limit_id, stop_id) = place(venue, ListKind.LIST_OCO, *SELL_OCO)
    venue.place(venue.accounts[1], BUY, Type.TYPE_LIMIT, qty_lots=4, price_ticks=1100)
    assert (stop_id, Status.STATUS_EXPIRED, Reason.REASON_OCO_TRIGGER) in ends(venue)
    assert venue.exchange.order(limit_id)["executed_lots"] == 4


def test_a_trigger_of_the_stop_leg_expires_the_limit_leg():
    venue = venue_with_last_price()
    _, _, (limit_id, stop_id) = place(venue, ListKind.LIST_OCO, *SELL_OCO)
    venue.place(venue.accounts[1], BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=900)
    venue.place(venue.accounts[2], SELL, Type.TYPE_LIMIT, qty_lots=1, price_ticks=900)
    assert (limit_id, Status.STATUS_EXPIRED, Reason.REASON_OCO_TRIGGER) in ends(venue)
    assert venue.depth()[1] == [(890, 10)]
    assert venue.exchange.order(stop_id)["working_ns"] > 0


@pytest.mark.parametrize("which", [0, 1])
def test_a_cancel_of_either_leg_cancels_both_and_unlocks_once(which):
    venue = venue_with_last_price()
    _, list_id, orders = place(venue, ListKind.LIST_OCO, *SELL_OCO)
    venue.exchange.clear_reports()
    venue.cancel(venue.accounts[0], orders[which])
    reports = venue.exchange.take_reports()
    assert sorted(int(r["order_id"]) for r in reports if r["execution_type"] == Execution.EXECUTION_CANCELED) == [3, 4]
    done = [r for r in reports if r["execution_type"] == Execution.EXECUTION_LIST_STATUS]
    assert [(int(r["list_id"]), int(r["list_status"])) for r in done] == [(list_id, ListStatus.LIST_STATUS_ALL_DONE)]
    assert venue.exchange.balance(venue.accounts[0], venue.btc) == (10**6 * UNIT, 0)


@pytest.mark.parametrize(
    ("legs", "verdict"),
    [
        ((leg(SELL, Type.TYPE_LIMIT_MAKER, price_ticks=990), SELL_OCO[1]), Verdict.VERDICT_LIST_PRICES),
        ((leg(SELL, Type.TYPE_LIMIT, price_ticks=1100), SELL_OCO[1]), Verdict.VERDICT_LIST_TYPES),
        ((SELL_OCO[1], SELL_OCO[1]), Verdict.VERDICT_LIST_TYPES),
        ((leg(SELL, Type.TYPE_LIMIT_MAKER, 11, price_ticks=1100), SELL_OCO[1]), Verdict.VERDICT_BAD_LIST),
        ((leg(BUY, Type.TYPE_LIMIT_MAKER, price_ticks=900), SELL_OCO[1]), Verdict.VERDICT_BAD_LIST),
    ],
)
def test_legs_that_make_no_oco_change_nothing(legs, verdict):
    venue = venue_with_last_price()
    venue.exchange.advance(3)
    before = venue.exchange.state_hash()
    assert place(venue, ListKind.LIST_OCO, *legs) == (verdict, -1, ())
    assert venue.exchange.state_hash() == before


def test_an_oto_places_its_pending_order_when_the_working_one_is_filled():
    venue = venue_with_last_price()
    trader = venue.accounts[0]
    _, _, (working, pending) = place(
        venue,
        ListKind.LIST_OTO,
        leg(BUY, Type.TYPE_LIMIT, price_ticks=900),
        leg(SELL, Type.TYPE_LIMIT, price_ticks=1200),
    )
    assert venue.exchange.order(pending)["status"] == Status.STATUS_PENDING_NEW
    assert venue.exchange.balance(trader, venue.btc)[1] == 0
    venue.place(venue.accounts[1], SELL, Type.TYPE_LIMIT, qty_lots=9, price_ticks=900)
    assert venue.depth() == ([(900, 1)], [])
    venue.place(venue.accounts[1], SELL, Type.TYPE_LIMIT, qty_lots=1, price_ticks=900)
    assert venue.depth() == ([], [(1200, 10)])
    assert venue.exchange.order(working) is None
    assert venue.exchange.balance(trader, venue.btc)[1] == 10 * LOT_BTC


def test_an_oto_whose_working_order_expires_expires_its_pending_order():
    venue = venue_with_last_price()
    _, _, (working, pending) = place(
        venue,
        ListKind.LIST_OTO,
        leg(BUY, Type.TYPE_LIMIT, price_ticks=900, tif=1),
        leg(SELL, Type.TYPE_LIMIT, price_ticks=1200),
    )
    assert ends(venue) == [
        (working, Status.STATUS_EXPIRED, Reason.REASON_UNFILLED_IOC_QUANTITY_EXPIRED),
        (pending, Status.STATUS_EXPIRED, Reason.REASON_OTO_PHASE_ONE_EXPIRED),
    ]
    assert venue.exchange.order_count == 0


def test_an_otoco_starts_both_pending_legs_with_one_lock():
    venue = venue_with_last_price()
    trader = venue.accounts[0]
    _, _, (_, profit, stop) = place(venue, ListKind.LIST_OTOCO, leg(BUY, Type.TYPE_LIMIT, price_ticks=950), *SELL_OCO)
    venue.place(venue.accounts[1], SELL, Type.TYPE_LIMIT, qty_lots=10, price_ticks=950)
    assert venue.exchange.balance(trader, venue.btc)[1] == 10 * LOT_BTC
    assert [int(venue.exchange.order(order_id)["place"]) for order_id in (profit, stop)] == [1, 2]
    venue.exchange.clear_reports()
    venue.place(venue.accounts[2], BUY, Type.TYPE_LIMIT, qty_lots=10, price_ticks=1100)
    assert (stop, Status.STATUS_EXPIRED, Reason.REASON_OCO_TRIGGER) in ends(venue)
    assert venue.exchange.balance(trader, venue.btc) == (10**6 * UNIT, 0)


def test_a_pending_order_without_funds_is_refused_when_its_turn_comes():
    venue = venue_with_last_price()
    trader = venue.accounts[0]
    _, _, (_, pending) = place(
        venue,
        ListKind.LIST_OTO,
        leg(SELL, Type.TYPE_LIMIT, 1, price_ticks=1100),
        leg(SELL, Type.TYPE_LIMIT, 10, price_ticks=1200),
    )
    free, _ = venue.exchange.balance(trader, venue.btc)
    venue.exchange.withdraw(trader, venue.btc, free)
    venue.exchange.clear_reports()
    venue.place(venue.accounts[1], BUY, Type.TYPE_LIMIT, qty_lots=1, price_ticks=1100)
    assert (pending, Status.STATUS_EXPIRED, Reason.REASON_REJECTED) in ends(venue)


def test_a_cancel_replace_of_one_leg_ends_the_list():
    venue = venue_with_last_price()
    trader = venue.accounts[0]
    _, _, (limit_id, _) = place(venue, ListKind.LIST_OCO, *SELL_OCO)
    outcome = venue.exchange.cancel_replace(
        trader, venue.btcusdt, limit_id, SELL, Type.TYPE_LIMIT, qty_lots=3, price_ticks=1300, now_ns=venue.now_ns
    )
    assert outcome == (0, 0, 5)
    assert venue.exchange.order_count == 1


@pytest.mark.parametrize(("flags", "outcome"), [(0, (70, 77, 0)), (2, (70, 0, 3))])
def test_a_cancel_replace_whose_cancel_fails_places_only_where_it_is_told_to(flags, outcome):
    venue = venue_with_last_price()
    assert outcome == venue.exchange.cancel_replace(
        venue.accounts[0],
        venue.btcusdt,
        99,
        SELL,
        Type.TYPE_LIMIT,
        qty_lots=3,
        price_ticks=1300,
        flags=flags,
        now_ns=9,
    )
