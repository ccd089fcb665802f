"""One WebSocket as the exchange sees it: what waits to be sent, its pings, its age."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMsgType

if TYPE_CHECKING:
    from aiohttp import web

OUTBOX_MAX = 20_000  # messages; a client that reads slower than that is cut off, it costs nobody else
_POLICY = WSCloseCode.POLICY_VIOLATION


class Peer:
    """The sending side of a socket.

    Parameters
    ----------
    socket : WebSocketResponse
        Prepared.
    transport : Transport or None
        What it runs on: aiohttp can drop a WebSocket at once only by that.
    address : str
        The client's.
    now_ns : int
        When it connected.

    Belongs to the event loop's thread. `push` never blocks: messages wait in an outbox of `OUTBOX_MAX`, and who does
    not empty it is disconnected.

    """

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, address: str, now_ns: int
    ) -> None:
        self.socket = socket
        self._transport = transport
        self.address = address
        self.connected_ns = now_ns
        self.pinged_ns = now_ns
        self.heard_ns = now_ns
        self.unit = 1_000_000
        self.is_muted = False
        self.has_users = False  # whether what it carries are events of accounts
        self.ignores_pongs = False
        self._outbox: deque[bytes] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._is_flushing = False
        self._is_closing = False

    def push(self, message: bytes) -> None:
        """Queue a text frame and see to it that it goes out."""
        self.post(message)
        if not self._is_flushing and self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send())

    def post(self, message: bytes) -> None:
        """Queue a text frame; the caller flushes."""
        if len(self._outbox) >= OUTBOX_MAX:
            self.cut()
            return
        self._outbox.append(message)

    async def flush(self) -> None:
        """Send what waits, unless that is going on already."""
        if self._is_flushing:
            return
        self._is_flushing = True
        outbox, send = self._outbox, self.socket.send_frame
        try:
            while outbox:
                await send(outbox.popleft(), WSMsgType.TEXT)
        except (ConnectionError, RuntimeError):
            outbox.clear()  # the client has gone; its reader notices too
        finally:
            self._is_flushing = False

    async def ping(self, now_ns: int) -> None:
        """Send a ping whose content is the time."""
        try:
            await self.socket.ping(str(now_ns // 1_000_000).encode())
        except (ConnectionError, RuntimeError):
            return

    def cut(self) -> None:
        """End the connection at once, without a closing handshake."""
        self._outbox.clear()
        if self._transport is not None:
            self._transport.abort()

    async def close(self, code: int = _POLICY, reason: bytes = b"") -> None:
        """Close in order, once."""
        if self._is_closing:
            return
        self._is_closing = True
        try:
            await asyncio.wait_for(self.socket.close(code=code, message=reason), 1.0)
        except (TimeoutError, ConnectionError, RuntimeError):
            self.cut()

    async def _send(self) -> None:
        await self.flush()
        self._sending = None
        if self._outbox and not self._is_flushing:  # pushed between the last frame and here
            self._sending = asyncio.get_running_loop().create_task(self._send())
