"""The frame scanner, called: its table, its batches, what is a broken call."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builders.scan_frames import DIFF, TICKER, TRADE, scan

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.wire.scan import Scanner


@pytest.fixture
def scanner() -> Scanner:
    scanner = Scanner(64)
    scanner.add_instrument("BTCUSDT", "0.01", "0.001")
    scanner.add_instrument("BTCUSD_PERP", "0.1", "1")
    return scanner


def test_frames_at_the_end_of_a_buffer_are_read_from_a_memoryview(scanner) -> None:
    frame = json.dumps(TRADE).encode()
    view = memoryview(b"xx" + frame)[2:]
    assert np.array_equal(scanner.scan(view, 77), scan(scanner, TRADE))


def test_table_holds_4096_instruments_and_refuses_one_more() -> None:
    scanner = Scanner()
    for i in range(4096):
        assert scanner.add_instrument(f"S{i}USDT", "0.01", "1") == i
    for i in (0, 17, 4095):
        assert scanner.instrument(f"S{i}USDT") == i
        assert scanner.scan(json.dumps(TICKER | {"s": f"S{i}USDT"}).encode(), 1)[0]["instrument"] == i
    assert scanner.instrument("S4096USDT") == -1
    with pytest.raises(ValueError, match="at most 4096 instruments"):
        scanner.add_instrument("ONEMORE", "1", "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("BTCUSDT", "1", "1"), "must be added once"),
        (("", "1", "1"), "1 to 32 bytes"),
        (("X" * 33, "1", "1"), "1 to 32 bytes"),
        (("ETHUSDT", "0", "1"), "above zero"),
        (("ETHUSDT", "1", "0.00"), "above zero"),
        (("ETHUSDT", "1e-2", "1"), "plain decimal"),
        (("ETHUSDT", "-1", "1"), "negative"),
        (("ETHUSDT", "0.0000000000000000001", "1"), "64 bits"),
    ],
)
def test_broken_instrument_is_an_error_that_names_it(scanner, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        scanner.add_instrument(*arguments)
    assert scanner.instrument("ETHUSDT") == -1


@pytest.mark.parametrize("events", [0, 1, (1 << 20) + 1])
def test_broken_capacity_is_an_error_that_names_it(events) -> None:
    with pytest.raises(ValueError, match=f"between 2 and 1048576, was {events}"):
        Scanner(events)


def test_default_instrument_that_does_not_exist_is_an_error(scanner) -> None:
    with pytest.raises(ValueError, match="was 2"):
        scanner.scan(b"{}", 1, 2)


def test_batch_with_offsets_outside_its_bytes_is_an_error(scanner) -> None:
    out, verdicts = np.zeros(4, dtype=EVENT_DTYPE), np.zeros(1, dtype=np.uint8)
    stamps = np.zeros(1, dtype=np.int64)
    for offsets in ([0, 3], [-1, 2], [2, 1]):
        with pytest.raises(ValueError, match="offsets must rise"):
            scanner.scan_many(b"{}", np.array(offsets, dtype=np.int64), stamps, out, verdicts)
    with pytest.raises(ValueError, match="n frames need"):
        scanner.scan_many(b"{}", np.array([0, 1, 2], dtype=np.int64), stamps, out, verdicts)
    with pytest.raises(ValueError, match="EVENT_DTYPE"):
        scanner.scan_many(b"{}", np.array([0, 2], dtype=np.int64), stamps, np.zeros(4), verdicts)
    assert scanner.counters["ignored"] == 0


def test_batch_stops_before_the_frame_it_has_no_room_for(scanner) -> None:
    frames = [json.dumps(message).encode() for message in (TRADE, DIFF, TRADE)]
    offsets = np.cumsum([0, *map(len, frames)], dtype=np.int64)
    stamps, verdicts = np.zeros(3, dtype=np.int64), np.full(3, 99, dtype=np.uint8)
    out = np.zeros(4, dtype=EVENT_DTYPE)
    assert scanner.scan_many(b"".join(frames), offsets, stamps, out, verdicts) == (1, 1)
    assert scanner.scan_many(b"".join(frames), offsets[1:], stamps[1:], out, verdicts[1:]) == (1, 4)
    assert scanner.scan_many(b"".join(frames), offsets[2:], stamps[2:], out, verdicts[2:]) == (1, 1)
    assert scanner.counters["ok"] == 3
    assert scanner.refused == 0
    whole = np.array([0, len(frames[1])], dtype=np.int64)
    assert scanner.scan_many(frames[1], whole, stamps[:1], out[:2], verdicts[:1]) == (1, 0)
    assert scanner.counters["too_many_levels"] == 1
