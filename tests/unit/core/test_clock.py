from __future__ import annotations

import time

import pytest

from bot4._core import clock
from bot4._core.clock import SettableClock, SystemClock, WallStepDetector

STEP_NS = 50_000_000


def test_ticks_measure_the_same_duration_as_the_monotonic_clock() -> None:
    clock.calibrate(wait_ns=50_000_000)
    system = SystemClock()
    for _ in range(5):  # a pause of this process between two readings spoils an attempt, not the clock
        ticks, start_ns = system.ticks(), system.monotonic_ns()
        time.sleep(0.02)
        by_ticks, by_clock = system.ticks_to_ns(system.ticks() - ticks), system.monotonic_ns() - start_ns
        if by_ticks == pytest.approx(by_clock, rel=1e-3):
            return
    pytest.fail(f"20 ms of sleep were {by_ticks} ns by ticks and {by_clock} ns by CLOCK_MONOTONIC")


def test_source_and_rate_of_ticks_belong_together() -> None:
    assert clock.tick_source() in ("processor", "clock_gettime")
    if clock.tick_source() == "clock_gettime":
        assert clock.ticks_per_second() == 10**9
    else:
        assert clock.ticks_per_second() > 10**6


def test_calibrating_again_changes_the_rate_by_parts_per_million_only() -> None:
    first = clock.calibrate(wait_ns=20_000_000)
    assert clock.calibrate(wait_ns=20_000_000) == pytest.approx(first, rel=1e-3)
    assert clock.ticks_per_second() == pytest.approx(first, rel=1e-3)


def test_monotonic_time_never_steps_back() -> None:
    system = SystemClock()
    seen = [system.monotonic_ns() for _ in range(10_000)]
    assert seen == sorted(seen)


def test_both_clocks_are_the_system_s_own() -> None:
    system = SystemClock()
    assert abs(system.wall_ns() - time.time_ns()) < 10**9
    assert abs(system.monotonic_ns() - time.monotonic_ns()) < 10**9
    mono_ns, utc_ns, bound_ns = system.pair()
    assert abs((utc_ns - mono_ns) - (time.time_ns() - time.monotonic_ns())) < 10**8
    assert 0 <= bound_ns < 10**8


def test_costs_of_reading_are_measured_above_zero() -> None:
    costs = clock.read_costs(1000)
    assert sorted(costs) == ["monotonic_ns", "tick_step_ns", "ticks_ns", "wall_ns"]
    assert all(0 < cost < 10**6 for cost in costs.values())


def test_too_few_reads_and_a_negative_wait_are_refused() -> None:
    with pytest.raises(ValueError, match="reads must be at least 2, was 1"):
        clock.read_costs(1)
    with pytest.raises(ValueError, match="wait_ns must not be negative, was -1"):
        clock.calibrate(wait_ns=-1)


def test_settable_clock_stands_still_until_told() -> None:
    frozen = SettableClock(wall_ns=10**18, monotonic_ns=5)
    assert (frozen.monotonic_ns(), frozen.wall_ns(), frozen.pair()) == (5, 10**18, (5, 10**18, 0))


def test_settable_clock_follows_recorded_stamps_and_monotonic_time_never_goes_back() -> None:
    replay = SettableClock(wall_ns=1_000)
    replay.set_wall(1_700)
    replay.set_wall(1_200)  # a capture whose stamps step back
    assert (replay.monotonic_ns(), replay.wall_ns()) == (700, 1_200)
    with pytest.raises(ValueError, match="time passes forwards only, was -1 ns"):
        replay.advance(-1)


@pytest.mark.parametrize("step_ns", [STEP_NS + 1, -STEP_NS - 1, 3600 * 10**9])
def test_step_of_the_wall_clock_is_seen_once_with_its_size(step_ns: int) -> None:
    replay, detector = SettableClock(wall_ns=10**18), WallStepDetector(STEP_NS)
    assert detector.check(replay) == 0
    replay.advance(10**9)
    replay.step_wall(step_ns)
    assert detector.check(replay) == step_ns
    assert detector.check(replay) == 0
    assert (detector.steps, detector.last_step_ns) == (1, step_ns)


def test_passing_time_and_steps_within_the_threshold_are_not_steps() -> None:
    replay, detector = SettableClock(wall_ns=10**18), WallStepDetector(STEP_NS)
    for _ in range(100):
        replay.advance(10**11)
        assert detector.check(replay) == 0
    replay.step_wall(STEP_NS)
    assert detector.check(replay) == 0


def test_small_steps_add_up_until_they_count() -> None:
    replay, detector = SettableClock(wall_ns=10**18), WallStepDetector(STEP_NS)
    detector.check(replay)
    found = []
    for _ in range(3):
        replay.step_wall(20_000_000)
        found.append(detector.check(replay))
    assert found == [0, 0, 60_000_000]


def test_reading_that_was_interrupted_for_longer_than_the_threshold_decides_nothing() -> None:
    class Interrupted(SettableClock):
        def pair(self) -> tuple[int, int, int]:
            return (*super().pair()[:2], STEP_NS + 1)

    interrupted, detector = Interrupted(wall_ns=10**18), WallStepDetector(STEP_NS)
    interrupted.step_wall(10**12)
    assert (detector.check(interrupted), detector.steps) == (0, 0)


def test_system_clock_shows_no_step_while_nobody_sets_it() -> None:
    system, detector = SystemClock(), WallStepDetector(STEP_NS)
    assert [detector.check(system) for _ in range(100)] == [0] * 100


def test_threshold_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="threshold_ns must be above zero, was 0"):
        WallStepDetector(0)
