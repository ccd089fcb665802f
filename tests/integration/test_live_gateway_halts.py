"""When the live gateway may trade: reconciliation, ghosts, strangers, faults of its own, and how it ends."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from builders.live_desk import LOT, PASSIVE, TAKING, Desk, judge, on_desk, until
from builders.tiny_venue import TinyVenue

from bot4._core.engine.control import ControlCode
from bot4._core.engine.lane_state import GateReason
from bot4._core.types import EventKind, IntentFlag
from bot4.domain.order_id import client_order_id


def test_the_gate_stays_closed_until_the_venue_has_answered_everything():
    async def main():
        async with TinyVenue() as venue:
            venue.faults.account = ["503"] * 3
            venue.faults.open_orders = ["lost"]
            desk = Desk(venue)
            await until(lambda: venue.count("account") >= 1)
            assert not desk.shard.gate_is_open
            assert "closed" in desk.gateway.status.gate
            await desk.ready()
            await until(lambda: desk.gateway.status.gate == "open")
            assert venue.count("account") >= 4
            await desk.finish()
            assert not desk.halts
            judge(desk)

    asyncio.run(main())


def test_a_ghost_is_canceled_and_ends_trading():
    async def main():
        async with TinyVenue() as venue:
            venue.exchange.place(
                {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "90",
                 "newClientOrderId": client_order_id(2, 77)}
            )  # fmt: skip
            venue.exchange.place(
                {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "90",
                 "newClientOrderId": "web_by_hand"}
            )  # fmt: skip
            desk = Desk(venue)
            await until(lambda: desk.halts)
            assert client_order_id(2, 77) in desk.halts[0]
            await until(lambda: venue.exchange.orders[0].status == "CANCELED")
            assert venue.exchange.orders[1].is_open, "somebody else's order is left alone"
            assert not desk.shard.gate_is_open
            await desk.finish()

    asyncio.run(main())


def test_somebody_else_trading_on_the_account_ends_trading():
    async def main():
        async with TinyVenue() as venue:
            desk = Desk(venue)
            await desk.ready()
            venue.exchange.place(
                {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1",
                 "newClientOrderId": "web_by_hand"}
            )  # fmt: skip
            await until(lambda: desk.halts)
            assert "belongs to no order of this run" in desk.halts[0]
            await until(lambda: not desk.shard.gate_is_open)
            await desk.finish()

    asyncio.run(main())


def test_a_balance_that_moved_without_a_fill_ends_trading_and_a_deposit_does_not():
    async def main():
        async with TinyVenue() as venue:
            desk = Desk(venue)
            await desk.ready()
            venue.exchange.free["USDT"] += 5
            await venue._send_event({"e": "balanceUpdate", "a": "USDT", "d": "5", "T": 1, "E": 1})
            passes = desk.gateway.reconciler.passes
            await until(lambda: desk.gateway.reconciler.passes > passes + 2)
            assert not desk.halts
            venue.exchange.free["USDT"] -= Decimal("0.00000001")
            await until(lambda: desk.halts)
            assert desk.halts[0] == (
                "balance of USDT: the venue has 100004.99999999, the books 100005: "
                "where a deposit or a withdrawal explains it, start again with --accept-balances"
            )
            assert (ControlCode.CONTROL_GATE_CLOSE, GateReason.GATE_MISMATCH) in desk.shard.controls
            await desk.finish()

    asyncio.run(main())


def test_reconciling_twice_tells_nothing_the_second_time():
    async def body(desk):
        desk.venue.faults.events = "lose"
        desk.venue.faults.place = ["ack-lost", "", "ack-lost"]
        orders = [desk.shard.place(qty_lots=LOT // 10, price_ticks=price) for price in (TAKING, PASSIVE, PASSIVE)]
        desk.venue.exchange.pieces = 4
        await until(lambda: len(desk.venue.exchange.orders) == 3)
        desk.venue.exchange.trade(desk.venue.exchange.orders[1].client_id, Decimal("0.01"))
        await until(lambda: len(desk.shard.fills()) == len(desk.venue.exchange.trades))
        await until(lambda: all("ack" in desk.shard.told(order) for order in orders))
        first = await desk.gateway.reconciler.run()
        before = len(desk.shard.reports) + len(desk.gateway._outbox)
        second = await desk.gateway.reconciler.run()
        assert first.is_complete
        assert second.is_complete
        assert second.told == 0
        assert second.why_closed is None
        assert len(desk.shard.reports) + len(desk.gateway._outbox) == before
        for order in orders:
            desk.shard.cancel(order)
        await until(lambda: not desk.gateway.board.unsettled())

    on_desk(body, reconcile_s=0.1)


def test_an_engine_that_takes_no_reports_ends_trading_and_gets_them_all_the_same_later():
    async def body(desk):
        desk.shard.room = 1
        order = desk.shard.place(qty_lots=LOT, price_ticks=TAKING)
        await until(lambda: desk.halts)
        assert "takes no reports" in desk.halts[0]
        assert not desk.shard.gate_is_open
        desk.shard.room = 1 << 30
        await until(lambda: desk.shard.told(order) == ["sent", "ack", "fill"])

    on_desk(body)


def test_a_fault_of_ours_in_the_loop_ends_trading(monkeypatch):
    async def body(desk):
        desk.shard._push(order_id=1, action=0, qty_lots=1, price_ticks=1, instrument=5, generation=7)  # no such lane
        await until(lambda: desk.halts)
        assert "IndexError" in desk.halts[0]
        await until(lambda: not desk.shard.gate_is_open)

    async def main():
        async with TinyVenue() as venue:
            desk = Desk(venue)
            await desk.ready()
            await body(desk)
            await desk.finish()

    asyncio.run(main())


def test_a_venue_that_cannot_be_reached_is_a_halt_with_a_reason():
    async def main():
        async with TinyVenue() as venue:
            venue.faults.refuse_connections = True
            desk = Desk(venue)
            await desk.task
            assert "cannot be reached" in desk.halts[0]

    asyncio.run(main())


def test_orders_that_are_under_way_at_the_end_are_waited_for():
    async def main():
        async with TinyVenue() as venue:
            desk = Desk(venue)
            await desk.ready()
            venue.faults.place = ["slow"]
            order = desk.shard.place(qty_lots=LOT, price_ticks=TAKING)
            await until(lambda: venue.count("place") == 1)
            await desk.finish()
            assert desk.shard.told(order) == ["sent", "ack", "fill"]
            judge(desk)

    asyncio.run(main())


def test_a_post_only_order_that_would_take_is_told_as_rejected_with_its_reason():
    async def body(desk):
        order = desk.shard.place(qty_lots=LOT, price_ticks=TAKING, flags=int(IntentFlag.INTENT_POST_ONLY))
        await until(lambda: desk.shard.told(order) == ["sent", "rejected"])
        row = desk.shard.reports[-1]
        assert int(row["kind"]) == EventKind.EVENT_ORDER_REJECTED
        assert int(row["reason"]) == 4

    on_desk(body)
