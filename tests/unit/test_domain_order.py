"""An order's life and its name at the venue."""

from __future__ import annotations

from decimal import Decimal

import pytest
from builders.orders import order

from bot4.domain.order import (
    TRANSITIONS,
    WORKING,
    OrderStatus,
    OrderTransitionError,
    client_order_id,
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


def test_client_order_ids_are_distinct_short_and_the_same_again():
    ids = {client_order_id(epoch, number) for epoch in range(1, 20) for number in range(500)}
    assert len(ids) == 19 * 500
    assert client_order_id(3, 77) == client_order_id(3, 77)
    assert len(client_order_id(2**32 - 1, 2**63 - 1)) <= 36
    assert all(name.startswith("b4-") and name.replace("-", "").isalnum() for name in ids)


@pytest.mark.parametrize("bad", [(-1, 0), (0, -1)])
def test_client_order_ids_of_negative_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="must not be negative, were"):
        client_order_id(*bad)
