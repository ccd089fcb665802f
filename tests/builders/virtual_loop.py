"""An asyncio event loop whose time is a figure, and a network in memory.

Where nothing is ready, time jumps to the next timer: minutes pass in a moment, the same way each time. Listening and
connecting stay in the process (`MemoryTransport`): what is written on one end arrives at the other after the network's
delay, in order. The network can refuse, cut and hold back.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

START_S = 1_000.0
WALL_NS = 1_780_000_000_000_000_000  # UTC at START_S


class _JumpingSelector(selectors.DefaultSelector):
    """Looks at what is real without waiting; where nothing is, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop: VirtualLoop | None = None

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is ready; else let `timeout` go by."""
        found = super().select(0)
        if not found and timeout != 0:
            assert self.loop is not None
            if timeout is None:
                raise RuntimeError("everybody waits and nothing will ever happen")
            self.loop.now_s += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module. `clock_ns` and `wall_ns` are its time for code that is given clocks."""

    def __init__(self, delay: Callable[[], float] = lambda: 0.001) -> None:
        selector = _JumpingSelector()
        self.now_s = START_S
        super().__init__(selector)
        selector.loop = self
        self.network = MemoryNetwork(self, delay)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Leave out what the venue's own server, on this loop, says of a connection that was cut as it was taken."""
        task = context.get("future")
        if isinstance(task, asyncio.Task) and getattr(task.get_coro(), "__qualname__", "") == "RequestHandler.start":
            return
        super().call_exception_handler(context)

    def time(self) -> float:
        """Return the virtual time, seconds."""
        return self.now_s

    def clock_ns(self) -> int:
        """Return the virtual monotonic time."""
        return round(self.now_s * 1e9)

    def wall_ns(self) -> int:
        """Return the virtual time of day, UTC."""
        return WALL_NS + self.clock_ns() - round(START_S * 1e9)

    async def create_server(self, protocol_factory, host=None, port=None, **_options):  # type: ignore[override]
        """Listen in memory."""
        return self.network.listen(protocol_factory, host, port)

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Dial: the socket stands for the connection until `create_connection` takes it over."""
        await self.network.dial(sock, address[1])

    async def create_connection(self, protocol_factory, *_where, sock=None, **_options):  # type: ignore[override]
        """Connect in memory what `sock_connect` has dialed."""
        return await self.network.connect(protocol_factory, sock)


class MemoryServer:
    """What `create_server` returns."""

    def __init__(self, network: MemoryNetwork, host: str, port: int) -> None:
        self._network, self._address = network, (host, port)

    @property
    def sockets(self) -> list[MemoryServer]:
        """The one it listens on: itself."""
        return [self]

    def getsockname(self) -> tuple[str, int]:
        """Return host and port."""
        return self._address

    def close(self) -> None:
        """Take no more connections."""
        self._network.listening.pop(self._address[1], None)

    async def wait_closed(self) -> None:
        """Nothing is left to wait for."""


class MemoryNetwork:
    """Connections between clients and servers of one loop."""

    def __init__(self, loop: VirtualLoop, delay: Callable[[], float]) -> None:
        self.loop, self.delay = loop, delay
        self.listening: dict[int, Callable[[], asyncio.Protocol]] = {}
        self.open: list[MemoryTransport] = []  # clients' ends
        self.is_refusing = False
        self.stalled_until_s = 0.0
        self._dialed: dict[int, int] = {}

    def listen(self, factory: Callable[[], asyncio.Protocol], host: str, port: int) -> MemoryServer:
        """Take connections to a port; 0 is one that is free."""
        port = port or 40_000 + len(self.listening)
        self.listening[port] = factory
        return MemoryServer(self, host, port)

    async def dial(self, sock: socket.socket, port: int) -> None:
        """Reach a port, or be refused after a delay."""
        await asyncio.sleep(self.delay() + max(0.0, self.stalled_until_s - self.loop.time()))
        if self.is_refusing or port not in self.listening:
            raise ConnectionRefusedError(111, "refused in memory")
        self._dialed[sock.fileno()] = port

    async def connect(self, factory: Callable[[], Any], sock: socket.socket) -> tuple[MemoryTransport, Any]:
        """Join a client's protocol and a server's."""
        port = self._dialed.pop(sock.fileno())
        sock.close()
        if port not in self.listening:
            raise ConnectionRefusedError(111, "refused in memory")
        ours, theirs = MemoryTransport(self, ("127.0.0.1", port)), MemoryTransport(self, ("127.0.0.1", 0))
        ours.peer, theirs.peer = theirs, ours
        self.open.append(ours)
        theirs.begin(self.listening[port]())
        protocol = factory()
        ours.begin(protocol)
        return ours, protocol

    def cut(self) -> int:
        """Break every connection; returns how many there were."""
        broken, self.open = self.open, []
        for transport in broken:
            if transport.peer is not None:
                transport.peer.break_off()
            transport.break_off()
        return len(broken)

    def stall(self, seconds: float) -> None:
        """Let nothing arrive for a while; it is held back, not lost."""
        self.stalled_until_s = self.loop.time() + seconds


class MemoryTransport(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, network: MemoryNetwork, address: tuple[str, int]) -> None:
        super().__init__({"peername": address, "sockname": ("127.0.0.1", 1)})
        self._network = network
        self._protocol: Any = None
        self._is_closing = self._is_paused = self._is_gone = False
        self._arrived: deque[bytes] = deque()
        self._free_s = 0.0  # when the last piece written arrives
        self.peer: MemoryTransport | None = None

    def begin(self, protocol: Any) -> None:
        """Connect a protocol to this end."""
        self._protocol = protocol
        protocol.connection_made(self)

    # -- what protocols call

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def write(self, data: Any) -> None:
        if not self._is_closing and data:
            self._send(bytes(data))

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is kept here."""

    def is_closing(self) -> bool:
        return self._is_closing

    def is_reading(self) -> bool:
        return not self._is_paused

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        while self._arrived and not self._is_paused and not self._is_gone:
            self._protocol.data_received(self._arrived.popleft())

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._send(b"")
            self._network.loop.call_soon(self._lose, None)

    def abort(self) -> None:
        if self.peer is not None:
            self._network.loop.call_soon(self.peer.break_off)
        self._is_closing = True
        self._network.loop.call_soon(self._lose, None)

    # -- inside

    def break_off(self) -> None:
        """End as a reset connection does."""
        self._is_closing = True
        self._lose(ConnectionResetError(104, "reset in memory"))

    def _send(self, data: bytes) -> None:
        network, now_s = self._network, self._network.loop.time()
        self._free_s = max(self._free_s, now_s + network.delay(), network.stalled_until_s)
        network.loop.call_at(self._free_s, self._deliver, data)

    def _deliver(self, data: bytes) -> None:
        """Hand a piece to the other end; nothing: this end has closed."""
        other = self.peer
        if other is None or other._is_gone:
            return
        if not data:
            other._is_closing = True
            other._lose(None)
        elif other._is_paused:
            other._arrived.append(data)
        else:
            other._protocol.data_received(data)

    def _lose(self, error: Exception | None) -> None:
        if not self._is_gone:
            self._is_gone = True
            if self in self._network.open:
                self._network.open.remove(self)
            self._protocol.connection_lost(error)
