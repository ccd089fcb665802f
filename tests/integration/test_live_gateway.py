"""Orders of the live gateway over a real socket: whatever the venue and the network do, it ends at the venue's ledger.

Each fault of the order path is a scenario; the judge compares what the engine was told with the exchange's record."""

from __future__ import annotations

from decimal import Decimal

import pytest
from builders.live_desk import LOT, PASSIVE, TAKING, on_desk, until

from bot4.adapters.venues.binance.access import Credentials


def test_a_resting_order_fills_in_parts_and_is_canceled():
    async def body(desk):
        order = desk.shard.place(qty_lots=LOT)
        await until(lambda: "ack" in desk.shard.told(order))
        desk.venue.exchange.trade(desk.name(order), Decimal("0.25"))
        await until(lambda: "fill" in desk.shard.told(order))
        desk.shard.cancel(order)
        await until(lambda: "canceled" in desk.shard.told(order))
        assert desk.shard.told(order) == ["sent", "ack", "fill", "canceled"]
        assert desk.shard.fills(order)[0]["flags"] == 128
        assert not desk.halts

    on_desk(body)


FAULTS = [
    "ack-lost",
    "lost",
    "-1007",
    "-1007-not-done",
    "503",
    "cut-after",
    "cut-before",
    "garbled",
    "slow",
    "lost-slow",
]


@pytest.mark.parametrize("price", [PASSIVE, TAKING])
@pytest.mark.parametrize("fault", FAULTS)
def test_an_order_without_a_clear_answer_ends_at_what_the_venue_knows(monkeypatch, fault, price):
    monkeypatch.setattr(Credentials, "validity_ns", property(lambda _: 1_500_000_000))

    async def body(desk):
        desk.venue.exchange.pieces = 3
        desk.venue.faults.place = [fault]
        order = desk.shard.place(qty_lots=LOT, price_ticks=price)
        await until(lambda: len(desk.shard.told(order)) >= 2)
        await until(lambda: not desk.gateway.board.unknown_count)
        if "ack" in desk.shard.told(order) and price == PASSIVE:
            desk.shard.cancel(order)
        await until(lambda: not desk.gateway.board.unsettled())
        await until(lambda: desk.spot.why_not_ready() is None)
        again = desk.shard.place(qty_lots=LOT // 2, price_ticks=TAKING)
        await until(lambda: desk.shard.told(again)[-1:] == ["fill"])
        assert not desk.halts
        assert desk.venue.count("place") == 2

    on_desk(body)


@pytest.mark.parametrize("events", ["duplicate", "shuffle", "lose", "late"])
def test_events_that_come_twice_in_another_order_late_or_not_at_all(events):
    async def body(desk):
        desk.venue.faults.events = events
        desk.venue.exchange.pieces = 2
        orders = []
        for number in range(12):
            side = number % 2
            price = (TAKING if side == 0 else PASSIVE) if number % 3 else (PASSIVE if side == 0 else TAKING)
            orders.append(desk.shard.place(side=side, qty_lots=LOT // 10 + number, price_ticks=price))
        await until(lambda: all("ack" in desk.shard.told(order) for order in orders))
        resting = [o for o in desk.venue.exchange.orders if o.is_open]
        for order in resting:
            desk.venue.exchange.trade(order.client_id, Decimal("0.05"))
        for order in orders:
            desk.shard.cancel(order)
        await until(lambda: not desk.gateway.board.unsettled())
        assert not desk.halts

    on_desk(body)


@pytest.mark.parametrize("fault", ["ack-lost", "lost", "cut-after", "cut-before", "-1007", "503", "slow", "429"])
def test_a_cancellation_without_a_clear_answer_is_repeated_until_the_order_has_ended(fault):
    async def body(desk):
        order = desk.shard.place(qty_lots=LOT)
        await until(lambda: "ack" in desk.shard.told(order))
        desk.venue.faults.cancel = [fault]
        desk.shard.cancel(order)
        await until(lambda: "canceled" in desk.shard.told(order))
        assert not desk.halts

    on_desk(body)


def test_a_cancellation_that_loses_the_race_against_the_last_fill_changes_nothing():
    async def body(desk):
        for events in ("", "late", "lose"):
            desk.venue.faults.events = events
            order = desk.shard.place(qty_lots=LOT)
            await until(lambda order=order: "ack" in desk.shard.told(order))
            desk.venue.exchange.trade(desk.name(order), Decimal(1))
            desk.shard.cancel(order)  # -2011 Unknown order sent.
            await until(lambda order=order: "fill" in desk.shard.told(order))
            await until(lambda: not desk.gateway.board.unsettled())
            assert desk.shard.told(order) == ["sent", "ack", "fill"]
        assert not desk.halts

    on_desk(body)


def test_a_cancellation_asked_for_while_the_order_is_under_way_waits_for_it():
    async def body(desk):
        desk.venue.faults.place = ["slow"]
        order = desk.shard.place(qty_lots=LOT)
        desk.shard.cancel(order)
        await until(lambda: "canceled" in desk.shard.told(order))
        assert desk.shard.told(order) == ["sent", "ack", "canceled"]

    on_desk(body)


def test_429_then_418_hold_everything_back_and_nothing_is_lost():
    async def body(desk):
        desk.venue.faults.place = ["429", "418"]
        first = desk.shard.place(qty_lots=LOT)
        await until(lambda: "rejected" in desk.shard.told(first))
        assert desk.shard.reports[-1]["reason"] > 0
        second = desk.shard.place(qty_lots=LOT)  # held back by ourselves: never sent
        await until(lambda: "dropped" in desk.shard.told(second))
        await until(lambda: desk.spot.why_not_ready() is None)
        third = desk.shard.place(qty_lots=LOT)
        await until(lambda: "rejected" in desk.shard.told(third))
        await until(lambda: desk.spot.why_not_ready() is None and desk.shard.gate_is_open)
        fourth = desk.shard.place(qty_lots=LOT)
        await until(lambda: "ack" in desk.shard.told(fourth))
        desk.shard.cancel(fourth)
        await until(lambda: "canceled" in desk.shard.told(fourth))
        assert desk.venue.count("place") == 3

    on_desk(body)


def test_an_intent_whose_breaker_moved_is_dropped_and_never_written():
    async def body(desk):
        desk.shard.admits = False
        order = desk.shard.place(qty_lots=LOT)
        await until(lambda: desk.shard.told(order) == ["dropped"])
        assert desk.venue.count("place") == 0

    on_desk(body)


def test_while_the_connection_is_down_orders_are_dropped_cancellations_go_and_missed_fills_come_later():
    async def body(desk):
        filled, rests = desk.shard.place(qty_lots=LOT), desk.shard.place(qty_lots=LOT)
        await until(lambda: "ack" in desk.shard.told(rests) and "ack" in desk.shard.told(filled))
        desk.venue.faults.refuse_connections = True
        await desk.venue.disconnect()
        await until(lambda: not desk.shard.gate_is_open)
        desk.venue.exchange.trade(desk.name(filled), Decimal("0.4"))
        dropped = desk.shard.place(qty_lots=LOT)
        desk.shard.cancel(rests)
        await until(lambda: "dropped" in desk.shard.told(dropped) and "canceled" in desk.shard.told(rests))
        desk.venue.faults.refuse_connections = False
        await until(lambda: "fill" in desk.shard.told(filled) and desk.shard.gate_is_open)
        desk.shard.cancel(filled)
        await until(lambda: "canceled" in desk.shard.told(filled))
        assert not desk.halts

    on_desk(body)
