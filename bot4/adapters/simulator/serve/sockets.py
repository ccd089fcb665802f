"""WebSocket connections: opened, read, kept alive, ended.

Source: binance-spot-api-docs web-socket-streams.md and web-socket-api.md (2026-07-21).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from bot4.adapters.simulator.futures.market.stream_names import PRIVATE
from bot4.adapters.simulator.serve.api_peer import ApiPeer
from bot4.adapters.simulator.serve.peer import Peer
from bot4.adapters.simulator.serve.rest import unit_of
from bot4.adapters.simulator.serve.routes import Door
from bot4.adapters.simulator.serve.stream_peer import StreamPeer
from bot4.adapters.simulator.wire.errors import ApiError, refusal
from bot4.adapters.simulator.wire.parameters import split_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot4.adapters.simulator.house import House
    from bot4.adapters.simulator.serve.routes import Route
    from bot4.adapters.simulator.serve.ws_api import ApiDoor

CONTROL_MESSAGE_MAX = 128 * 1024
API_MESSAGE_MAX = 64 * 1024
STREAM_WEIGHT = 0
API_WEIGHT = 2
CONNECTIONS_MAX = 4_000
P = TypeVar("P", bound=Peer)
_BURST = 64  # requests answered before the others get a turn


class Sockets:
    """All WebSockets of an exchange. Belongs to the event loop's thread.

    Parameters
    ----------
    house : House
    api : ApiDoor

    """

    def __init__(self, house: House, api: ApiDoor) -> None:
        self._house = house
        self._api = api
        self.peers: dict[Peer, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def streams(self, request: web.Request, route: Route) -> web.StreamResponse:
        """Serve a market stream socket until it ends."""
        limits = self._house.limits

        def make(socket: web.WebSocketResponse) -> StreamPeer:
            return StreamPeer(
                socket,
                request.transport,
                request.remote or "",
                self._house.now_ns(),
                hub=self._house.hub,
                is_combined=route.door is Door.COMBINED,
                serves=self._house.wing(route.wing),
                streams_max=None if limits is None else limits.streams_per_connection,
                messages_max=None if limits is None else limits.messages_per_second,
            )

        refused = self._refuse(request, STREAM_WEIGHT)
        if refused is not None:
            return refused
        peer = await self._open(request, CONTROL_MESSAGE_MAX, make)
        peer.has_users = route.wing == PRIVATE
        try:
            if peer.subscribe(list(route.streams)):
                await self._read_streams(peer)
            else:
                await peer.close(WSCloseCode.POLICY_VIOLATION, b"too many streams")
        finally:
            peer.leave()
            self.peers.pop(peer, None)
        return peer.socket

    async def api(self, request: web.Request) -> web.StreamResponse:
        """Serve a WebSocket API socket until it ends."""
        shows_limits = "returnRateLimits=false" not in request.raw_path

        def make(socket: web.WebSocketResponse) -> ApiPeer:
            address, now_ns = request.remote or "", self._house.now_ns()
            return ApiPeer(socket, request.transport, address, now_ns, shows_limits=shows_limits)

        refused = self._refuse(request, API_WEIGHT)
        if refused is not None:
            return refused
        peer = await self._open(request, API_MESSAGE_MAX, make)
        try:
            await self._read_api(peer)
        finally:
            peer.leave()
            self.peers.pop(peer, None)
        return peer.socket

    def _refuse(self, request: web.Request, weight: int) -> web.Response | None:
        """Return what a new socket is refused with; None where it is let in."""
        house = self._house
        error = house.faults.refuse_request()
        if error is None and len(self.peers) >= CONNECTIONS_MAX:
            error = ApiError(-1008, "Too many concurrent connections.", 503)
        try:
            if error is None and house.request_budget is not None:
                house.request_budget.charge_connection(request.remote or "", weight, house.now_ns())
            _unit_asked(request)
        except ApiError as refused:
            error = refused
        if error is None:
            return None
        headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
        return web.Response(
            status=error.status, body=orjson.dumps(error.body()), headers=headers, content_type="application/json"
        )

    async def _open(self, request: web.Request, message_max: int, make: Callable[[web.WebSocketResponse], P]) -> P:
        socket = web.WebSocketResponse(
            autoping=False, autoclose=True, max_msg_size=message_max, compress=False, timeout=1.0
        )
        await socket.prepare(request)
        peer = make(socket)
        peer.unit = _unit_asked(request)
        self.peers[peer] = None
        return peer

    async def _read_streams(self, peer: StreamPeer) -> None:
        house = self._house
        async for message in peer.socket:
            if not peer.count_message(house.now_ns()):
                await peer.close(WSCloseCode.POLICY_VIOLATION, b"Too many requests")
                return
            if message.type is WSMsgType.TEXT:
                peer.answer(message.data)
            elif not await self._frame(peer, message.type, message.data):
                return

    async def _read_api(self, peer: ApiPeer) -> None:
        api, count = self._api, 0
        async for message in peer.socket:
            if message.type is WSMsgType.TEXT:
                await api.take(peer, message.data)
                await peer.flush()
                count += 1
                if count % _BURST == 0:
                    await asyncio.sleep(0)
            elif not await self._frame(peer, message.type, message.data):
                return

    async def _frame(self, peer: Peer, kind: WSMsgType, data: bytes) -> bool:
        """Take a frame that is no text; false where the connection ends by it."""
        if kind is WSMsgType.PING:
            await peer.socket.pong(data)
            return True
        if kind is WSMsgType.PONG:
            if not self._house.faults.misses_pongs:
                peer.heard_ns = self._house.now_ns()
            return True
        if kind is WSMsgType.BINARY:
            await peer.close(WSCloseCode.UNSUPPORTED_DATA, b"text frames only")
        return False

    def keep_alive(self, now_ns: int) -> None:
        """Ping who is due, cut who is silent or too old. Called once a second; nobody waits for a slow client."""
        house = self._house
        times = house.connection_times
        for peer in list(self.peers):
            if now_ns - peer.connected_ns >= times.age_max_ns:
                self._start(peer.close(WSCloseCode.GOING_AWAY, b"24 hours"))
            elif peer.heard_ns < peer.pinged_ns and now_ns - peer.heard_ns >= times.pong_timeout_ns:
                peer.cut()
            elif now_ns - peer.pinged_ns >= times.ping_period_ns:
                peer.pinged_ns = now_ns
                self._start(peer.ping(now_ns))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def mute(self, *, streams: bool, users: bool) -> None:
        """Stop sending events while the connections live on, or go on sending."""
        for peer in self.peers:
            peer.is_muted = users if peer.has_users else streams

    def cut_all(self) -> None:
        """End all connections at once."""
        for peer in list(self.peers):
            peer.cut()

    def announce_shutdown(self, now_ns: int) -> None:
        """Tell everybody that the server is about to go."""
        for peer in list(self.peers):
            event = b'{"e":"serverShutdown","E":%d}' % (now_ns // peer.unit)
            if isinstance(peer, StreamPeer):
                peer.push(b'{"stream":"!serverShutdown","data":%b}' % event if peer.is_combined else event)
            else:
                peer.push(b'{"event":%b}' % event)

    async def close_all(self) -> None:
        """Close all connections in order."""
        await asyncio.gather(*(peer.close(WSCloseCode.GOING_AWAY) for peer in list(self.peers)))


def _unit_asked(request: web.Request) -> int:
    """Return the nanoseconds of the time unit that the address of a socket asks for; its frames are JSON.

    Raises
    ------
    ApiError
        There is no such unit; or it asks for SBE.

    """
    asked = split_pairs(request.raw_path.partition("?")[2])
    if asked.get("responseFormat", "json").lower() != "json":
        raise refusal(-1155)
    return unit_of(asked.get("timeUnit"))
