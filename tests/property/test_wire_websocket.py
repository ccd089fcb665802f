"""The websocket reader against a plain reading of RFC 6455, over random frames cut at random places."""

from __future__ import annotations

import random

import pytest
from oracles.wire_websocket import BINARY, CLOSE, PING, PONG, TEXT, decode, encode

from bot4._core.wire.websocket import WebSocketReader, WsVerdict

CASES = 1_500
LIMIT = 70_000


def random_stream(rng: random.Random) -> bytes:  # noqa: C901 - one branch a kind
    """Mostly sound frames: whole and fragmented messages, control frames between, now and then something wrong."""
    parts = []
    for _ in range(rng.randrange(1, 12)):
        draw = rng.random()
        size = rng.choice([0, 1, 5, 125, 126, 127, 300, rng.randrange(2_000), 65_535, 65_536, LIMIT, LIMIT + 1])
        if rng.random() < 0.8:
            size = min(size, 300)
        payload = rng.randbytes(size)
        if draw < 0.45:
            parts.append(encode(rng.choice([TEXT, BINARY]), payload))
        elif draw < 0.75:
            pieces = [payload[start : start + 97] for start in range(0, min(size, 2_000), 97)] or [b""]
            parts.append(encode(TEXT, pieces[0], last=len(pieces) == 1))
            for number, piece in enumerate(pieces[1:], 2):
                if rng.random() < 0.2:
                    parts.append(encode(rng.choice([PING, PONG]), b"beat"))
                parts.append(encode(0, piece, last=number == len(pieces)))
        elif draw < 0.9:
            parts.append(encode(rng.choice([PING, PONG]), payload[:125]))
        elif draw < 0.92:
            parts.append(encode(CLOSE, rng.choice([b"", b"\x03\xe8", b"\x03", b"\x03\xe8bye"])))
        elif draw < 0.96:
            parts.append(encode(rng.choice([0, 3, 7, 11, PING]), payload[:200], last=rng.random() < 0.5))
        else:
            parts.append(encode(TEXT, payload[:200], form=rng.choice([126, 127])))
    data = bytearray(b"".join(parts))
    if rng.random() < 0.15:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def read(reader: WebSocketReader, data: bytes, rng: random.Random) -> list[tuple[str, bytes]]:
    found = []
    at = 0
    while at < len(data):
        size = rng.choice([1, 3, 50, 1_000, 65_536])
        reader.take(data[at : at + size])
        at += size
        while (one := reader.next()) is not None:
            found.append((one[0].name, one[1]))
            if one[0] >= WsVerdict.WS_CLOSE:
                return found
    return found


def check(make_reader) -> int:
    """Compare; returns how many of the streams ended in an error, so that a caller sees both kinds were met."""
    failed = 0
    rng = random.Random(20_261_122)
    for _ in range(CASES):
        data = random_stream(rng)
        expected = decode(data, LIMIT)
        assert read(make_reader(LIMIT), data, rng) == expected
        failed += bool(expected) and expected[-1][0] in ("WS_BAD_FRAME", "WS_BAD_FRAGMENT", "WS_TOO_BIG")
    return failed


def test_random_streams_read_as_the_rfc_says():
    failed = check(WebSocketReader)
    assert CASES * 0.1 < failed < CASES * 0.9


class LosesAFragment(WebSocketReader):
    """Planted: control frames between fragments end up inside the message."""

    def next(self):
        one = super().next()
        if one is not None and one[0] is WsVerdict.WS_PING:
            return WsVerdict.WS_PONG, one[1]
        return one


class CutsLongMessages(WebSocketReader):
    """Planted: the last byte of a long message is lost."""

    def next(self):
        one = super().next()
        return one if one is None or len(one[1]) < 300 else (one[0], one[1][:-1])


class IsTooLenient(WebSocketReader):
    """Planted: the limit is not the one that was asked for."""

    def __new__(cls, limit):
        return super().__new__(cls, limit + 1)


@pytest.mark.parametrize("planted", [LosesAFragment, CutsLongMessages, IsTooLenient])
def test_control_a_planted_fault_is_found(planted):
    with pytest.raises(AssertionError):
        check(planted)


def test_a_message_in_many_tiny_fragments_needs_no_more_room_than_it_has():
    """Two header bytes a fragment would outgrow the buffer if they were kept."""
    reader = WebSocketReader(200_000)
    payload = random.Random(3).randbytes(200_000)
    frames = [encode(TEXT, payload[:1], last=False)]
    frames += [encode(0, payload[at : at + 1], last=at == 199_999) for at in range(1, 200_000)]
    data = b"".join(frames)
    got = []
    for at in range(0, len(data), 60_000):
        reader.take(data[at : at + 60_000])
        while (one := reader.next()) is not None:
            got.append(one[1])
    assert got == [payload]


def test_a_message_above_the_limit_is_told_by_its_header():
    reader = WebSocketReader(1_000)
    reader.take(encode(TEXT, b"x" * 1_001)[:4])
    assert reader.next()[0] is WsVerdict.WS_TOO_BIG


def test_nothing_is_read_after_a_close():
    reader = WebSocketReader()
    reader.take(encode(CLOSE, b"\x03\xe8") + encode(TEXT, b"late"))
    assert reader.next() == (WsVerdict.WS_CLOSE, b"\x03\xe8")
    assert reader.next() == (WsVerdict.WS_CLOSE, b"")
    reader.clear()
    reader.take(encode(TEXT, b"again"))
    assert reader.next() == (WsVerdict.WS_TEXT, b"again")


@pytest.mark.parametrize("limit", [124, (256 << 20) + 1, -1])
def test_a_limit_out_of_range_is_refused(limit):
    with pytest.raises(ValueError, match="message_bytes_max must be between"):
        WebSocketReader(limit)


def test_more_than_was_received_cannot_be_counted():
    reader = WebSocketReader(1_000)
    room = len(reader.room())
    with pytest.raises(ValueError, match="room there is"):
        reader.took(room + 1)
