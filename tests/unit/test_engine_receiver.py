"""Sockets to events: the receiver, the live feed's delivery, and what each tells its caller."""

from __future__ import annotations

import random
import socket
import threading
import time

import pytest
from builders.engine import START_NS, assembled, book_with
from oracles.wire_websocket import CLOSE, PING, TEXT, encode

from bot4._core.engine.feed import Feed
from bot4._core.engine.receiver import Receiver, SocketStatus, StreamKind
from bot4._core.engine.runner import ShardRunner
from bot4._core.wire.frame_log import FrameLog
from bot4._core.wire.websocket import WebSocketReader, WsVerdict

MS = 1_000_000
SECOND = 1_000_000_000


def trade(trade_id: int) -> bytes:
    return (
        b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000000,"s":"BTCUSDT","t":%d,"p":"60000.01000000",'
        b'"q":"0.00100000","T":1700000000000,"m":true,"M":true}}' % trade_id
    )


def quote(update_id: int) -> bytes:
    return (
        b'{"stream":"btcusdt@bookTicker","data":{"u":%d,"s":"BTCUSDT","b":"60000.00","B":"1.0","a":"60000.01",'
        b'"A":"2.0"}}' % update_id
    )


def diff(first: int, last: int) -> bytes:
    return (
        b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT","U":%d,"u":%d,'
        b'"b":[["59999.00","1.5"]],"a":[]}}' % (first, last)
    )


class Wire:
    """A receiver that reads one end of a socket pair; the test writes to the other."""

    def __init__(self, *, log: FrameLog | None = None, ring: bool = False, **feed_args: object) -> None:
        self.assembly, _ = assembled()
        self.runner = ShardRunner(self.assembly.engine, capacity=32_768) if ring else None
        if self.runner is not None:
            rings = {"ring": self.runner.ring, "room": self.runner.room, "records": self.runner.records}
            feed_args = {**rings, **feed_args}
        self.feed = Feed(self.assembly.scanner, self.assembly.engine, live=True, **feed_args)
        self.receiver = Receiver(self.feed, utc_offset_ns=START_NS - time.monotonic_ns(), log=log)
        self.ours, self.theirs = socket.socketpair()
        self.reader = WebSocketReader(100_000)
        self.place = self.receiver.add(self.reader, self.ours.fileno(), is_tls=False)

    def send(self, *payloads: bytes) -> None:
        self.theirs.sendall(b"".join(encode(TEXT, payload) for payload in payloads))

    def run(self, timeout_ms: int = 30) -> int:
        return self.receiver.receive(timeout_ms * MS)

    @property
    def status(self) -> SocketStatus:
        return self.receiver.status(self.place)

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def wire():
    made: list[Wire] = []

    def make(**kwargs: object) -> Wire:
        made.append(Wire(**kwargs))
        return made[-1]

    yield make
    for one in made:
        one.close()


# -- reading -----------------------------------------------------------------------------------------------------------


def test_frames_become_events_stamped_when_they_were_read(wire):
    w = wire()
    w.send(quote(5), trade(1), diff(6, 7))
    w.run()
    lane = w.assembly.engine.lane_counters(0)
    assert (lane["quotes"], lane["trades"], lane["depth_messages"]) == (1, 1, 1)
    counters = w.receiver.socket_counters(w.place)
    assert (counters["messages"], counters["useful"]) == (3, 3)
    assert 0 <= counters["last_useful_ns"] - START_NS < 5 * SECOND
    assert w.assembly.engine.counters()["clock_backs"] == 0


def test_time_passes_for_the_shard_in_a_silence(wire):
    w = wire()
    w.send(quote(5))
    while not w.receiver.socket_counters(w.place)["useful"]:
        w.run(5)
    w.run(60)
    assert w.assembly.engine.view()["now_ns"] > w.receiver.socket_counters(w.place)["last_useful_ns"] + 15 * MS


def test_the_duration_of_a_live_feed_ends_it_in_a_silence_too(wire):
    w = wire(duration_ns=50 * MS)
    started = time.monotonic()
    w.run(30_000)
    assert w.feed.is_stopped
    assert 0.04 < time.monotonic() - started < 20


def test_wake_ends_the_wait(wire):
    w = wire()
    threading.Timer(0.05, w.receiver.wake).start()
    started = time.monotonic()
    assert w.run(30_000) == 0
    assert time.monotonic() - started < 20


def test_told_the_time_it_stamps_with_it_and_waits_for_nothing(wire):
    reading = wire()
    reading.receiver.tell_time(START_NS + 3_600 * SECOND)
    began = time.monotonic()
    assert reading.run(timeout_ms=30_000) == 0
    assert time.monotonic() - began < 20
    reading.send(trade(1), trade(2))
    reading.run()
    assert reading.receiver.utc_ns() == START_NS + 3_600 * SECOND
    assert reading.receiver.age(0, StreamKind.STREAM_TRADES) == (START_NS + 3_600 * SECOND, 0, 2)
    with pytest.raises(ValueError, match="utc_ns must be above 0, was 0"):
        reading.receiver.tell_time(0)


