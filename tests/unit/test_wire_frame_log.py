"""The ring of bytes between the receiving thread and the recording."""

from __future__ import annotations

import random
import threading

import pytest

from bot4._core.wire.capture import CaptureFormat, CaptureVerdict, split_capture
from bot4._core.wire.frame_log import FrameLog

STAMP = 1_700_000_000_123_456_789


def drained(log: FrameLog, bytes_max: int = 1 << 20) -> bytes:
    parts = []
    while part := log.take(bytes_max):
        parts.append(part)
    return b"".join(parts)


def test_a_frame_becomes_a_line_that_the_capture_reader_reads_back_to_the_nanosecond():
    log = FrameLog(4_096)
    assert log.frame(b'{"u":1}', STAMP)
    assert log.rest("https://api.binance.com/api/v3/depth?symbol=BTCUSDT", b'{"lastUpdateId":7}', STAMP + 1)
    text = drained(log)
    rows = split_capture(text, CaptureFormat.CAPTURE_FORMAT_CRYPTOFEED)
    assert [(row[0], row[2], text[row[3] : row[4]]) for row in rows] == [
        (CaptureVerdict.CAPTURE_FRAME, STAMP, b'{"u":1}'),
        (CaptureVerdict.CAPTURE_REST, STAMP + 1, b'{"lastUpdateId":7}'),
    ]


def test_a_line_end_inside_a_frame_becomes_a_space():
    log = FrameLog(4_096)
    log.frame(b'{"a":\n1,\n"b":2}', STAMP)
    assert drained(log).count(b"\n") == 1


def test_what_finds_no_room_is_counted_and_told_in_front_of_the_next_frame():
    log = FrameLog(4_096)
    taken = [log.frame(b"x" * 500, STAMP) for _ in range(20)]
    assert taken.count(True) == 7
    assert log.counters["dropped"] == 13
    assert b"#" not in drained(log)
    assert log.frame(b'{"u":2}', STAMP)
    assert drained(log).splitlines()[0] == b"# gap: 13 frames left out"
    assert log.frame(b'{"u":3}', STAMP)
    assert b"gap" not in drained(log)


@pytest.mark.parametrize("bytes_max", [1, 100, 1 << 20])
def test_lines_come_whole_and_in_order_whatever_is_taken_at_a_time(bytes_max):
    rng = random.Random(5)
    log = FrameLog(4_096)
    expected, got = [], b""
    for number in range(2_000):
        payload = b'{"n":%d,"fill":"%s"}' % (number, b"f" * rng.randrange(200))
        if log.frame(payload, STAMP + number):
            expected.append(b"1700000000.%09d: " % (123_456_789 + number) + payload)
        if rng.random() < 0.3:
            got += log.take(bytes_max)
        if log.counters["waiting_bytes"] > 3_000:
            got += drained(log, bytes_max)
    got += drained(log, bytes_max)
    assert [line for line in got.splitlines() if not line.startswith(b"#")] == expected


def test_two_threads_lose_nothing_that_was_taken_and_keep_the_order():
    log = FrameLog(1 << 16)
    taken: list[int] = []

    def produce() -> None:
        taken.extend(number for number in range(30_000) if log.frame(b'{"n":%d}' % number, STAMP))

    producer = threading.Thread(target=produce)
    producer.start()
    parts = []
    while producer.is_alive() or log.counters["waiting_bytes"]:
        parts.append(log.take())
    producer.join()
    lines = [line for line in b"".join(parts).splitlines() if not line.startswith(b"#")]
    assert [int(line.rpartition(b":")[2][:-1]) for line in lines] == taken
    assert len(taken) + log.counters["dropped"] == 30_000


@pytest.mark.parametrize("capacity", [0, 4_095, 5_000, 1 << 31])
def test_a_capacity_that_is_no_power_of_two_in_range_is_refused(capacity):
    with pytest.raises(ValueError, match="power of two"):
        FrameLog(capacity)


def test_an_empty_frame_or_a_stamp_of_zero_is_a_broken_call():
    log = FrameLog(4_096)
    with pytest.raises(ValueError, match="needs bytes and a stamp"):
        log.frame(b"", STAMP)
    with pytest.raises(ValueError, match="needs bytes and a stamp"):
        log.frame(b"{}", 0)
    with pytest.raises(ValueError, match="one line"):
        log.line("a\nb")
