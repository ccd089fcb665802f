"""The reading thread of a live feed.

It reads every socket. What may block (connecting, a REST snapshot) is done by short-lived threads that hand their
result over and wake it. So no answer of a venue, and no silence, holds the reader back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot4._core.engine.receiver import SocketStatus
from bot4._core.engine.relay import Relay
from bot4.adapters.venues.background import Background
from bot4.adapters.venues.in_band import MALFORMED, BookMessage, EventWriter, Lost, Refused
from bot4.adapters.venues.staleness import is_stale, patience_of, silence_ns
from bot4.domain.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot4._core.engine.feed import Feed
    from bot4._core.wire.frame_log import FrameLog
    from bot4.adapters.venues.funding_teller import FundingTeller
    from bot4.adapters.venues.snapshot_desk import SnapshotDesk
    from bot4.adapters.venues.stream_link import StreamLink
    from bot4.adapters.venues.venue_streams import Clock, LinkPlan, VenueStreams
    from bot4.adapters.venues.websocket import WebSocket
    from bot4.config import StreamSettings

S = 1_000_000_000
_WAIT_NS = 20_000_000
_TICK_NS = 20_000_000
_COMPLAINTS_MAX = 100
_NORMAL, _GOING_AWAY = 1000, 1001
_GOODBYE_S = 0.5
_OK = 200
_BUSY = (418, 429)


@dataclass(frozen=True, slots=True)
class _Socket:
    """A connected socket in its place of the receiver; `connected_ns` is on the receiver's clock."""

    peer: WebSocket
    link: StreamLink
    place: int
    connected_ns: int


