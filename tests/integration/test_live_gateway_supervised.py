"""A part of the live gateway, or of its adapter, raises what nobody expected: it is begun anew, and the run goes on."""

from __future__ import annotations

import asyncio

import pytest
from builders.live_desk import LOT, PASSIVE, TAKING, on_desk, until

from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.application.live import supervisor
from bot4.application.live.gateway import LiveGateway
from bot4.application.orders.reconciliation import Reconciler


def raises_once(monkeypatch, owner, name, *, times=1, after=False, skip=0):
    """Make a method raise: before its work, or when it is done."""
    right, left, passed = getattr(owner, name), [times], [skip]

    def due():
        if passed[0] > 0:
            passed[0] -= 1
            return False
        left[0] -= 1
        return left[0] >= 0

    if asyncio.iscoroutinefunction(right):

        async def wrong(self, *args, **named):
            is_due = due()
            if is_due and not after:
                raise RuntimeError("planted")
            done = await right(self, *args, **named)
            if is_due:
                raise RuntimeError("planted")
            return done
    else:

        def wrong(self, *args, **named):
            if due():
                raise RuntimeError("planted")
            return right(self, *args, **named)

    monkeypatch.setattr(owner, name, wrong)
    return left


def is_known(desk, order_id, word):
    return {word, "dropped"} & set(desk.shard.told(order_id))


async def trade(desk):
    """An order that fills at once and one that rests and is cancelled, up to their settled ends."""
    await until(lambda: desk.shard.gate_is_open or desk.halts)
    taken = desk.shard.place(qty_lots=LOT, price_ticks=TAKING)
    resting = desk.shard.place(qty_lots=LOT, price_ticks=PASSIVE)
    await until(lambda: (is_known(desk, taken, "fill") and is_known(desk, resting, "ack")) or desk.halts)
    desk.shard.cancel(resting)
    await until(lambda: not desk.gateway.board.unsettled() or desk.halts)


PARTS = [
    (Reconciler, "run", {}),
    (BinanceSpot, "place", {}),
    (BinanceSpot, "place", {"after": True}),
    (BinanceSpot, "cancel", {"after": True}),
    (BinanceSpot, "query", {}),
    (BinanceSpot, "open_orders", {"skip": 1}),
    (BinanceSpot, "trades_since", {"skip": 1}),
    (BinanceSpot, "balances", {"skip": 1}),
    (BinanceSpot, "why_not_ready", {"skip": 2}),
    (LiveGateway, "_status", {"skip": 2}),
]


@pytest.mark.parametrize(("owner", "name", "how"), PARTS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_whatever_raises_once_is_gone_on_after_and_the_ledger_is_right(monkeypatch, owner, name, how):
    async def body(desk):
        left = raises_once(monkeypatch, owner, name, **how)
        if name == "query":  # only asked where something is unclear
            desk.venue.faults.place, desk.venue.faults.events = ["ack-lost"], "lose"
        for _ in range(3):
            desk.gateway._look.set()
            await trade(desk)
        assert not desk.halts, desk.halts
        await until(lambda: left[0] < 1)
        assert any("planted" in note for note in desk.gateway.notes), desk.gateway.notes
        await until(lambda: desk.shard.gate_is_open)

    on_desk(body)


def test_the_stream_is_heard_again_and_what_was_lost_with_the_error_is_asked_for(monkeypatch):
    async def body(desk):
        left = raises_once(monkeypatch, desk.gateway.board.__class__, "take_report")
        await trade(desk)
        await trade(desk)
        assert left[0] < 1
        assert not desk.halts
        await until(lambda: desk.shard.gate_is_open)

    on_desk(body)


def test_nothing_is_opened_until_everything_was_compared_and_cancellations_go_on(monkeypatch):
    async def body(desk):
        resting = desk.shard.place(qty_lots=LOT, price_ticks=PASSIVE)
        await until(lambda: "ack" in desk.shard.told(resting))
        raises_once(monkeypatch, Reconciler, "run", times=3)
        desk.gateway._look.set()
        await until(lambda: not desk.shard.gate_is_open, 3.0)
        assert "reconciliation" in (desk.gateway._why_closed() or "")
        desk.shard.cancel(resting)
        await until(lambda: "canceled" in desk.shard.told(resting))
        await until(lambda: desk.shard.gate_is_open)
        assert not desk.halts

    on_desk(body)


def test_a_part_that_fails_again_and_again_ends_trading(monkeypatch):
    monkeypatch.setattr(supervisor, "_PAUSES_S", (0.001,))

    async def body(desk):
        raises_once(monkeypatch, Reconciler, "run", times=1_000)
        desk.gateway._look.set()
        await until(lambda: desk.halts)
        assert desk.halts == ["RuntimeError: planted"]

    on_desk(body)


def test_the_control_a_gateway_without_supervision_ends_at_the_first_error(monkeypatch):
    async def unkept(self, name, work):
        await work()

    monkeypatch.setattr(supervisor.Supervisor, "keep", unkept)

    async def body(desk):
        raises_once(monkeypatch, Reconciler, "run")
        desk.gateway._look.set()
        await until(lambda: desk.halts)

    on_desk(body)
