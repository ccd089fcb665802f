"""The USD-M adapter over real sockets, alone and under the live gateway."""

from __future__ import annotations

import asyncio
import random
import time
from decimal import Decimal

import pytest
from builders.hand_shard import HandShard
from builders.tiny_futures import TinyFutures
from builders.tiny_venue import API_KEY, SECRET

from bot4._core.types import IntentFlag
from bot4.adapters.venues.binance.access import Credentials, Endpoints
from bot4.adapters.venues.binance.canceller import BinanceCanceller
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.usdm import BinanceUsdm
from bot4.application.live.account import LivePace
from bot4.application.live.gateway import LiveGateway
from bot4.domain.errors import RejectReason
from bot4.domain.instrument import ContractKind, Instrument, Market
from bot4.domain.order import OrderSide
from bot4.domain.order_id import client_order_id
from bot4.domain.secret import Secret
from bot4.ports.canceller import CancelOutcome
from bot4.ports.venue_event import ExecutionReport
from bot4.ports.venue_order import OrderKind, OrderRequest, VenueOrderStatus
from bot4.ports.venue_outcome import Ack, NoInformation, NotFound, Reject, Unknown

BTC = Instrument(
    symbol="BTCUSDT", venue="binance", kind=ContractKind.LINEAR, base="BTC", quote="USDT", settle="USDT",
    tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"),
)  # fmt: skip
LOT = 100_000


def usdm_of(venue, *, has_session=True, timeout_s=4.0):
    return BinanceUsdm(
        Endpoints(rest=venue.rest_url, ws_api=venue.ws_url if has_session else "", user_stream=venue.user_url),
        Secret(API_KEY), HmacSigner(Secret(SECRET)), symbols=["BTCUSDT"], mono_ns=time.monotonic_ns,
        wall_ns=time.time_ns, rng=random.Random(1), timeout_s=timeout_s,
    )  # fmt: skip


def on_venue(body, **options):
    async def main():
        async with TinyFutures() as venue:
            usdm = usdm_of(venue, **options)
            await usdm.start()
            try:
                await body(venue, usdm)
            finally:
                await usdm.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def order(name="b4-1-1-a", price="100", **more):
    return OrderRequest(
        client_order_id=name, symbol="BTCUSDT", side=OrderSide.BUY, qty=Decimal(1), price=Decimal(price), **more
    )


