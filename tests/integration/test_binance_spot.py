"""The spot adapter over a real socket: outcomes, fall-back to REST, limits, reconnection, renewal."""

from __future__ import annotations

import asyncio
import random
import time
from decimal import Decimal

import pytest
from builders.tiny_venue import API_KEY, SECRET, TinyVenue

from bot4.adapters.venues.binance.access import Endpoints
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.domain.errors import AuthenticationError, ConfigError, RejectReason
from bot4.domain.order import OrderSide, TimeInForce
from bot4.domain.secret import Secret
from bot4.ports.exchange import KeyPermissions
from bot4.ports.venue_event import BalanceReport, ExecutionReport, StreamState
from bot4.ports.venue_order import OrderKind, OrderRequest, VenueOrderStatus
from bot4.ports.venue_outcome import Ack, NoInformation, NotFound, Reject, Unknown


def spot_of(venue, *, secret=SECRET, timeout_s=4.0, **options):
    return BinanceSpot(
        Endpoints(rest=venue.rest_url, ws_api=venue.ws_url),
        Secret(API_KEY),
        HmacSigner(Secret(secret)),
        symbols=["BTCUSDT"],
        mono_ns=time.monotonic_ns,
        wall_ns=time.time_ns,
        rng=random.Random(1),
        timeout_s=timeout_s,
        **options,
    )


def buy(name="b4-1-1-a", price="100", qty="1", **more):
    return OrderRequest(
        client_order_id=name, symbol="BTCUSDT", side=OrderSide.BUY, qty=Decimal(qty), price=Decimal(price), **more
    )


def on_venue(body, **options):
    """Run `body(venue, spot)` with both up."""

    async def main():
        async with TinyVenue() as venue:
            spot = spot_of(venue, **options)
            await spot.start()
            try:
                await body(venue, spot)
            finally:
                await spot.close()

    asyncio.run(asyncio.wait_for(main(), 60))


async def heard(spot, count):
    """The next events of the account."""
    events = []
    async for event in spot.events():
        events.append(event)
        if len(events) == count:
            break
    return events


