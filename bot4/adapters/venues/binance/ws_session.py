"""A WebSocket API session that outlives its connections: reconnects, renews itself before the venue's 24-hour cut.

A planned renewal overlaps: the new connection is logged on and subscribed before the old one is let go, so events come
twice rather than not at all; readers count each only once. Every loss is told as a `StreamState`, because what happened
meanwhile has to be asked for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

from bot4.adapters.venues.binance.ws_link import WsLink
from bot4.domain.errors import AuthenticationError, RejectReason, RetryableError
from bot4.ports.exchange import always_admit
from bot4.ports.venue_event import StreamState
from bot4.ports.venue_outcome import Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from random import Random

    from bot4.adapters.venues.binance.access import Credentials, Endpoints, Operation, Success
    from bot4.adapters.venues.binance.budget import RateBudget
    from bot4.adapters.venues.binance.errors import ErrorTable

_BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
_DRAIN_S = 5.0
_DAY_S = 86_400.0
_FAILURES = (RetryableError, AuthenticationError)


class WsSession:
    """Keeps one `WsLink` up.

    Parameters
    ----------
    on_event : async callable
        Told every event of the account but those about the connection itself.
    on_state : async callable
        Told when the stream goes down and when it is up again.
    rng : Random
        Spreads reconnections.
    renew_s : float
        Age at which a connection is replaced.
    subscribes : bool
        Whether the account's events come by this session.

    One event loop, between `start` and `close`.

    """

    def __init__(
        self,
        endpoints: Endpoints,
        credentials: Credentials,
        budget: RateBudget,
        table: ErrorTable,
        *,
        on_event: Callable[[dict[str, Any]], Awaitable[None]],
        on_state: Callable[[StreamState], Awaitable[None]],
        rng: Random,
        renew_s: float = _DAY_S - 1_800.0,
        timeout_s: float = 4.0,
        subscribes: bool = True,
    ) -> None:
        self._subscribes = subscribes
        self._endpoints = endpoints
        self._credentials = credentials
        self._budget = budget
        self._table = table
        self._on_event = on_event
        self._on_state = on_state
        self._rng = rng
        self._renew_s = renew_s
        self._timeout_s = timeout_s
        self._http: aiohttp.ClientSession | None = None
        self._link: WsLink | None = None
        self._renew_now = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()
        self.reconnects = 0

    @property
    def is_up(self) -> bool:
        """Whether a request can be written now."""
        return self._link is not None and self._link.is_up

    async def start(self) -> None:
        """Connect once, then keep connected; raises as `WsLink.connect` where the first connection fails."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._endpoints.tls()),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=3.0),
        )
        try:
            self._link = await self._open()
        except _FAILURES:
            await self._http.close()
            raise
        self._keeper = asyncio.create_task(self._keep(), name="binance-ws-keep")

    async def close(self) -> None:
        """Close every connection."""
        tasks = [task for task in (self._keeper, *self._retiring) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._link is not None:
            await self._link.close("closed by us")
        if self._http is not None:
            await self._http.close()

    async def call(
        self, operation: Operation, params: Mapping[str, str], *, admit: Callable[[], bool] = always_admit
    ) -> Success | Reject | Unknown:
        """Send one request on the connection there is, once."""
        if self._link is None:
            return Reject(reason=RejectReason.NOT_CONNECTED, message="not started", was_sent=False)
        return await self._link.call(operation, params, admit=admit)

    async def _open(self) -> WsLink:
        assert self._http is not None  # noqa: S101 - start has made it
        link = WsLink(
            self._credentials,
            self._budget,
            self._table,
            self._take,
            timeout_s=self._timeout_s,
            subscribes=self._subscribes,
        )
        try:
            async with asyncio.timeout(3 * self._timeout_s):  # `wait_for` of Python 3.11 may swallow a cancellation
                await link.connect(self._http, self._endpoints.ws_api)
        except TimeoutError:
            await link.close("connecting took too long")
            raise RetryableError(f"{self._endpoints.ws_api} took too long to connect") from None
        except asyncio.CancelledError:
            await link.close("closed by us")
            raise
        return link

    async def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("e")
        if kind == "serverShutdown":
            self._renew_now.set()
        elif kind == "eventStreamTerminated":
            # The connection stays, deaf: only another one hears again.
            self._renew_now.set()
            await self._on_state(StreamState(is_up=False, reason="the venue ended the stream of events"))
        else:
            await self._on_event(event)

    async def _keep(self) -> None:
        while True:
            assert self._link is not None  # noqa: S101 - there is one before the keeper starts
            waits = [asyncio.create_task(event.wait()) for event in (self._link.closed, self._renew_now)]
            try:
                await asyncio.wait(waits, timeout=self._renew_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            self._renew_now.clear()
            if self._link.closed.is_set():
                await self._on_state(StreamState(is_up=False, reason=self._link.why_closed))
                await self._link.close(self._link.why_closed)
                await self._reconnect()
            else:
                await self._renew()

    async def _reconnect(self) -> None:
        attempt = 0
        while True:
            pause = _BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)]
            await asyncio.sleep(pause * self._rng.uniform(0.5, 1.5))
            try:
                self._link = await self._open()
            except _FAILURES:
                attempt += 1
                continue
            self.reconnects += 1
            await self._on_state(StreamState(is_up=True, reason="connected again"))
            return

    async def _renew(self) -> None:
        """Replace the connection while it still works; where that fails, wait for its loss as usual."""
        old = self._link
        try:
            self._link = await self._open()
        except _FAILURES:
            await asyncio.sleep(_BACKOFF_S[2] * self._rng.uniform(0.5, 1.5))
            if old is not None and old.is_up:
                self._renew_now.set()
            return
        self.reconnects += 1
        await self._on_state(StreamState(is_up=True, reason="connection renewed"))
        if old is not None:
            task = asyncio.create_task(_retire(old), name="binance-ws-retire")
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)


async def _retire(link: WsLink) -> None:
    """Let a replaced connection hear its last answers and events, then close it."""
    waited = 0.0
    try:
        while waited < _DRAIN_S and link.is_up and (waited < 1.0 or not link.is_idle):
            await asyncio.sleep(0.1)
            waited += 0.1
    finally:
        await link.close("replaced")
