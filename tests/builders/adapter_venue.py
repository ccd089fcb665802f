"""The venue of `adapter_world`: order entry of the small exchanges, and market data by sockets without a network.

What goes wrong is drawn from one generator, request by request and frame by frame, while `is_rough`; each fault is
counted in `reached` when it happened, not when it was meant to.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from random import Random

import orjson
from oracles.wire_websocket import CLOSE, PING, TEXT, encode

from bot4._core.wire.websocket import WebSocketReader
from bot4.adapters.venues.binance.market_data import BinanceStreams
from bot4.adapters.venues.http_get import Answer
from bot4.adapters.venues.websocket import WebSocket
from bot4.domain.errors import UnreachableError
from builders.tiny_exchange import VenueError
from builders.tiny_futures import TinyFutures
from builders.tiny_venue import TinyVenue
from builders.venue_server import Truth
from builders.virtual_loop import VirtualLoop

REQUEST_FAULTS = ("lost", "late", "refused_429", "banned_418", "cut_before", "overloaded_503", "timeout_not_done",
                  "timeout_done", "answer_lost", "cut_after", "slow_answer", "garbled")  # fmt: skip
EVENT_FAULTS = ("event_lost", "event_twice", "event_late")
DIFF_FAULTS = ("diff_lost", "diff_twice", "diffs_swapped", "diff_late")
FEED_FAULTS = ("feed_cut", "feed_refused", "feed_mute", "feed_shutdown", "feed_closed")
SNAPSHOT_FAULTS = ("snapshot_429", "snapshot_418", "snapshot_500", "snapshot_timeout", "snapshot_old")
NETWORK_FAULTS = ("orders_cut", "orders_refused", "orders_stalled", "clock_skewed")
STREAM_FAULTS = ("events_ended", "orders_shutdown")  # what the venue says of the account's stream
FAULTS = frozenset(
    REQUEST_FAULTS + EVENT_FAULTS + DIFF_FAULTS + FEED_FAULTS + SNAPSHOT_FAULTS + NETWORK_FAULTS + STREAM_FAULTS
)
#: How long the venue's engine may hold a request; a tenth of the real one, so that horizons pass within a short life.
ENGINE_TIMEOUT_S = 3.0
KNOWN_MAX = 300
_NOBODY_KNOWS = {"code": -1007, "msg": "Timeout waiting for response from backend server."}
_TOO_MUCH = {"code": -1003, "msg": "Too much request weight used"}
# What `TinyVenue._answer` returns: status, payload, headers; 0 cuts the connection, -1 says nothing.
_NOT_DONE: dict[str, tuple[int, dict | None, dict[str, str]]] = {
    "lost": (-1, None, {}),
    "cut_before": (0, None, {}),
    "refused_429": (429, _TOO_MUCH, {"Retry-After": "1"}),
    "banned_418": (418, _TOO_MUCH, {"Retry-After": "2"}),
    "overloaded_503": (503, {"code": -1000, "msg": "Internal error"}, {}),
    "timeout_not_done": (504, _NOBODY_KNOWS, {}),
}
_DONE: dict[str, tuple[int, dict | None, dict[str, str]]] = {
    "answer_lost": (-1, None, {}),
    "cut_after": (0, None, {}),
    "timeout_done": (504, _NOBODY_KNOWS, {}),
    "garbled": (200, {"surprise": True}, {}),
}


class Rough:
    """Chance, as a mixed-in part of a small venue."""

    def __init__(self, loop: VirtualLoop, rng: Random, reached: Counter[str]) -> None:
        super().__init__()
        self.loop, self.rng, self.reached = loop, rng, reached
        self.is_rough = True
        self.rate = 0.12

    def now_ms(self) -> int:
        return self.loop.wall_ns() // 1_000_000 + self.faults.clock_ahead_ms

    async def _answer(self, name, params):
        fault = self.rng.choice(REQUEST_FAULTS) if self.is_rough and self.rng.random() < self.rate else ""
        if fault:
            self.reached[fault] += 1
        if fault in _NOT_DONE:
            return deepcopy(_NOT_DONE[fault])
        if fault == "late":
            await self._hold(params)
        payload = getattr(self, "_" + name)(params)
        if fault == "slow_answer":
            await asyncio.sleep(self.rng.uniform(0.2, 3.0))
        return deepcopy(_DONE[fault]) if fault in _DONE else (200, payload, {})

    async def _hold(self, params) -> None:
        """Let the way take long, then the engine, which looks at the stamp again: what is too late is not done."""
        await asyncio.sleep(self.rng.uniform(0.1, 1.5))
        if self.now_ms() - int(params["timestamp"]) > int(params["recvWindow"]):
            raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")
        await asyncio.sleep(self.rng.uniform(0.0, ENGINE_TIMEOUT_S - 0.1))

    def _tell(self, event: dict) -> None:
        fault = self.rng.choice(EVENT_FAULTS) if self.is_rough and self.rng.random() < 2 * self.rate else ""
        if fault:
            self.reached[fault] += 1
        if fault == "event_lost":
            return
        late_s = self.rng.uniform(0.05, 4.0) if fault == "event_late" else 0.0
        for _ in range(2 if fault == "event_twice" else 1):
            self.loop.call_later(late_s, lambda: self._spawn(self._send_event(event)))

    def say(self, kind: str) -> int:
        """Tell every stream of the account something about itself; returns how many there are."""
        self._spawn(self._send_event({"e": kind, "E": self.now_ms()}))
        return len([socket for socket in self.sockets if not socket.closed])

    def _spawn(self, work) -> None:

        async def quietly() -> None:
            with suppress(ConnectionError):  # whom it was for has gone
                await work

        super()._spawn(quietly())

    async def _pump(self) -> None:
        """Events go out by themselves here."""


class RoughSpot(Rough, TinyVenue):
    """Spot."""

    ending = "eventStreamTerminated"


class RoughFutures(Rough, TinyFutures):
    """USD-M."""

    ending = "listenKeyExpired"


class NearSocket(WebSocket):
    """A websocket that is connected already; it says goodbye and does not wait."""

    def close(self, code: int | None = 1000, *, linger_s: float = 0.0) -> None:  # noqa: ARG002
        super().close(code)


class RoughStreams(BinanceStreams):
    """Binance's streams, from a book that is the truth; `truth.known` has every state by its update id."""

    def prepare(self, loop: VirtualLoop, rng: Random, reached: Counter[str], *, is_futures: bool) -> None:
        """Give it what a venue has."""
        self.loop, self.rng, self.reached = loop, rng, reached
        self.is_rough, self.is_mute, self.is_refusing, self.is_honest = True, False, False, True
        self.truth = Truth("BTCUSDT", rng, futures=is_futures)
        self.truth.now_ms = lambda: loop.wall_ns() // 1_000_000
        self.peers: list[tuple[str, socket.socket]] = []
        self._near: list[socket.socket] = []
        self.held: bytes | None = None
        self.beats = 0
        self.known = {self.truth.update_id: self.state()}
        self.old_snapshot = self.truth.snapshot()

    def state(self) -> tuple[dict[int, int], dict[int, int]]:
        """A copy of both sides."""
        return dict(self.truth.sides[0]), dict(self.truth.sides[1])

    # -- VenueStreams

    def connect(self, url: str) -> WebSocket:
        if self.is_refusing:
            self.reached["feed_refused"] += 1
            raise UnreachableError("refused in memory")
        near, far = socket.socketpair()
        for end in (near, far):
            end.setblocking(False)
        self.peers.append((url, far))
        self._near.append(near)
        return NearSocket(near, WebSocketReader(1 << 20), url, self.rng.randbytes)

    def snapshot(self, lane: int) -> tuple[str, Answer]:  # noqa: ARG002
        fault = self.rng.choice(SNAPSHOT_FAULTS) if self.is_rough and self.rng.random() < 0.4 else ""
        if fault:
            self.reached[fault] += 1
        if fault == "snapshot_timeout":
            raise UnreachableError("no answer in time")
        status = {"snapshot_429": 429, "snapshot_418": 418, "snapshot_500": 500}.get(fault, 200)
        headers = {"retry-after": "1"} if status in {418, 429} else {}
        body = self.old_snapshot if fault == "snapshot_old" else self.truth.snapshot()
        return "memory/depth", Answer(status, headers, body if status == 200 else b"{}")

    # -- the market

    def beat(self, number: int) -> None:
        """A tenth of a second: a diff, a quote, at times a print; and what goes wrong with them."""
        self.beats = number
        if number % 40 == 0:
            self.old_snapshot = self.truth.snapshot()
        diff = self.truth.diff()
        self.known[self.truth.update_id] = self.state()
        if len(self.known) > KNOWN_MAX:
            del self.known[next(iter(self.known))]
        frames = self._tampered(diff) if self.is_rough else [diff]
        if self.held is not None and not self.is_rough:
            frames, self.held = [self.held, *frames], None
        frames.append(self.truth.quote())
        if self.rng.random() < 0.3:
            frames.append(self.truth.trade())
        if number % 30 == 0:
            self._send(encode(PING, b"%d" % number), "")
        if self.is_mute:
            return
        for frame in frames:
            # A stream comes by the route it is served on.
            route = "/market/" if b"@aggTrade" in frame[:60] else "/public/" if self.truth.futures else ""
            self._send(encode(TEXT, frame), route)

    def _tampered(self, diff: bytes) -> list[bytes]:
        if self.held is not None:
            held, self.held = self.held, None
            return [diff, held]
        if self.rng.random() >= 0.03:
            return [diff]
        fault = self.rng.choice(DIFF_FAULTS)
        self.reached[fault] += 1
        if fault == "diff_lost":
            if not self.is_honest:  # the planted lie: ids that hide the loss
                self.truth.update_id = self.truth.previous_id
            return []
        if fault == "diff_twice":
            return [diff, diff]
        if fault == "diffs_swapped":
            self.held = diff
            return []
        self.loop.call_later(self.rng.uniform(0.2, 2.0), self._send, encode(TEXT, diff), "")
        return []

    def _send(self, frame: bytes, route: str) -> None:
        for url, peer in list(self.peers):
            if route in url:
                try:
                    peer.send(frame)
                except OSError:  # it has gone
                    self.drop(peer)

    def drop(self, peer: socket.socket) -> None:
        """Forget a client."""
        self.peers = [one for one in self.peers if one[1] is not peer]
        peer.close()

    def cut(self) -> None:
        """Break every connection."""
        for _, peer in list(self.peers):
            self.drop(peer)

    def close_all(self) -> None:
        """Close every connection as the protocol has it."""
        self._send(encode(CLOSE, (1001).to_bytes(2, "big")), "")
        self.cut()

    def close(self) -> None:
        """Leave nothing open, whatever became of the client."""
        self.cut()
        for near in self._near:
            near.close()

    def announce_end(self) -> None:
        """Say that the server is about to go."""
        self._send(encode(TEXT, orjson.dumps({"data": {"e": "serverShutdown", "E": self.truth.now_ms()}})), "")