class LiveRun:
    """What `LiveFeed.run` does, from its first to its last moment; one thread."""

    def __init__(
        self,
        venue: VenueStreams,
        settings: StreamSettings,
        feed: Feed,
        *,
        plans: Mapping[str, LinkPlan],
        links: Sequence[StreamLink],
        desk: SnapshotDesk,
        complaints: dict[str, int],
        funding: FundingTeller,
        clock: Clock,
        log: FrameLog | None,
        receiver: Relay | None = None,
        background: Background | None = None,
    ) -> None:
        self._venue = venue
        self._settings = settings
        self._feed = feed
        self._plans = plans
        self._links = links
        self._desk = desk
        self._complaints = complaints
        self._clock = clock
        self._log = log
        self._receiver = receiver or Relay(feed, utc_offset_ns=clock.wall_ns() - clock.monotonic_ns(), log=log)
        self._background = background or Background(self._receiver.wake)
        self._patience = patience_of(settings)
        self._attempts: deque[int] = deque(maxlen=settings.connections_max)
        self._old: dict[str, _Socket] = {}  # by the link's URL: the socket that is up
        self._new: dict[str, _Socket] = {}  # the one that takes over
        self._in_band = venue.in_band
        self._writer = EventWriter(venue.instruments)
        self._next_beat_ns: dict[str, int] = {}  # by the link's URL
        self._funding = funding
        self._next_tick_ns = 0
        self._is_over = False
        self.stale_streams = 0

    def read(self) -> None:
        """Read until the feed is stopped; raises `UnreachableError` where a link has to be given up."""
        try:
            while not self._feed.is_stopped:
                self.turn()
        finally:
            self.end()

    def turn(self) -> None:
        """Read what comes within 20 ms, then do what is due; raises as `read`."""
        ready = self._receiver.receive(_WAIT_NS)
        if ready:
            self._serve(ready)
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._next_tick_ns:
            self._next_tick_ns = now_ns + _TICK_NS
            for link in self._links:
                self._tend(link, now_ns)
            self._ask_for_snapshots(now_ns)
            self._beat(now_ns)
        self._background.take()

    def end(self) -> None:
        """Close every connection."""
        self._is_over = True
        self._background.end()
        for socket in [*self._old.values(), *self._new.values()]:
            self._receiver.remove(socket.place)
            socket.peer.close(_GOING_AWAY, linger_s=_GOODBYE_S)

    # -- what the sockets say ------------------------------------------------------------------------------------------

    def _serve(self, ready: int) -> None:
        for socket in [*self._old.values(), *self._new.values()]:
            if ready >> socket.place & 1:
                self._serve_one(socket)
        for place, notice in self._receiver.take_notices():
            if self._in_band is None:
                self._take_notice(place, notice)
            else:
                self._take_frame(place, notice)

    def _serve_one(self, socket: _Socket) -> None:
        status = self._receiver.status(socket.place)
        if status is SocketStatus.SOCKET_READABLE:
            if not self._decrypt(socket):
                return
            status = self._receiver.status(socket.place)
        ping = self._receiver.take_ping(socket.place)
        if ping is not None:
            try:
                socket.peer.send_pong(ping)
            except UnreachableError as error:
                self._lose(socket, str(error), None)
                return
        if status not in (SocketStatus.SOCKET_OPEN, SocketStatus.SOCKET_READABLE):
            self._lose(socket, _why(self._receiver, socket.place, status), None)

    def _decrypt(self, socket: _Socket) -> bool:
        """Take in what waits encrypted; false where that lost the socket."""
        try:
            if socket.peer.read_into(partial(self._receiver.parse, socket.place)):
                return True
            self._lose(socket, "the connection ended", None)
        except OSError as error:
            self._lose(socket, f"reading failed: {error}", None)
        return False

    def _take_notice(self, place: int, notice: bytes) -> None:
        try:
            rate = self._venue.funding(notice)
        except MALFORMED as error:
            self._complain(f"a funding rate that means nothing ({type(error).__name__})")
            return
        if rate is not None:
            self._funding.tell(self._feed, rate, self._receiver.utc_ns())
        elif self._venue.wants_rotation(notice):
            for socket in self._old.values():
                if socket.place == place:
                    socket.link.rotate()
        elif (text := self._venue.complaint(notice)) is not None:
            self._complain(text)

    # -- frames that Python reads --------------------------------------------------------------------------------------

    def _take_frame(self, place: int, payload: bytes) -> None:
        socket = next((one for one in self._old.values() if one.place == place), None)
        if socket is None or self._in_band is None:
            return  # of a socket that was given up meanwhile
        recv_ns = self._receiver.utc_ns()
        try:
            updates = self._in_band.read(payload)
        except MALFORMED as error:
            self._complain(f"a frame that means nothing ({type(error).__name__})")
            return
        for update in updates:
            if isinstance(update, Refused):
                self._complain(update.text)
            elif isinstance(update, Lost):
                if update.lane is None:
                    self._lose(socket, update.why, _GOING_AWAY)
                    return
                self._lose_book(update.lane, update.why)
            else:
                try:
                    is_book = isinstance(update, BookMessage)
                    events = self._writer.book(update, recv_ns) if is_book else self._writer.trade(update, recv_ns)  # type: ignore[arg-type]
                except MALFORMED as error:
                    self._lose_book(update.lane, str(error))
                    continue
                self._receiver.deliver(place, events)

    def _lose_book(self, lane: int, why: str) -> None:
        """Give one book up; it is subscribed again when the desk says so."""
        self._complain(why.split(": ", 1)[0] + ": the book was lost")
        self._feed.gap(lane, self._receiver.utc_ns())

    def _beat(self, now_ns: int) -> None:
        """Send what keeps a connection alive, where the venue asks for it."""
        if self._in_band is None or self._in_band.heartbeat is None:
            return
        interval_s, text = self._in_band.heartbeat
        for url, socket in list(self._old.items()):
            if now_ns >= self._next_beat_ns.get(url, 0):
                self._next_beat_ns[url] = now_ns + round(interval_s * S)
                self._say(socket, [text])

    def _say(self, socket: _Socket, texts: Sequence[str]) -> None:
        try:
            for text in texts:
                socket.peer.send_text(text)
        except UnreachableError as error:
            self._lose(socket, str(error), None)

    def _complain(self, text: str) -> None:
        if text in self._complaints or len(self._complaints) < _COMPLAINTS_MAX:
            self._complaints[text] = self._complaints.get(text, 0) + 1

    # -- what has to be done, fifty times a second ---------------------------------------------------------------------

    def _tend(self, link: StreamLink, now_ns: int) -> None:
        socket, newer = self._old.get(link.url), self._new.get(link.url)
        if socket is not None and self._has_spoken(socket):
            link.spoke()
        if socket is not None and newer is not None:
            if link.may_let_go(now_ns, newer_has_spoken=self._has_spoken(newer)):
                self._drop(socket, _NORMAL)
                self._old[link.url] = self._new.pop(link.url)
                link.let_go()
        elif socket is not None and (silence := self._silence(socket)) is not None:
            self.stale_streams += 1
            self._lose(socket, silence, _GOING_AWAY)
        if link.backoff.is_exhausted or (
            link.connections == 0 and link.backoff.failures >= self._settings.start_attempts_max
        ):
            raise UnreachableError(
                f"{link.name}: gave up after {link.backoff.failures} attempts in a row: {link.last_error}"
            )
        if link.wants_attempt(now_ns) and self._may_connect(now_ns):
            link.attempting()
            self._attempts.append(now_ns)
            self._background.start(partial(self._connect, link))

    def _has_spoken(self, socket: _Socket) -> bool:
        return self._receiver.socket_counters(socket.place)["useful"] > 0

    def _may_connect(self, now_ns: int) -> bool:
        """Venues count connections by address: stay below that, whatever the reason for all of them."""
        is_full = len(self._attempts) == self._attempts.maxlen
        return not is_full or now_ns - self._attempts[0] > round(self._settings.connections_window_s * S)

    def _silence(self, socket: _Socket) -> str | None:
        """Return which stream was silent for too long, None where none was."""
        now_ns = self._receiver.utc_ns()
        for lane, kind in self._plans[socket.link.url].streams:
            last_ns, gap_ns, messages = self._receiver.age(lane, kind)
            if is_stale(
                self._patience[kind],
                now_ns=now_ns,
                connected_ns=socket.connected_ns,
                last_ns=last_ns,
                gap_ns=gap_ns,
                messages=messages,
            ):
                silent_s = silence_ns(now_ns=now_ns, connected_ns=socket.connected_ns, last_ns=last_ns) / S
                what = kind.name.removeprefix("STREAM_").lower()
                return f"{what} of {self._venue.instruments[lane].symbol} silent for {silent_s:.1f} s"
        return None

    # -- connections ---------------------------------------------------------------------------------------------------

    def _connect(self, link: StreamLink) -> Callable[[], None]:
        try:
            peer = self._venue.connect(link.url)
        except Exception as error:  # noqa: BLE001 - in a thread of its own: whatever it was, the attempt failed
            return partial(self._failed, link, str(error) or type(error).__name__)
        return partial(self._take_socket, link, peer)

    def _failed(self, link: StreamLink, why: str) -> None:
        if self._is_over:
            return
        link.failed(self._clock.monotonic_ns(), why)

    def _take_socket(self, link: StreamLink, peer: WebSocket) -> None:
        if self._is_over:
            peer.close(_GOING_AWAY)
            return
        if self._log is not None:
            self._log.line(f"{link.url.partition('?')[0]} <- {self._receiver.utc_ns() / S:.9f}: {{}}")
        is_only = link.connected(self._clock.monotonic_ns())
        if is_only and not self._new:
            self._feed.forget_trades()  # nothing overlaps: ids that begin anew are the venue's doing
        is_raw = self._in_band is not None
        place = self._receiver.add(peer.reader, peer.fileno(), is_tls=peer.is_tls, is_raw=is_raw)
        socket = _Socket(peer, link, place, self._receiver.utc_ns())
        (self._old if is_only else self._new)[link.url] = socket
        if self._in_band is not None:
            self._say(socket, self._in_band.opening())
            if link.url not in self._old:
                return
        # What came in one piece with the answer to the upgrade made nothing readable: look now.
        if not peer.is_tls or self._decrypt(socket):
            self._serve(1 << place)

    def _drop(self, socket: _Socket, code: int | None) -> None:
        self._receiver.remove(socket.place)
        if code is None:
            socket.peer.close(None)
        else:
            self._background.start(partial(_say_goodbye, socket.peer, code))

    def _lose(self, socket: _Socket, why: str, code: int | None) -> None:
        """Give a socket up that is gone or not worth keeping: the other one takes over, or the books go at once."""
        self._drop(socket, code)
        link, now_ns = socket.link, self._clock.monotonic_ns()
        if self._new.get(link.url) is socket:
            del self._new[link.url]
            link.lost_newer(now_ns, why)
            return
        del self._old[link.url]
        if link.lost(now_ns, why):
            for lane in link.lanes:
                self._feed.gap(lane, self._receiver.utc_ns())
        else:
            self._old[link.url] = self._new.pop(link.url)

    # -- snapshots -----------------------------------------------------------------------------------------------------

    def _ask_for_snapshots(self, now_ns: int) -> None:
        # Diffs have to be on their way before a snapshot is asked for: it must not end before they begin.
        listening = {lane for url in self._old for lane in self._plans[url].lanes}
        for lane in self._desk.due(now_ns, lambda lane: lane in listening and self._feed.needs_snapshot(lane)):
            if self._in_band is None:
                self._background.start(partial(self._fetch, lane))
            else:
                self._subscribe_again(lane, now_ns)

    def _subscribe_again(self, lane: int, now_ns: int) -> None:
        """Ask for a snapshot by the stream, but not on a connection that is about to bring its first one."""
        socket = next(one for url, one in self._old.items() if lane in self._plans[url].lanes)
        self._desk.delivered(lane, now_ns)
        if self._in_band is not None and self._receiver.utc_ns() - socket.connected_ns > S:
            self._say(socket, self._in_band.resubscribe(lane))

    def _fetch(self, lane: int) -> Callable[[], None]:
        try:
            url, answer = self._venue.snapshot(lane)
        except Exception as error:  # noqa: BLE001 - in a thread of its own: whatever it was, none came
            return partial(self._refuse_snapshot, lane, None, str(error) or type(error).__name__)
        if answer.status != _OK:
            pause_s = (answer.retry_after_s or 1.0) if answer.status in _BUSY else None
            why = f"a snapshot with HTTP {answer.status}: {answer.body[:120].decode('utf-8', 'replace')}"
            return partial(self._refuse_snapshot, lane, pause_s, why)
        return partial(self._take_snapshot, lane, url, answer.body)

    def _take_snapshot(self, lane: int, url: str, body: bytes) -> None:
        if self._is_over:
            return
        now_ns = self._receiver.utc_ns()
        if self._log is not None and body:
            self._log.rest(url, body, now_ns)
        self._feed.frame(body, now_ns, default_instrument=lane)
        self._desk.delivered(lane, self._clock.monotonic_ns())

    def _refuse_snapshot(self, lane: int, pause_s: float | None, why: str) -> None:
        if self._is_over:
            return
        self._complain(why)
        self._desk.refused(lane, self._clock.monotonic_ns(), pause_s)


def _say_goodbye(peer: WebSocket, code: int) -> Callable[[], None]:
    peer.close(code, linger_s=_GOODBYE_S)
    return lambda: None


def _why(receiver: Relay, place: int, status: SocketStatus) -> str:
    if status is SocketStatus.SOCKET_CLOSED:
        payload = receiver.close_payload(place)
        code = int.from_bytes(payload[:2], "big") if payload else 1005
        return f"the venue closed with code {code} {payload[2:].decode('utf-8', 'replace')}".rstrip()
    if status is SocketStatus.SOCKET_BROKEN:
        return f"what came is no websocket (verdict {receiver.error(place)})"
    if status is SocketStatus.SOCKET_FAILED:
        return f"reading failed (errno {receiver.error(place)})"
    return "the connection ended"
