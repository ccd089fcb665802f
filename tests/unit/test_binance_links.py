"""One request over each of Binance's ways: what is signed, what an answer means, what a broken connection leaves."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import aiohttp
import orjson
import pytest

from bot4.adapters.venues.binance.access import Credentials, Endpoints, Operation, Success
from bot4.adapters.venues.binance.budget import RateBudget
from bot4.adapters.venues.binance.clock_offset import ClockOffset
from bot4.adapters.venues.binance.errors_spot import SPOT_ERRORS
from bot4.adapters.venues.binance.rest import RestClient, parse_json
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.ws_link import WsLink
from bot4.domain.errors import AuthenticationError, RejectReason, RetryableError
from bot4.domain.secret import Secret
from bot4.ports.venue_outcome import Reject, Unknown

NOW_NS = 1_800_000_000_000_000_000
QUERY = Operation("order.status", "GET", "/api/v3/order", weight=4)
PUBLIC = Operation("time", "GET", "/api/v3/time", weight=1, is_signed=False)
KEYED = Operation("", "POST", "/api/v3/userDataStream", weight=2, is_signed=False, needs_key=True)
REFUSED = orjson.dumps({"code": -2013, "msg": "Order does not exist."})


def credentials() -> Credentials:
    clock = ClockOffset(lambda: NOW_NS, lambda: NOW_NS)
    clock.add(asked_mono_ns=NOW_NS, answered_mono_ns=NOW_NS, server_ns=NOW_NS)
    return Credentials(api_key=Secret("key"), signer=HmacSigner(Secret("secret")), clock=clock)


def budget() -> RateBudget:
    return RateBudget(now_ns=lambda: NOW_NS)


class Pool:
    """An HTTP client that answers one thing, and remembers what it was asked."""

    def __init__(self, status=200, body=b"{}", headers=None, error: Exception | None = None) -> None:
        self.asked, self.error = [], error
        content = SimpleNamespace(read=self._read)
        self.response = SimpleNamespace(status=status, headers=headers or {}, content=content)
        self.body = body

    async def _read(self, _most):
        return self.body

    def request(self, method, url, *, headers, **_options):
        self.asked.append((method, str(url), headers))
        return self

    async def __aenter__(self):
        if self.error is not None:
            raise self.error
        return self.response

    async def __aexit__(self, *_):
        return False


def rest(pool: Pool | None, *, keys=True) -> RestClient:
    client = RestClient(
        Endpoints(rest="https://a.b", ws_api=""), credentials() if keys else None, budget(), SPOT_ERRORS
    )
    client._session = pool
    return client


class TestRest:
    def ask(self, pool: Pool | None, operation=QUERY, **options):
        return asyncio.run(rest(pool).call(operation, {"symbol": "BTCUSDT"}, **options))

    def test_a_signed_request_carries_key_stamp_and_signature(self):
        pool = Pool(body=b'{"orderId":7}')
        assert self.ask(pool) == Success({"orderId": 7})
        ((method, url, headers),) = pool.asked
        assert (method, headers) == ("GET", {"X-MBX-APIKEY": "key"})
        assert url.startswith(f"https://a.b/api/v3/order?symbol=BTCUSDT&recvWindow=1000&timestamp={NOW_NS // 10**6}")
        assert "&signature=" in url

    def test_a_public_one_carries_neither_and_a_keyed_one_the_key_alone(self):
        public, keyed = Pool(), Pool()
        self.ask(public, PUBLIC)
        self.ask(keyed, KEYED)
        assert public.asked[0][2] == {}
        assert keyed.asked[0][2] == {"X-MBX-APIKEY": "key"}
        assert "signature" not in keyed.asked[0][1]

    def test_without_a_start_or_a_key_nothing_is_sent(self):
        assert self.ask(None).reason is RejectReason.NOT_CONNECTED
        with pytest.raises(ValueError, match="needs a key"):
            asyncio.run(rest(Pool(), keys=False).call(QUERY, {}))

    def test_who_is_not_admitted_when_it_is_signed_is_not_sent(self):
        pool = Pool()
        refused = self.ask(pool, admit=lambda: False)
        assert (refused.reason, refused.was_sent, pool.asked) == (RejectReason.NOT_ADMITTED, False, [])

    @pytest.mark.parametrize("error", [aiohttp.ClientError(), TimeoutError(), OSError()])
    def test_a_broken_connection_leaves_the_outcome_unknown(self, error):
        assert isinstance(self.ask(Pool(error=error)), Unknown)

    def test_an_answer_that_is_no_json_leaves_it_unknown_too(self):
        assert isinstance(self.ask(Pool(body=b"<html>")), Unknown)
        assert parse_json(b" " * (9 * 1024 * 1024)) is None

    def test_a_refusal_has_the_venues_code(self):
        refused = self.ask(Pool(400, REFUSED))
        assert (refused.reason, refused.code) == (RejectReason.UNKNOWN_ORDER, -2013)

    @pytest.mark.parametrize(("status", "headers", "wait_s"), [(429, {"Retry-After": "7"}, 7), (418, {}, None)])
    def test_a_limit_closes_the_budget_as_long_as_the_venue_says(self, status, headers, wait_s):
        client = rest(Pool(status, b"{}", headers))
        asyncio.run(client.call(QUERY, {}))
        waits_s = (client._budget.closed_until_ns - NOW_NS) / 10**9
        assert waits_s == wait_s if wait_s is not None else waits_s > 0
        assert client._budget.is_banned == (status == 418)
        held = asyncio.run(client.call(QUERY, {}))
        assert (held.reason, held.was_sent) == (
            RejectReason.BANNED if status == 418 else RejectReason.RATE_LIMITED, False,
        )  # fmt: skip

    def test_a_refused_stamp_makes_the_clock_be_measured_anew(self):
        client = rest(Pool(400, b'{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'))
        assert asyncio.run(client.call(QUERY, {})).reason is RejectReason.CLOCK_SKEW
        assert client._credentials.clock.samples == 0


class Socket:
    """A WebSocket whose other end is the test: it answers each request by a rule."""

    def __init__(self, answer) -> None:
        self.sent, self.closed, self._answer = [], False, answer
        self._inbox: asyncio.Queue = asyncio.Queue()

    async def send_str(self, text: str) -> None:
        request = orjson.loads(text)
        self.sent.append(request)
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            self.tell(answer)

    def tell(self, message, kind=aiohttp.WSMsgType.TEXT) -> None:
        data = message if isinstance(message, str | Exception) else orjson.dumps(message).decode()
        self._inbox.put_nowait(aiohttp.WSMessage(kind, data, None))

    async def close(self) -> None:
        self.closed = True

    def __aiter__(self):
        return self

    async def __anext__(self):
        message = await self._inbox.get()
        if isinstance(message, Exception):
            raise message
        return message


class Session:
    """Opens one socket, or fails to."""

    def __init__(self, socket) -> None:
        self.socket = socket

    async def ws_connect(self, _address, **_options):
        if isinstance(self.socket, Exception):
            raise self.socket
        return self.socket


def granted(request, result=None):
    """The venue's answer to a subscription, or a result."""
    if request["method"].startswith("userDataStream"):
        return {"id": request["id"], "status": 200, "result": {"subscriptionId": 0}}
    return {"id": request["id"], "status": 200, "result": result or {}}