async def until(condition, timeout_s=15.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def test_a_resting_order_is_acknowledged_queried_listed_and_canceled():
    async def body(venue, spot):
        placed = await spot.place(buy())
        assert isinstance(placed, Ack)
        assert placed.order.status is VenueOrderStatus.WORKING
        assert placed.fills == ()
        assert (await spot.query("BTCUSDT", "b4-1-1-a")).client_order_id == "b4-1-1-a"
        assert [o.client_order_id for o in await spot.open_orders("BTCUSDT")] == ["b4-1-1-a"]
        canceled = await spot.cancel("BTCUSDT", "b4-1-1-a")
        assert isinstance(canceled, Ack)
        assert canceled.order.client_order_id == "b4-1-1-a", "not the id of the cancellation"
        assert canceled.order.status is VenueOrderStatus.CANCELED
        again = await spot.cancel("BTCUSDT", "b4-1-1-a")
        assert isinstance(again, Reject)
        assert again.reason is RejectReason.UNKNOWN_ORDER
        assert await spot.cancel_all("BTCUSDT") == []

    on_venue(body)


def test_an_order_that_takes_is_told_with_its_fills_and_the_stream_tells_the_same():
    async def body(venue, spot):
        venue.exchange.pieces = 3
        placed = await spot.place(buy(price="101", qty="0.3"))
        assert placed.order.status is VenueOrderStatus.FILLED
        assert [fill.qty for fill in placed.fills] == [Decimal("0.1")] * 3
        events = await heard(spot, 7)
        told = [e.fill for e in events if isinstance(e, ExecutionReport) and e.fill]
        assert [f.trade_id for f in told] == [f.trade_id for f in placed.fills]
        assert [f.fee for f in told] == [f.fee for f in placed.fills]
        assert events[0].order.client_order_id == "b4-1-1-a"
        assert isinstance(events[-1], BalanceReport)
        assert list(placed.fills) == await spot.trades_of("BTCUSDT", placed.order.venue_order_id)
        assert len(await spot.trades_since("BTCUSDT", time.time_ns() - 3 * 86_400 * 10**9)) == 3

    on_venue(body)


def test_refusals_say_why():
    async def body(venue, spot):
        for request, reason in (
            (buy(qty="100000"), RejectReason.INSUFFICIENT_FUNDS),
            (buy(price="101", post_only=True), RejectReason.WOULD_TAKE_LIQUIDITY),
        ):
            outcome = await spot.place(request)
            assert isinstance(outcome, Reject)
            assert (outcome.reason, outcome.was_sent) == (reason, True)
        expired = await spot.place(buy("b4-1-2-a", tif=TimeInForce.IOC))
        assert expired.order.status is VenueOrderStatus.EXPIRED
        market = OrderRequest(
            client_order_id="b4-1-3-a", symbol="BTCUSDT", side=OrderSide.SELL, qty=Decimal(1), kind=OrderKind.MARKET
        )
        assert (await spot.place(market)).order.status is VenueOrderStatus.FILLED

    on_venue(body)


@pytest.mark.parametrize(
    ("fault", "is_there"),
    [("ack-lost", True), ("lost", False), ("-1007", True), ("-1007-not-done", False), ("503", False),
     ("cut-after", True), ("cut-before", False), ("garbled", True)],
)  # fmt: skip
def test_what_is_not_answered_clearly_is_unknown_and_a_question_settles_it(fault, is_there):
    async def body(venue, spot):
        venue.faults.place = [fault]
        outcome = await spot.place(buy())
        assert isinstance(outcome, Unknown), outcome
        assert venue.count("place") == 1, "nothing is ever sent twice"
        shown = await spot.query("BTCUSDT", "b4-1-1-a")
        assert isinstance(shown, NotFound) is not is_there
        if is_there:
            assert shown.status is VenueOrderStatus.WORKING

    on_venue(body, timeout_s=1.0)


def test_the_breaker_is_asked_after_signing_and_a_no_leaves_nothing_written():
    async def body(venue, spot):
        outcome = await spot.place(buy(), admit=lambda: False)
        assert isinstance(outcome, Reject)
        assert (outcome.reason, outcome.was_sent) == (RejectReason.NOT_ADMITTED, False)
        assert venue.count("place") == 0

    on_venue(body)


def test_without_its_connection_orders_wait_and_cancellations_and_questions_go_by_rest():
    async def body(venue, spot):
        assert isinstance(await spot.place(buy()), Ack)
        assert isinstance((await heard(spot, 1))[0], ExecutionReport)
        venue.faults.refuse_connections = True
        await venue.disconnect()
        await until(lambda: spot.why_not_ready() == "the connection for orders is down")
        refused = await spot.place(buy("b4-1-2-a"))
        assert (refused.reason, refused.was_sent) == (RejectReason.NOT_CONNECTED, False)
        assert (await spot.query("BTCUSDT", "b4-1-1-a")).status is VenueOrderStatus.WORKING
        assert isinstance(await spot.cancel("BTCUSDT", "b4-1-1-a"), Ack)
        venue.faults.refuse_connections = False
        await until(lambda: spot.why_not_ready() is None)
        states = await heard(spot, 2)
        assert all(isinstance(state, StreamState) for state in states)
        assert [state.is_up for state in states] == [False, True]

    on_venue(body)


def test_after_429_nothing_goes_out_until_the_time_named_and_after_418_even_longer():
    async def body(venue, spot):
        venue.faults.place = ["429", "418"]
        limited = await spot.place(buy())
        assert limited.reason is RejectReason.RATE_LIMITED
        assert 0.5 < limited.retry_after_s <= 1.0 + spot.clock.error_ns / 1e9
        held = [await spot.cancel("BTCUSDT", "b4-1-1-a"), await spot.place(buy())]
        assert [(h.reason, h.was_sent) for h in held] == [(RejectReason.RATE_LIMITED, False)] * 2
        assert isinstance(await spot.balances(), NoInformation)
        assert venue.count("place") == 1
        assert len(venue.requests) == 1
        await until(lambda: spot.why_not_ready() is None)
        banned = await spot.place(buy())
        assert banned.reason is RejectReason.BANNED
        assert spot.why_not_ready() == "banned by the venue"
        assert (await spot.place(buy())).was_sent is False
        await until(lambda: spot.why_not_ready() is None)
        assert isinstance(await spot.place(buy()), Ack)

    on_venue(body)


def test_a_question_that_fails_is_no_information_never_nothing():
    async def body(venue, spot):
        await spot.place(buy())
        for name, ask in (
            ("open_orders", lambda: spot.open_orders("BTCUSDT")),
            ("my_trades", lambda: spot.trades_since("BTCUSDT", time.time_ns() - 10**9)),
            ("account", spot.balances),
            ("query", lambda: spot.query("BTCUSDT", "b4-1-1-a")),
        ):
            for fault in ("503", "garbled", "lost"):
                setattr(venue.faults, name, [fault])
                assert isinstance(await ask(), NoInformation), (name, fault)

    on_venue(body, timeout_s=1.0)


def test_a_planned_renewal_overlaps_and_loses_no_event():
    async def body(venue, spot):
        for number in range(30):
            if number % 10 == 5:
                await venue._send_event({"e": "serverShutdown", "E": venue.now_ms()})
            assert isinstance(await spot.place(buy(f"b4-1-{number}-a", price="101", qty="0.01")), Ack)
            await asyncio.sleep(0.02)
        traded, seen = {trade["id"] for trade in venue.exchange.trades}, set()

        def is_all_heard():
            while not spot._events.empty():
                event = spot._events.get_nowait()
                if isinstance(event, ExecutionReport) and event.fill:
                    seen.add(event.fill.trade_id)
            return seen >= traded

        await until(is_all_heard)
        assert len(traded) == 30
        assert seen == traded
        assert spot._ws.reconnects >= 1

    on_venue(body)


def test_an_event_that_cannot_be_read_asks_for_a_look_at_everything():
    async def body(venue, spot):
        await venue._send_event({"e": "executionReport", "i": 1})
        await venue._send_event({"e": "somethingNew"})
        first, second = await heard(spot, 2)
        assert isinstance(first, StreamState)
        assert first.is_up
        assert "could not be read" in first.reason
        assert "somethingNew" in second.reason

    on_venue(body)


def test_a_clock_that_is_off_stops_orders_before_they_are_sent():
    async def main():
        async with TinyVenue() as venue:
            venue.faults.clock_ahead_ms = 900
            spot = spot_of(venue)
            await spot.start()
            assert "the limit is 500 ms" in spot.why_not_ready()
            await spot.close()

    asyncio.run(main())


def test_a_refusal_by_the_venues_clock_measures_anew():
    async def body(venue, spot):
        venue.faults.clock_ahead_ms = 5_000
        outcome = await spot.place(buy())
        assert outcome.reason is RejectReason.CLOCK_SKEW
        assert "asked 0 of 5 times" in spot.why_not_ready()
        venue.faults.clock_ahead_ms = 0
        await until(lambda: spot.why_not_ready() is None)

    on_venue(body)


def test_a_wrong_secret_stops_the_start():
    async def main():
        async with TinyVenue() as venue:
            spot = spot_of(venue, secret="not-it")  # noqa: S106
            with pytest.raises(AuthenticationError, match="INVALID_SIGNATURE"):
                await spot.start()
            await spot.close()

    asyncio.run(main())


def test_permissions_of_the_key_are_read_and_a_missing_field_is_no_information():
    async def body(venue, spot):
        assert await spot.key_permissions() == KeyPermissions(
            trade=True, withdraw=False, internal_transfer=False, universal_transfer=False, ip_restricted=True
        )
        del venue.permissions["enableWithdrawals"]
        assert isinstance(await spot.key_permissions(), NoInformation)

    on_venue(body)


def test_plain_text_leads_to_this_machine_only():
    for rest, ws_api in (
        ("http://api.example.com", "wss://x.example.com"),
        ("https://api.example.com", "ws://x.example.com"),
        ("https://user:pass@api.example.com", "wss://x.example.com"),
        ("ftp://127.0.0.1", "wss://x.example.com"),
        ("http://127.0.0.1.example.com", "wss://x.example.com"),
    ):
        with pytest.raises(ConfigError):
            Endpoints(rest=rest, ws_api=ws_api)
    Endpoints(rest="http://127.0.0.1:8080", ws_api="ws://[::1]:8080/ws-api/v3")
