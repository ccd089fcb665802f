"""An order's life."""

from __future__ import annotations

from decimal import Decimal

import pytest
from builders.orders import order

from bot4.domain.order import (
    TRANSITIONS,
    WORKING,
    OrderStatus,
    OrderTransitionError,
)


def test_the_long_way_through_an_orders_life():
    sent = order()
    acked = sent.moved_to(OrderStatus.ACKED, updated_ns=2)
    part = acked.filled_by(Decimal("0.5"), updated_ns=3)
    done = part.filled_by(Decimal("1.5"), updated_ns=4)
    assert [step.status.value for step in (sent, acked, part, done)] == ["sent", "acked", "partially_filled", "filled"]
    assert (done.filled_qty, done.updated_ns, done.reason) == (Decimal(2), 4, "enter")
    assert [step.is_working for step in (sent, acked, part, done)] == [True, True, True, False]


def test_a_fill_may_overtake_the_acknowledgement():
    assert order().filled_by(Decimal(2), updated_ns=2).status is OrderStatus.FILLED


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - WORKING, key=str))
def test_nothing_follows_the_end(status):
    assert not TRANSITIONS[status]
    for following in OrderStatus:
        with pytest.raises(OrderTransitionError, match=f"order 7 cannot go from {status.value} to {following.value}"):
            order(7, status).moved_to(following, updated_ns=2)
    with pytest.raises(OrderTransitionError):
        order(7, status).filled_by(Decimal(1), updated_ns=2)


@pytest.mark.parametrize("qty", ["0", "-1", "2.00000001"])
def test_a_fill_beyond_the_order_is_refused(qty):
    with pytest.raises(OrderTransitionError, match=r"order 7 of 2 with 0 filled cannot take a fill of"):
        order().filled_by(Decimal(qty), updated_ns=2)


def test_an_acknowledged_order_cannot_be_dropped_and_a_partly_filled_one_cannot_be_rejected():
    with pytest.raises(OrderTransitionError):
        order(7, OrderStatus.ACKED).moved_to(OrderStatus.DROPPED, updated_ns=2)
    with pytest.raises(OrderTransitionError):
        order(7, OrderStatus.PARTIALLY_FILLED, filled="1").moved_to(OrderStatus.REJECTED, updated_ns=2)


def test_the_end_keeps_the_reason_unless_it_brings_one():
    assert order().moved_to(OrderStatus.CANCELED, updated_ns=2).reason == "enter"
    assert order().moved_to(OrderStatus.REJECTED, updated_ns=2, reason="would_cross").reason == "would_cross"


def test_an_order_of_unknown_outcome_still_works_and_may_turn_out_to_be_anything_but_dropped():
    unknown = order().moved_to(OrderStatus.UNKNOWN, updated_ns=2)
    assert unknown.is_working
    for status in set(OrderStatus) - {OrderStatus.SENT, OrderStatus.UNKNOWN, OrderStatus.DROPPED}:
        assert unknown.moved_to(status, updated_ns=3).status is status
    with pytest.raises(OrderTransitionError):
        unknown.moved_to(OrderStatus.DROPPED, updated_ns=3)