async def until(condition, timeout_s=15.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("has_session", [True, False])
def test_orders_are_placed_asked_for_listed_and_canceled(has_session):
    async def body(venue, usdm):
        assert usdm.why_not_ready() is None
        assert isinstance(await usdm.place(order()), Ack)
        shown = await usdm.query("BTCUSDT", "b4-1-1-a")
        assert shown.status is VenueOrderStatus.WORKING
        assert [o.client_order_id for o in await usdm.open_orders("BTCUSDT")] == ["b4-1-1-a"]
        canceled = await usdm.cancel("BTCUSDT", "b4-1-1-a")
        assert canceled.order.status is VenueOrderStatus.CANCELED
        again = await usdm.cancel("BTCUSDT", "b4-1-1-a")
        assert again.reason is RejectReason.UNKNOWN_ORDER
        assert isinstance(await usdm.place(order("b4-1-2-a")), Ack)
        assert [o.client_order_id for o in await usdm.cancel_all("BTCUSDT")] == ["b4-1-2-a"]

    on_venue(body, has_session=has_session)


def test_post_only_is_a_time_in_force_and_reduce_only_a_flag():
    async def body(venue, usdm):
        refused = await usdm.place(order(price="101", post_only=True))
        assert refused.reason is RejectReason.WOULD_TAKE_LIQUIDITY
        await usdm.place(order("b4-1-2-a", reduce_only=True))
        asked = [params for name, params in venue.requests if name == "place"]
        assert asked[0]["timeInForce"] == "GTX"
        assert asked[1]["reduceOnly"] == "true"

    on_venue(body)


def test_trades_come_by_the_stream_and_by_question_and_positions_follow():
    async def body(venue, usdm):
        venue.exchange.pieces = 2
        placed = await usdm.place(order(price="101"))
        fills = []
        async for event in usdm.events():
            if isinstance(event, ExecutionReport) and event.fill:
                fills.append(event.fill)
            if len(fills) == 2:
                break
        assert fills == list(await usdm.trades_of("BTCUSDT", placed.order.venue_order_id))
        assert fills == list(await usdm.trades_since("BTCUSDT", time.time_ns() - 20 * 86_400 * 10**9))
        assert [(p.symbol, p.qty) for p in await usdm.positions()] == [("BTCUSDT", Decimal(1))]
        assert [(b.free, b.total) for b in await usdm.balances()] == [(Decimal(900), Decimal(1000))]

    on_venue(body)


def test_orders_that_wait_for_a_trigger_go_to_their_own_endpoint():
    async def body(venue, usdm):
        placed = await usdm.place(stop_order())
        assert placed.order.status is VenueOrderStatus.WORKING
        assert venue.algo["b4-1-9-a"]["orderType"] == "STOP_MARKET"
        assert (await usdm.query("BTCUSDT", "b4-1-9-a")).status is VenueOrderStatus.WORKING
        canceled = await usdm.cancel("BTCUSDT", "b4-1-9-a")
        assert canceled.order.status is VenueOrderStatus.CANCELED
        assert venue.count("place") == 0

    on_venue(body)


def stop_order(name="b4-1-9-a"):
    return OrderRequest(
        client_order_id=name, symbol="BTCUSDT", side=OrderSide.SELL, qty=Decimal(1), kind=OrderKind.STOP,
        trigger_price=Decimal(90), reduce_only=True,
    )  # fmt: skip


def test_a_waiting_order_is_listed_and_found_by_another_process():
    async def body(venue, usdm):
        await usdm.place(order())
        await usdm.place(stop_order())
        assert venue.algo["b4-1-9-a"]["reduceOnly"] == "true"
        later = usdm_of(venue)
        await later.start()
        try:
            shown = {o.client_order_id: o.venue_order_id for o in await later.open_orders("BTCUSDT")}
            assert set(shown) == {"b4-1-1-a", "b4-1-9-a"}
            assert shown["b4-1-9-a"] == "", "it has no name among the orders that work"
        finally:
            await later.close()
        unaware = usdm_of(venue)  # it has listed nothing: the name alone
        await unaware.start()
        try:
            assert (await unaware.query("BTCUSDT", "b4-1-9-a")).status is VenueOrderStatus.WORKING
            assert isinstance(await unaware.query("BTCUSDT", "b4-1-8-a"), NotFound)
        finally:
            await unaware.close()
        blunt = usdm_of(venue)
        await blunt.start()
        try:
            canceled = await blunt.cancel("BTCUSDT", "b4-1-9-a")
            assert canceled.order.status is VenueOrderStatus.CANCELED
            assert (await blunt.cancel("BTCUSDT", "b4-1-9-a")).reason is RejectReason.UNKNOWN_ORDER
        finally:
            await blunt.close()

    on_venue(body)


@pytest.mark.parametrize("child", ["b4-1-9-a", "another-name"])
def test_what_a_waiting_order_became_ends_it_whatever_that_is_called(child):
    async def body(venue, usdm):
        await usdm.place(stop_order())
        venue.trigger("b4-1-9-a", child)
        shown = await usdm.query("BTCUSDT", "b4-1-9-a")
        assert (shown.client_order_id, shown.status) == ("b4-1-9-a", VenueOrderStatus.FILLED)
        assert [fill.qty for fill in await usdm.trades_of("BTCUSDT", shown.venue_order_id)] == [Decimal(1)]
        assert (await usdm.cancel("BTCUSDT", "b4-1-9-a")).reason is RejectReason.UNKNOWN_ORDER
        since = await usdm.orders_since("BTCUSDT", time.time_ns() - 10**9)
        assert [(o.client_order_id, o.status) for o in since] == [("b4-1-9-a", VenueOrderStatus.FILLED)], "once"

    on_venue(body)


def test_one_that_was_refused_when_it_was_triggered_has_ended_without_a_trade():
    async def body(venue, usdm):
        await usdm.place(stop_order())
        for status in ("REJECTED", "EXPIRED", "FINISHED"):
            venue.algo["b4-1-9-a"]["algoStatus"] = status
            shown = await usdm.query("BTCUSDT", "b4-1-9-a")
            assert (shown.status, shown.filled_qty) == (VenueOrderStatus.EXPIRED, 0), status

    on_venue(body)


def test_all_of_a_symbol_takes_the_waiting_ones_away_too():
    async def body(venue, usdm):
        await usdm.place(order())
        await usdm.place(stop_order())
        assert {o.client_order_id for o in await usdm.cancel_all("BTCUSDT")} == {"b4-1-1-a", "b4-1-9-a"}
        assert await usdm.open_orders("BTCUSDT") == []

    on_venue(body)


def test_a_watchdog_sees_waiting_orders_for_what_they_are_and_can_cancel_them():
    async def body(venue, usdm):
        await usdm.place(order())
        await usdm.place(stop_order())
        dog = BinanceCanceller(
            Market.USDM, Endpoints(rest=venue.rest_url, ws_api=""), Secret(API_KEY), HmacSigner(Secret(SECRET)),
            mono_ns=time.monotonic_ns, wall_ns=time.time_ns,
        )  # fmt: skip
        await dog.start()
        try:
            shown = await dog.open_orders("BTCUSDT")
            assert {o.client_order_id: o.waits for o in shown} == {"b4-1-1-a": False, "b4-1-9-a": True}
            assert [await dog.cancel(o) for o in shown] == [CancelOutcome.CANCELED] * 2
            assert await dog.open_orders("BTCUSDT") == []
        finally:
            await dog.close()

    on_venue(body)


def test_hedge_mode_is_a_problem_of_the_account():
    async def body(venue, usdm):
        assert await usdm.account_problems() == []
        venue.is_hedged = True
        assert "hedge mode" in (await usdm.account_problems())[0]
        venue.faults.__dict__["dual"] = ["503"]
        assert isinstance(await usdm.account_problems(), NoInformation)

    on_venue(body)


def test_an_expired_listen_key_and_a_cut_are_followed_by_a_new_stream():
    async def body(venue, usdm):
        await venue._send_event({"e": "listenKeyExpired", "E": 1, "listenKey": "key-0"})
        await until(lambda: len(venue.listen_keys) == 2)
        await until(lambda: usdm.why_not_ready() is None)
        venue.faults.refuse_connections = True
        await venue.disconnect()
        await until(lambda: usdm.why_not_ready() is not None)
        refused = await usdm.place(order())
        assert isinstance(refused, Reject)
        assert not refused.was_sent
        venue.faults.refuse_connections = False
        await until(lambda: usdm.why_not_ready() is None)
        assert isinstance(await usdm.place(order()), Ack)

    on_venue(body)


def test_an_unclear_answer_is_unknown_here_too():
    async def body(venue, usdm):
        for fault in ("-1007", "503", "ack-lost", "garbled"):
            venue.faults.place = [fault]
            assert isinstance(await usdm.place(order(f"b4-1-{fault[-1]}-a")), Unknown), fault

    on_venue(body, timeout_s=1.0)


# ---- under the gateway


def on_desk(body, **options):
    async def main():
        async with TinyFutures() as venue:
            shard, halts, work = HandShard(), [], [0]
            gateway = LiveGateway(
                usdm_of(venue, timeout_s=1.0, **options), shard, shard, [BTC], {"USDT": (0, 8), "BTC": (1, 8)}, epoch=3,
                now_ns=time.time_ns, progress=lambda: work[0], on_halt=halts.append,
                pace=LivePace(reconcile_s=0.2, ready_s=0.01, drain_s=8.0, dead_man_s=0.3),
            )  # fmt: skip
            gateway.reconciler._pause_s = 0.05
            task = asyncio.create_task(gateway._main())
            await until(lambda: shard.gate_is_open or halts)
            await body(venue, shard, gateway, work)
            gateway.stop()
            await task
            assert not halts
            assert BTC.lots_to_qty(abs(shard.position_lots)) == abs(venue.position())
            assert sorted(int(row["d"]) for row in shard.fills()) == [t["id"] for t in venue.exchange.trades]
            assert len({o.client_id for o in venue.exchange.orders}) == len(venue.exchange.orders)

    asyncio.run(asyncio.wait_for(main(), 40))


@pytest.mark.parametrize("fault", ["", "ack-lost", "lost", "-1007", "503"])
@pytest.mark.parametrize("events", ["", "lose", "shuffle", "duplicate"])
def test_under_faults_the_position_is_the_venues(monkeypatch, fault, events):
    monkeypatch.setattr(Credentials, "validity_ns", property(lambda _: 1_000_000_000))

    async def body(venue, shard, gateway, _work):
        venue.faults.events, venue.faults.place, venue.exchange.pieces = events, [fault] if fault else [], 3
        first = shard.place(qty_lots=LOT, price_ticks=10_100)
        rests = shard.place(qty_lots=LOT, price_ticks=10_000, flags=int(IntentFlag.INTENT_POST_ONLY))
        await until(lambda: "ack" in shard.told(rests) or "resolved_absent" in shard.told(rests))
        if "ack" in shard.told(rests):
            venue.exchange.trade(client_order_id(3, rests), Decimal("0.25"))
            shard.cancel(rests)
        await until(lambda: not gateway.board.unsettled())
        # The board knows first; what it tells the shard is on its way.
        await until(lambda: shard.told(first)[-1] in {"fill", "resolved_absent"})

    on_desk(body)


def test_the_dead_man_switch_is_refreshed_by_progress_of_the_engine_alone():
    async def body(venue, shard, _gateway, work):
        await until(lambda: len(venue.countdowns) == 1)
        await asyncio.sleep(0.4)
        assert len(venue.countdowns) == 1, "an engine that stands still is let go"
        work[0] += 1
        await until(lambda: len(venue.countdowns) == 2)
        assert venue.countdowns[0]["countdownTime"] == "300"

    on_desk(body)
