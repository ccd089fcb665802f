"""One connection to the WebSocket API: requests by id, answers as they come, events of the account in between."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from bot4.adapters.venues.binance.access import Operation, Success, over_budget
from bot4.adapters.venues.binance.budget import Grant, RateBudget, Refusal
from bot4.adapters.venues.binance.errors import ErrorTable, translate
from bot4.adapters.venues.binance.rest import error_of, parse_json
from bot4.adapters.venues.binance.sign import session_payload
from bot4.domain.errors import AuthenticationError, RejectReason, RetryableError
from bot4.ports.exchange import always_admit
from bot4.ports.venue_outcome import Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot4.adapters.venues.binance.access import Credentials

_S = 1_000_000_000
_MS = 1_000_000
_MESSAGE_BYTES_MAX = 8 * 1024 * 1024
_PING_S = 15.0
_BAN = 418


@dataclass(slots=True)
class _Pending:
    answer: asyncio.Future[dict[str, Any] | None]
    grant: Grant


class WsLink:
    """A connection that is up from `connect` to its loss; it is not used again after that.

    Parameters
    ----------
    credentials, budget, table
        As of `RestClient`.
    on_event : async callable
        Told every event of the account, in order; the reader waits for it, so a slow one holds the socket back.
    timeout_s : float
        How long an answer is awaited before its outcome counts as unknown.
    subscribes : bool
        Whether the account's events come by this connection.

    One event loop.

    """

    def __init__(
        self,
        credentials: Credentials,
        budget: RateBudget,
        table: ErrorTable,
        on_event: Callable[[dict[str, Any]], Awaitable[None]],
        *,
        timeout_s: float = 4.0,
        subscribes: bool = True,
    ) -> None:
        self._subscribes = subscribes
        self._credentials = credentials
        self._budget = budget
        self._table = table
        self._on_event = on_event
        self._timeout_s = timeout_s
        self._ids = count(1)
        self._pending: dict[int, _Pending] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._has_session = False
        self.closed = asyncio.Event()
        self.why_closed = "not connected"
        self._reader: asyncio.Task[None] | None = None
        self.late_answers = 0

    @property
    def is_up(self) -> bool:
        """Whether a request can be written."""
        return self._socket is not None and not self._socket.closed and not self.closed.is_set()

    @property
    def is_idle(self) -> bool:
        """Whether no answer is awaited."""
        return not self._pending

    async def connect(self, session: aiohttp.ClientSession, address: str) -> None:
        """Open the connection, log on where the key allows sessions, and subscribe to the account.

        Raises
        ------
        AuthenticationError
            The venue does not take the key.
        RetryableError
            It could not be opened, or one of the steps was not confirmed; nothing is left open.

        """
        try:
            self._socket = await session.ws_connect(
                address,
                heartbeat=_PING_S,
                max_msg_size=_MESSAGE_BYTES_MAX,
                compress=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RetryableError(f"{address} cannot be reached: {type(error).__name__}") from None
        self._reader = asyncio.create_task(self._read(self._socket), name="binance-ws-read")
        has_sessions = self._credentials.signer.has_sessions
        steps = ["session.logon"] if has_sessions else []
        if self._subscribes:
            steps.append("userDataStream.subscribe" if has_sessions else "userDataStream.subscribe.signature")
        for method in steps:
            operation = Operation(method, "", "", weight=2, is_signed=method != "userDataStream.subscribe")
            outcome = await self.call(operation, {})
            if not isinstance(outcome, Success):
                await self.close(f"{method} failed")
                if isinstance(outcome, Reject) and outcome.reason is RejectReason.AUTH_FAILED:
                    raise AuthenticationError(f"{method} was refused: {outcome.message}")
                raise RetryableError(f"{method} was not accepted: {outcome}")
            if method == "session.logon":
                self._has_session = True
            elif not isinstance(outcome.payload, dict) or "subscriptionId" not in outcome.payload:
                # A subscription that is not confirmed is a deaf stream.
                await self.close("subscription not confirmed")
                raise RetryableError(f"{method} was answered without a subscription")

    async def call(
        self, operation: Operation, params: Mapping[str, str], *, admit: Callable[[], bool] = always_admit
    ) -> Success | Reject | Unknown:
        """Send one request and wait for its answer; `admit` is asked when it is signed, before it is written."""
        if not self.is_up or self._socket is None:
            return Reject(reason=RejectReason.NOT_CONNECTED, message=self.why_closed, was_sent=False)
        grant = self._budget.try_take(operation.costs(by_rest=False), operation.purpose)
        if isinstance(grant, Refusal):
            return over_budget(grant)
        number = next(self._ids)
        text = orjson.dumps({"id": number, "method": operation.ws_method, "params": self._signed(operation, params)})
        if not admit():
            self._budget.settle(grant, counts=False)
            return Reject(reason=RejectReason.NOT_ADMITTED, was_sent=False)
        return await self._ask(operation, number, text.decode("utf-8"), grant)

    async def _ask(self, operation: Operation, number: int, text: str, grant: Grant) -> Success | Reject | Unknown:
        """Write one request and await its answer: from here on, whatever goes wrong leaves it unknown."""
        assert self._socket is not None  # noqa: S101 - it was up a moment ago
        pending = _Pending(asyncio.get_running_loop().create_future(), grant)
        self._pending[number] = pending
        try:
            await self._socket.send_str(text)
            async with asyncio.timeout(self._timeout_s):  # `wait_for` of Python 3.11 may swallow a cancellation
                answer = await pending.answer
        except TimeoutError:
            return Unknown(f"no answer to {operation.ws_method} within {self._timeout_s:g} s")
        except (ConnectionError, aiohttp.ClientError, OSError) as error:
            return Unknown(f"the connection broke while {operation.ws_method} was written: {type(error).__name__}")
        finally:
            # A cancelled caller included: what was written stays counted.
            if self._pending.pop(number, None) is not None:
                self._budget.settle(grant)
        if answer is None:
            return Unknown(f"the connection was lost before {operation.ws_method} was answered")
        return self._judge(operation, answer)

    async def close(self, why: str) -> None:
        """Close the connection; what was not answered becomes unknown."""
        self._lose(why)
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None and self._reader is not asyncio.current_task():
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def _signed(self, operation: Operation, params: Mapping[str, str]) -> dict[str, str | int]:
        if not operation.is_signed:
            return dict(params)
        stamped: dict[str, str | int] = dict(self._credentials.stamped(params))
        # The stamp is a number on this way; its text, and so what is signed, is the same.
        stamped["timestamp"] = int(stamped["timestamp"])
        stamped["recvWindow"] = int(stamped["recvWindow"])
        if self._has_session:
            return stamped
        stamped["apiKey"] = self._credentials.api_key.reveal().decode("ascii")
        stamped["signature"] = self._credentials.signer.sign(session_payload(stamped))
        return stamped

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        why = "closed by the venue"
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._take(message.data)
                elif message.type is aiohttp.WSMsgType.ERROR:
                    why = f"broken: {type(message.data).__name__}"
                    break
        except (aiohttp.ClientError, OSError) as error:
            why = f"broken: {type(error).__name__}"
        finally:
            self._lose(why)

    async def _take(self, text: str) -> None:
        message = parse_json(text)
        if not isinstance(message, dict):
            await self._on_event({"e": "unreadable"})
        elif "event" in message:
            event = message["event"]
            await self._on_event(event if isinstance(event, dict) else {"e": "unreadable"})
        elif isinstance(number := message.get("id"), int) and number in self._pending:
            pending = self._pending.pop(number)
            self._budget.settle(pending.grant)
            self._note(message)
            if not pending.answer.done():
                pending.answer.set_result(message)
        elif message.get("id") is None and message.get("status", HTTPStatus.OK) != HTTPStatus.OK:
            # The session was revoked: the answer belongs to no request (web-socket-api.md, "API key revocation").
            self._has_session = False
            self._lose(f"revoked by the venue: {error_of(message.get('error'))[1][:100]}")
            if self._socket is not None:
                await self._socket.close()
        else:
            self._note(message)
            self.late_answers += 1

    def _note(self, message: Mapping[str, Any]) -> None:
        limits = message.get("rateLimits")
        if isinstance(limits, list):
            self._budget.note_limits(item for item in limits if isinstance(item, dict))

    def _judge(self, operation: Operation, answer: Mapping[str, Any]) -> Success | Reject | Unknown:
        status = answer.get("status")
        if status == HTTPStatus.OK and "result" in answer:
            return Success(answer["result"])
        if not isinstance(status, int):
            return Unknown(f"an answer to {operation.ws_method} without a status")
        error = answer.get("error")
        code, message = error_of(error)
        retry_after_s: float | None = None
        if status in {HTTPStatus.TOO_MANY_REQUESTS, _BAN}:
            until_ns = self._budget.now_ns() + 60 * _S
            named = error.get("data") if isinstance(error, dict) else None
            if isinstance(named, dict) and isinstance(named.get("retryAfter"), int):
                until_ns = named["retryAfter"] * _MS
            retry_after_s = max(0.0, (until_ns - self._budget.now_ns()) / _S)
            self._budget.close_until(until_ns, is_ban=status == _BAN)
        outcome = translate(self._table, status=status, code=code, message=message, retry_after_s=retry_after_s)
        if isinstance(outcome, Reject) and outcome.reason is RejectReason.CLOCK_SKEW:
            self._credentials.clock.forget()
        return outcome

    def _lose(self, why: str) -> None:
        if self.closed.is_set():
            return
        self.why_closed = why
        self.closed.set()
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_result(None)