def test_what_came_with_the_handshake_is_taken_in_when_the_socket_is_added(wire):
    w = wire()
    ours, theirs = socket.socketpair()
    reader = WebSocketReader()
    reader.take(encode(TEXT, quote(5)) + encode(TEXT, quote(6))[:9])
    place = w.receiver.add(reader, ours.fileno(), is_tls=False)
    theirs.sendall(encode(TEXT, quote(6))[9:])
    w.run()
    assert w.receiver.socket_counters(place)["useful"] == 2
    ours.close()
    theirs.close()


# -- what the caller is told -------------------------------------------------------------------------------------------


def test_a_ping_is_handed_over_once_and_is_no_useful_message(wire):
    w = wire()
    w.theirs.sendall(encode(PING, b"1700000000001"))
    assert w.run() == 1 << w.place
    assert w.receiver.take_ping(w.place) == b"1700000000001"
    assert w.receiver.take_ping(w.place) is None
    counters = w.receiver.socket_counters(w.place)
    assert counters["last_useful_ns"] == 0 < counters["last_byte_ns"]
    assert w.status is SocketStatus.SOCKET_OPEN


def test_a_close_an_end_and_a_broken_frame_are_told_apart(wire):
    closed, ended, broken, big = wire(), wire(), wire(), wire()
    closed.theirs.sendall(encode(CLOSE, b"\x03\xe9bye"))
    ended.theirs.close()
    broken.theirs.sendall(b"HTTP/1.1 400 Bad Request\r\n")
    big.theirs.sendall(encode(TEXT, b"x" * 100_001)[:20])
    for w in (closed, ended, broken, big):
        assert w.run() == 1 << w.place
    assert closed.status is SocketStatus.SOCKET_CLOSED
    assert closed.receiver.close_payload(closed.place) == b"\x03\xe9bye"
    assert ended.status is SocketStatus.SOCKET_ENDED
    assert broken.status is SocketStatus.SOCKET_BROKEN
    assert broken.receiver.error(broken.place) == WsVerdict.WS_BAD_FRAME
    assert big.receiver.error(big.place) == WsVerdict.WS_TOO_BIG


def test_frames_without_a_market_event_are_handed_over_and_bounded(wire):
    w = wire()
    w.send(b'{"e":"serverShutdown","E":1700000000000}', quote(5), b'{"result":null,"id":1}')
    w.run()
    assert w.receiver.take_notices() == [
        (w.place, b'{"e":"serverShutdown","E":1700000000000}'),
        (w.place, b'{"result":null,"id":1}'),
    ]
    assert w.receiver.take_notices() == []
    w.send(*[b'{"result":null,"id":%d}' % number for number in range(1_030)])
    w.run()
    assert len(w.receiver.take_notices()) == 1_024
    assert w.receiver.counters["notices_dropped"] == 6


def test_refused_frames_and_prints_the_scanner_sets_aside_are_no_notices(wire):
    w = wire()
    nothing_traded = trade(3).replace(b'"q":"0.00100000"', b'"q":"0.00000000"')
    w.send(b"not json", nothing_traded, quote(5))
    assert w.run() == 0
    assert w.receiver.take_notices() == []


def test_the_age_of_each_stream_is_kept_apart(wire):
    w = wire()
    for number in range(4):
        w.receiver.tell_time(START_NS + (number + 1) * 10 * MS)
        w.send(diff(number + 1, number + 1))
        w.run(10)
    w.receiver.tell_time(START_NS + 60 * MS)
    w.send(quote(9))
    w.run(10)
    last_ns, gap_ns, count = w.receiver.age(0, int(StreamKind.STREAM_DEPTH))
    assert count == 4
    assert gap_ns == 10 * MS
    assert last_ns < w.receiver.age(0, int(StreamKind.STREAM_QUOTES))[0]
    assert w.receiver.age(0, int(StreamKind.STREAM_TRADES)) == (0, 0, 0)


def test_more_sockets_than_there_are_places_are_refused(wire):
    w = wire()
    for _ in range(15):
        w.receiver.add(WebSocketReader(), w.ours.fileno(), is_tls=False)
    with pytest.raises(ValueError, match="at most 16 sockets"):
        w.receiver.add(WebSocketReader(), w.ours.fileno(), is_tls=False)
    w.receiver.remove(3)
    assert w.receiver.add(WebSocketReader(), w.ours.fileno(), is_tls=False) == 3
    w.receiver.remove(3)
    with pytest.raises(ValueError, match="place must be one that add returned"):
        w.receiver.status(3)


# -- repeated prints ---------------------------------------------------------------------------------------------------


def prints_delivered(ids: list[int], make=Wire) -> int:
    w = make()
    try:
        for start in range(0, len(ids), 100):
            w.send(*[trade(trade_id) for trade_id in ids[start : start + 100]])
            w.run(1)
        while sum(w.receiver.socket_counters(w.place)[name] for name in ("messages",)) < len(ids):
            w.run(5)
        return w.assembly.engine.lane_counters(0)["trades"]
    finally:
        w.close()