async def a_few_turns() -> None:
    """Let the reader take what lies in its socket."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestLink:
    """Every test runs inside one loop, with a link that is connected to a `Socket`."""

    def run(self, body, answer=granted, *, subscribes=True):
        async def main():
            self.events = []

            async def on_event(event):
                self.events.append(event)

            socket = Socket(answer)
            link = WsLink(credentials(), budget(), SPOT_ERRORS, on_event, timeout_s=9, subscribes=subscribes)
            await link.connect(Session(socket), "wss://a.b")
            try:
                return await body(link, socket)
            finally:
                await link.close("the test is over")

        return asyncio.run(main())

    def connect(self, answer):
        async def body(_link, _socket):
            return None

        return self.run(body, answer)

    def test_it_subscribes_with_a_signature_where_the_key_allows_no_session(self):
        async def body(link, socket):
            assert link.is_up
            assert link.is_idle
            return socket.sent

        (subscription,) = self.run(body)
        assert subscription["method"] == "userDataStream.subscribe.signature"
        assert {"apiKey", "signature", "timestamp"} <= set(subscription["params"])

    def test_a_subscription_that_is_refused_or_not_confirmed_is_no_connection(self):
        with pytest.raises(RetryableError, match="without a subscription"):
            self.connect(lambda request: {"id": request["id"], "status": 200, "result": {}})
        with pytest.raises(RetryableError, match="not accepted"):
            self.connect(lambda request: {"id": request["id"], "status": 500})
        with pytest.raises(AuthenticationError, match="no such key"):
            self.connect(
                lambda request: {"id": request["id"], "status": 401, "error": {"code": -2015, "msg": "no such key"}}
            )

    def test_a_venue_that_cannot_be_reached_may_be_tried_again(self):
        link = WsLink(credentials(), budget(), SPOT_ERRORS, None)
        with pytest.raises(RetryableError, match="cannot be reached"):
            asyncio.run(link.connect(Session(OSError("no route")), "wss://a.b"))

    def test_before_and_after_a_connection_nothing_is_sent(self):
        async def body(link, _socket):
            await link.close("enough")
            await link.close("twice")
            return await link.call(QUERY, {})

        refused = self.run(body)
        assert (refused.reason, refused.message, refused.was_sent) == (RejectReason.NOT_CONNECTED, "enough", False)

    def test_who_is_not_admitted_or_over_budget_is_not_written(self):
        async def body(link, socket):
            refused = await link.call(QUERY, {}, admit=lambda: False)
            link._budget.close_until(NOW_NS + 10**9, is_ban=False)
            return refused, await link.call(QUERY, {}), len(socket.sent)

        refused, held, sent = self.run(body)
        assert (refused.reason, held.reason, sent) == (RejectReason.NOT_ADMITTED, RejectReason.RATE_LIMITED, 1)

    @pytest.mark.parametrize(
        ("answer", "cause"),
        [
            (None, "no answer to order.status"),
            (ConnectionError(), "the connection broke"),
            ({"status": "fine"}, "without a status"),
        ],
    )
    def test_what_is_not_answered_or_not_readable_is_unknown(self, answer, cause):
        def rule(request):
            if request["method"] != "order.status":
                return granted(request)
            return {"id": request["id"]} | answer if isinstance(answer, dict) else answer

        async def body(link, _socket):
            if answer is None:
                link._timeout_s = 0.05
            return await link.call(QUERY, {})

        outcome = self.run(body, rule)
        assert isinstance(outcome, Unknown)
        assert cause in outcome.cause

    def test_what_waits_when_the_connection_goes_is_unknown(self):
        async def body(link, socket):
            waiting = asyncio.create_task(link.call(QUERY, {}))
            await asyncio.sleep(0)
            socket.tell(aiohttp.ClientError(), aiohttp.WSMsgType.ERROR)
            outcome = await waiting
            return outcome, link.why_closed, link.is_up

        outcome, why, is_up = self.run(body, lambda r: None if r["method"] == "order.status" else granted(r))
        assert "was lost before" in outcome.cause
        assert (why, is_up) == ("broken: ClientError", False)

    def test_events_come_in_order_and_what_is_none_says_so(self):
        async def body(_link, socket):
            socket.tell({"subscriptionId": 0, "event": {"e": "balanceUpdate"}})
            socket.tell({"subscriptionId": 0, "event": 7})
            socket.tell("no json")
            await a_few_turns()

        self.run(body)
        assert [event["e"] for event in self.events] == ["balanceUpdate", "unreadable", "unreadable"]

    def test_an_answer_that_comes_too_late_is_counted_and_its_limits_are_noted(self):
        limit = {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 12}

        async def body(link, socket):
            link._budget.set_limits([limit])
            socket.tell({"id": 99, "status": 200, "result": {}, "rateLimits": [limit, 7]})
            await a_few_turns()
            return link.late_answers, [window.used for window in link._budget.windows]

        assert self.run(body) == (1, [12])

    def test_a_revoked_session_is_a_lost_connection(self):
        async def body(link, socket):
            socket.tell({"id": None, "status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}})
            await asyncio.wait_for(link.closed.wait(), 60)
            await asyncio.sleep(0)
            return link.why_closed, socket.closed

        assert self.run(body) == ("revoked by the venue: Invalid API-key", True)

    @pytest.mark.parametrize("named", [True, False])
    def test_a_ban_lasts_as_long_as_the_answer_says_or_a_minute(self, named):
        until_ms = NOW_NS // 10**6 + 5_000
        error = {"code": -1003, "msg": "banned"} | ({"data": {"retryAfter": until_ms}} if named else {})

        def rule(request):
            return (
                {"id": request["id"], "status": 418, "error": error}
                if request["method"] == "order.status"
                else (granted(request))
            )

        async def body(link, _socket):
            return await link.call(QUERY, {}), link._budget

        outcome, spent = self.run(body, rule)
        assert isinstance(outcome, Reject)
        assert outcome.retry_after_s == (5 if named else 60)
        assert spent.is_banned
        assert spent.closed_until_ns == NOW_NS + (5 if named else 60) * 10**9

    def test_a_refused_stamp_makes_the_clock_be_measured_anew(self):
        def rule(request):
            if request["method"] != "order.status":
                return granted(request)
            return {"id": request["id"], "status": 400, "error": {"code": -1021, "msg": "outside of the recvWindow"}}

        async def body(link, _socket):
            await link.call(QUERY, {})
            return link._credentials.clock.samples

        assert self.run(body, rule) == 0

    def test_a_request_that_needs_no_signature_has_none(self):
        async def body(link, socket):
            await link.call(PUBLIC, {"symbol": "BTCUSDT"})
            return socket.sent[-1]["params"]

        assert self.run(body, subscribes=False) == {"symbol": "BTCUSDT"}
