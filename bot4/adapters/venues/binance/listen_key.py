"""User events by listen key, as USD-M futures have them: a key that lives an hour, and a socket that lives a day.

The key is refreshed every half hour. An expired key is told by an event, or by -1125 at a refresh; either way a new one
is made and the connection replaced. Replacements overlap where the old connection still works.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp

from bot4.adapters.venues.binance.access import Operation, Success
from bot4.adapters.venues.binance.rest import RestClient, parse_json
from bot4.domain.errors import RetryableError
from bot4.ports.venue_event import StreamState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from bot4.adapters.venues.binance.access import Endpoints

_REFRESH_S = 1_800.0
_RENEW_S = 84_600.0
_PING_S = 15.0
_BYTES_MAX = 8 * 1024 * 1024
_BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)


class ListenKeyStream:
    """Keeps one user stream up.

    Parameters
    ----------
    endpoints : Endpoints
        Its `user_stream` is the address that takes ``?listenKey=``.
    rest : RestClient
        Makes and refreshes the key.
    path : str
        Of the key's endpoint.
    on_event, on_state : async callables
        As of `WsSession`.
    rng : Random
        Spreads reconnections.

    One event loop, between `start` and `close`.

    """

    def __init__(
        self,
        endpoints: Endpoints,
        rest: RestClient,
        path: str,
        *,
        on_event: Callable[[dict[str, Any]], Awaitable[None]],
        on_state: Callable[[StreamState], Awaitable[None]],
        rng: Random,
    ) -> None:
        self._endpoints = endpoints
        self._rest = rest
        self._make = Operation("", "POST", path, weight=1, is_signed=False, needs_key=True)
        self._refresh = Operation("", "PUT", path, weight=1, is_signed=False, needs_key=True)
        self._on_event = on_event
        self._on_state = on_state
        self._rng = rng
        self._http: aiohttp.ClientSession | None = None
        self._readers: dict[aiohttp.ClientWebSocketResponse, asyncio.Task[None]] = {}
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._renew = asyncio.Event()
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether events can arrive."""
        return self._socket is not None and not self._socket.closed and not self._lost.is_set()

    async def start(self) -> None:
        """Connect once, then keep connected; raises `RetryableError` where the first connection fails."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._endpoints.tls()),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=3.0),
        )
        try:
            await self._connect()
        except RetryableError:
            await self._http.close()
            raise
        self._keeper = asyncio.create_task(self._keep(), name="binance-listen-key")

    async def close(self) -> None:
        """Close every connection; the key runs out by itself."""
        tasks = [task for task in (self._keeper, *self._readers.values()) if task is not None]
        for task in tasks:
            task.cancel()
        sockets = [socket for socket in (self._socket, *self._readers) if socket is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(socket.close() for socket in sockets), return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _connect(self) -> None:
        assert self._http is not None  # noqa: S101 - start has made it
        made = await self._rest.call(self._make, {})
        if not isinstance(made, Success) or not isinstance(made.payload, dict) or "listenKey" not in made.payload:
            raise RetryableError(f"no listen key: {made}")
        address = f"{self._endpoints.user_stream}?listenKey={made.payload['listenKey']}"
        try:
            socket = await self._http.ws_connect(
                address,
                heartbeat=_PING_S,
                max_msg_size=_BYTES_MAX,
                compress=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RetryableError(f"{self._endpoints.user_stream} cannot be reached: {type(error).__name__}") from None
        old, self._socket = self._socket, socket
        self._lost.clear()
        self._readers[socket] = asyncio.create_task(self._read(socket), name="binance-listen-read")
        if old is not None:
            # Events under way on the old one are heard by its reader until it is closed.
            await asyncio.sleep(0.2)
            await old.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    event = parse_json(message.data)
                    if isinstance(event, dict) and event.get("e") == "listenKeyExpired":
                        self._renew.set()
                    else:
                        await self._on_event(event if isinstance(event, dict) else {"e": "unreadable"})
        except (aiohttp.ClientError, OSError):
            pass
        finally:
            self._readers.pop(socket, None)
            if socket is self._socket:
                self._lost.set()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        born_s = loop.time()
        while True:
            waits = [asyncio.create_task(event.wait()) for event in (self._lost, self._renew)]
            try:
                await asyncio.wait(waits, timeout=_REFRESH_S, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            is_due = loop.time() - born_s >= _RENEW_S
            if not self._lost.is_set() and not self._renew.is_set() and not is_due:
                refreshed = await self._rest.call(self._refresh, {})
                if isinstance(refreshed, Success):
                    continue
            was_lost = self._lost.is_set() or self._renew.is_set()
            self._renew.clear()
            if was_lost:
                await self._on_state(StreamState(is_up=False, reason="the user stream was lost"))
            await self._reconnect()
            born_s = loop.time()

    async def _reconnect(self) -> None:
        attempt = 0
        while True:
            try:
                await self._connect()
            except RetryableError:
                pause = _BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)]
                await asyncio.sleep(pause * self._rng.uniform(0.5, 1.5))
                attempt += 1
                continue
            await self._on_state(StreamState(is_up=True, reason="the user stream is up again"))
            return