def two_sockets(rng: random.Random, count: int) -> list[int]:
    """Ids of one stream as two sockets with changing delays bring them: one joins late, the other leaves early."""
    joined, left = rng.randrange(count // 2), rng.randrange(count // 2, count)
    arrivals = [(number + rng.random() * 40, number) for number in range(left)]
    arrivals += [(number + rng.random() * 40, number) for number in range(joined, count)]
    base = rng.choice([1, 4_090, 10**12])
    return [base + number for _, number in sorted(arrivals)]


def check_prints(make=Wire) -> None:
    rng = random.Random(8)
    for _ in range(40):
        ids = two_sockets(rng, 300)
        assert prints_delivered(ids, make) == len(set(ids))


def test_a_print_that_two_sockets_bring_is_delivered_once_in_whatever_order():
    check_prints()


class Repeats(Wire):
    """Planted: a feed that takes every print."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = Feed(self.assembly.scanner, self.assembly.engine)
        self.receiver = Receiver(self.feed, utc_offset_ns=START_NS - time.monotonic_ns())
        self.place = self.receiver.add(self.reader, self.ours.fileno(), is_tls=False)


class Forgets(Wire):
    """Planted: a feed that forgets the ids between two reads."""

    def run(self, timeout_ms: int = 30) -> int:
        self.feed.forget_trades()
        return super().run(timeout_ms)


@pytest.mark.parametrize("planted", [Repeats, Forgets])
def test_control_prints_taken_twice_are_found(planted):
    with pytest.raises(AssertionError):
        check_prints(planted)


def test_ids_that_begin_anew_are_taken_once_the_old_ones_are_forgotten():
    w = Wire()
    w.send(trade(10**9), trade(5))
    w.run()
    assert w.feed.live_counters["repeated_trades"] == 1
    w.feed.forget_trades()
    w.send(trade(5))
    w.run()
    assert w.assembly.engine.lane_counters(0)["trades"] == 2
    w.close()


# -- the full ring -----------------------------------------------------------------------------------------------------


@pytest.mark.untraced
def test_a_full_ring_never_holds_the_reader_back_and_costs_the_book_where_depth_was_lost(wire):
    w = wire(ring=True)
    w.feed.frame(
        b'{"lastUpdateId":5,"bids":[["59999.00","1"]],"asks":[["60000.01","1"]]}', START_NS, default_instrument=0
    )
    started = time.monotonic()
    for number in range(6, 16_500):
        w.feed.frame(diff(number, number), START_NS + number, default_instrument=0)
    assert time.monotonic() - started < 5
    lost = w.feed.live_counters
    assert lost["overflow_messages"] > 0
    assert lost["overflow_events"] == 2 * lost["overflow_messages"]
    shard = threading.Thread(target=w.runner.run)
    shard.start()
    while len(w.runner.ring):
        time.sleep(0.005)
    w.feed.frame(diff(16_500, 16_500), START_NS + 20_000, default_instrument=0)
    w.runner.stop()
    shard.join(10)
    lane = w.assembly.engine.lane_counters(0)
    assert lane["gaps"] == 1
    assert w.feed.needs_snapshot(0)
    assert w.assembly.engine.top(0) == ([], [])


def test_lost_quotes_cost_no_book(wire):
    w = wire(ring=True)
    w.feed.frame(
        b'{"lastUpdateId":5,"bids":[["59999.00","1"]],"asks":[["60000.01","1"]]}', START_NS, default_instrument=0
    )
    for number in range(6, 33_000):
        w.feed.frame(quote(number), START_NS + number)
    assert w.feed.live_counters["overflow_messages"] > 0
    w.runner.stop()
    w.runner.run()
    assert w.assembly.engine.lane_counters(0)["gaps"] == 0
    assert not w.feed.needs_snapshot(0)


def test_a_book_that_is_given_up_waits_for_a_snapshot(wire):
    w = wire()
    w.assembly.engine.apply(book_with(5, 5))
    assert w.assembly.engine.top(0)[0]
    w.feed.gap(0, START_NS + SECOND)
    assert w.assembly.engine.top(0) == ([], [])
    assert w.feed.needs_snapshot(0)


def test_a_live_feed_takes_no_pace_and_no_ring_a_snapshot_does_not_fit_in():
    assembly, _ = assembled()
    with pytest.raises(ValueError, match="speed must be 0"):
        Feed(assembly.scanner, assembly.engine, live=True, speed=1.0)
    runner = ShardRunner(assembly.engine, capacity=1_024)
    with pytest.raises(ValueError, match="must hold 32768 events"):
        Feed(assembly.scanner, assembly.engine, ring=runner.ring, room=runner.room, records=runner.records, live=True)


# -- the recording -----------------------------------------------------------------------------------------------------


def test_what_is_received_is_recorded_but_for_repeated_prints(wire):
    log = FrameLog(1 << 16)
    w = wire(log=log)
    w.send(quote(5), trade(1), trade(1), b'{"result":null,"id":1}', b"not json")
    w.run()
    lines = log.take().splitlines()
    assert [line.partition(b": ")[2] for line in lines] == [quote(5), trade(1), b'{"result":null,"id":1}', b"not json"]
