"""The compiled scanner against its plain-Python twin: generated frames, and every way to damage one byte of them."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.wire_frames import INSTRUMENTS, Frames
from oracles.wire_scan import NOT_JSON, Refused, Twin

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.wire.scan import Scanner, ScanVerdict

SKIPPING = 2  # the instrument whose levels between two ticks are left out
Outcome = tuple[str, list[tuple[int, ...]]]
Scan = Callable[[bytes, int, int], Outcome]


def both(max_events: int = 4096) -> tuple[Scanner, Twin]:
    scanner, twin = Scanner(max_events), Twin(max_events)
    for i, instrument in enumerate(INSTRUMENTS):
        skip = {"skip_off_tick_levels": i == SKIPPING}
        assert scanner.add_instrument(*instrument, **skip) == twin.add_instrument(*instrument, **skip)
    return scanner, twin


def outcome_of(scanner: Scanner) -> Scan:
    def scan(frame: bytes, recv_ns: int, default_instrument: int) -> Outcome:
        events = scanner.scan(frame, recv_ns, default_instrument)
        return scanner.last_verdict, events.tolist()

    return scan


def same(ours: Outcome, theirs: Outcome) -> bool:
    """Same verdict and events; where a parser stops inside what is no JSON is its own affair."""
    if ours[0] in NOT_JSON and theirs[0] in NOT_JSON:
        return not ours[1] and not theirs[1]
    return ours == theirs


def check_frames(scan: Scan, twin: Scan, frames: list[bytes]) -> dict[str, int]:
    """Require that both judge every frame alike; how many frames met which verdict."""
    verdicts: dict[str, int] = {}
    for i, frame in enumerate(frames):
        recv_ns, default = 1000 + i, i % (len(INSTRUMENTS) + 1) - 1
        ours, theirs = scan(frame, recv_ns, default), twin(frame, recv_ns, default)
        assert same(ours, theirs), f"{frame!r}\nscanner {ours}\ntwin    {theirs}"
        verdicts[theirs[0]] = verdicts.get(theirs[0], 0) + 1
    return verdicts


def seeded(seed: int) -> random.Random:
    return random.Random(seed)


SCANNER, TWIN = both()


@given(seed=st.integers(0, 2**32))
def test_generated_frames_give_what_the_twin_gives(seed: int) -> None:
    frames = Frames(seeded(seed))
    check_frames(outcome_of(SCANNER), TWIN.scan, [frames.next() for _ in range(6)])


@given(seed=st.integers(0, 2**32), fault_share=st.sampled_from([0.0, 0.6]))
def test_frames_spelled_as_the_venue_spells_them_give_what_the_twin_gives(seed: int, fault_share: float) -> None:
    frames = Frames(seeded(seed), fault_share, max_levels=6, as_sent=True)
    check_frames(outcome_of(SCANNER), TWIN.scan, [frames.next() for _ in range(6)])


@given(seed=st.integers(0, 2**32))
def test_frames_with_faults_are_refused_as_the_twin_refuses_them(seed: int) -> None:
    frames = Frames(seeded(seed), fault_share=0.8, max_levels=4)
    check_frames(outcome_of(SCANNER), TWIN.scan, [frames.next() for _ in range(6)])


def test_generated_frames_reach_every_shape_and_every_reason() -> None:
    rng = seeded(3)
    frames, faulty = Frames(rng), Frames(rng, fault_share=0.8, max_levels=4)
    made = [frames.next() for _ in range(800)] + [faulty.next() for _ in range(6000)]
    scanner, twin = both()
    verdicts = check_frames(outcome_of(scanner), twin.scan, made)
    assert scanner.counters["skipped_off_tick_level"] == twin.off_tick_levels
    unreached = {"malformed", "truncated", "too_deep", "oversized", "too_many_levels"}  # have tests of their own
    assert set(verdicts) == {verdict.name.removeprefix("SCAN_").lower() for verdict in ScanVerdict} - unreached
    assert verdicts["ok"] > 1000
    assert {event[0] for frame in made for event in twin.scan(frame, 1, 0)[1]} == {1, 2, 3, 4, 5, 6, 7}
    assert scanner.counters["ignored_zero_trade"] > 0
    assert scanner.counters["ignored_off_book"] > 0
    assert scanner.counters["skipped_off_tick_level"] > 0


def short_frames() -> list[bytes]:
    """The shortest of many valid frames of each shape, with and without wrapper: small enough to damage everywhere."""
    rng = seeded(11)
    frames = Frames(rng, max_levels=3)
    shortest: dict[tuple[object, ...], bytes] = {}
    for frame in (frames.next() for _ in range(2500)):
        verdict, events = TWIN.scan(frame, 1, 0)
        if verdict not in ("ok", "ignored"):
            continue
        # kind, the flags of a snapshot or of the futures, and enough levels to damage
        shape = (events[0][0], events[0][2] & 52, len(events) > 2) if events else (verdict,)
        key = (*shape, b'"stream"' in frame)
        if key not in shortest or len(frame) < len(shortest[key]):
            shortest[key] = frame
    return list(shortest.values())


SHORT_FRAMES = short_frames()


def damaged(frame: bytes, rng: random.Random) -> list[bytes]:
    """Every truncation, every deletion and doubling of a byte, and every byte replaced by what may matter there."""
    out = [frame[:i] for i in range(len(frame))]
    out += [frame[:i] + frame[i + 1 :] for i in range(len(frame))]
    out += [frame[: i + 1] + frame[i:] for i in range(len(frame))]
    alphabet = b'"\\{}[],:.-+e05 \x00\x1f\x80\xc3tnsbBaATk'
    for i in range(len(frame)):
        out += [frame[:i] + bytes([c]) + frame[i + 1 :] for c in (*alphabet, rng.randrange(256), frame[i] ^ 1)]
    return out


@pytest.mark.parametrize("number", range(len(SHORT_FRAMES)))
def test_damaged_frames_are_judged_as_the_twin_judges_them(number: int) -> None:
    frame = SHORT_FRAMES[number]
    scanner, twin = both()
    verdicts = check_frames(outcome_of(scanner), twin.scan, damaged(frame, seeded(number)))
    assert sum(verdicts.get(verdict, 0) for verdict in NOT_JSON) > len(frame)


AS_SENT = [
    (
        b'{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":512310,"s":"BTCUSDT","b":"61837.6","B":"3.02",'
        b'"a":"61837.65","A":"0.1","T":1723161256298,"E":1723161256299}}'
    ),
    (
        b'{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":37,"p":"61837.6","q":"0.02","X":"MARKET","T":1723161255342,'
        b'"m":true,"M":true}'
    ),
    (
        b'{"e":"aggTrade","E":1723161255343000,"a":9,"s":"BTCUSDT","p":"7.5","q":"0.02","f":5,"l":6,"T":1723161255342,'
        b'"m":false}'
    ),
    (
        b'{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT",'
        b'"ps":"BTC","U":5,"u":7,"pu":4,"b":[["58710.20","0.014"],["61496.5","0"]],"a":[["61838.3","1.00002"],["7","1"]]}}'
    ),
]


@pytest.mark.parametrize("frame", AS_SENT, ids=["quote", "trade", "aggTrade", "depth"])
def test_damage_to_frames_as_the_venue_sends_them_is_judged_as_the_twin_judges_it(frame: bytes) -> None:
    scanner, twin = both()
    assert check_frames(outcome_of(scanner), twin.scan, [frame]) == {"ok": 1}
    blanks = [frame[:i] + b" " + frame[i:] for i in range(len(frame))]
    check_frames(outcome_of(scanner), twin.scan, blanks + damaged(frame, seeded(len(frame))))


def test_every_byte_value_at_every_place_of_a_ticker_is_judged_as_the_twin_judges_it() -> None:
    frame = b'{"u":7,"s":"BTCUSDT","b":"1.50","B":"2","a":"1.6","A":"3.1"}'
    scanner, twin = both()
    made = [frame[:i] + bytes([c]) + frame[i + 1 :] for i in range(len(frame)) for c in range(256)]
    assert check_frames(outcome_of(scanner), twin.scan, made)["ok"] > len(frame)


def test_every_proper_prefix_of_a_frame_is_truncated() -> None:
    for frame in SHORT_FRAMES:
        text = frame.strip()
        for length in range(len(text)):
            SCANNER.scan(text[:length], 1, 0)
            assert SCANNER.last_verdict == "truncated", text[:length]


@pytest.mark.parametrize("capacity", [2, 3, 5, 8])
def test_frames_of_more_levels_than_room_are_refused_as_the_twin_refuses_them(capacity: int) -> None:
    frames = Frames(seeded(capacity), max_levels=8)
    scanner, twin = both(capacity)
    verdicts = check_frames(outcome_of(scanner), twin.scan, [frames.next() for _ in range(400)])
    assert verdicts["too_many_levels"] > 20


def test_a_batch_gives_what_the_frames_one_by_one_give() -> None:
    rng = seeded(5)
    frames, faulty = Frames(rng), Frames(rng, fault_share=0.8)
    made = [(frames if rng.random() < 0.5 else faulty).next() for _ in range(500)]
    one_by_one, batch = both()[0], both()[0]
    expected = np.concatenate([one_by_one.scan(frame, i, 2) for i, frame in enumerate(made)])
    data, stamps = b"".join(made), np.arange(len(made), dtype=np.int64)
    offsets = np.cumsum([0, *map(len, made)], dtype=np.int64)
    verdicts = np.zeros(len(made), dtype=np.uint8)
    out = np.zeros(64, dtype=EVENT_DTYPE)
    done, parts = 0, []
    while done < len(made):
        more, written = batch.scan_many(data, offsets[done:], stamps[done:], out, verdicts[done:], 2)
        assert more > 0
        parts.append(out[:written].copy())
        done += more
    assert np.array_equal(np.concatenate(parts), expected)
    assert batch.counters == one_by_one.counters


# ---- controls: a twin with a fault must not pass ----


class RoundingTwin(Twin):
    """Rounds what is off the grid, as a scanner over floats would."""

    def qty(self, index: int, value: object) -> int:
        try:
            return super().qty(index, value)
        except Refused as refusal:
            if str(refusal) != "off_lot":
                raise
            return int(float(str(value)) / float(self.instruments[index].lot))


class LenientTwin(Twin):
    """Takes a comma too many."""

    def scan(self, frame: bytes, recv_ns: int, default_instrument: int = -1) -> Outcome:
        return super().scan(frame.replace(b",}", b"}"), recv_ns, default_instrument)


class ShiftedTwin(Twin):
    """Off by one lot on asks."""

    def quote(self, fields, recv_ns):
        return [(*event[:-2], event[-2] + 1, event[-1]) for event in super().quote(fields, recv_ns)]


@pytest.mark.parametrize("broken", [RoundingTwin, LenientTwin, ShiftedTwin])
def test_the_check_catches_a_broken_twin(broken: type[Twin]) -> None:
    rng = seeded(3)
    frames, faulty = Frames(rng), Frames(rng, fault_share=0.8, max_levels=4)
    made = [frame for _ in range(700) for frame in (frames.next(), faulty.next())]
    made.append(b'{"u":7,"s":"BTCUSDT","b":"1.50","B":"2","a":"1.6","A":"3.1",}')
    scanner, twin = both()
    check_frames(outcome_of(scanner), twin.scan, made)
    with pytest.raises(AssertionError, match="twin"):
        check_frames(outcome_of(scanner), broken(**vars(twin)).scan, made)
