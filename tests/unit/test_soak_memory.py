"""The judge of the soak of memory: what it lets pass, and what it must not."""

from __future__ import annotations

import numpy as np
import pytest
from soak_memory import Sample, judge, slope_of

QUARTER = 900


def samples(own_kib, *, fds=25, threads=9):
    """A sample a second; each of the arguments may be a function of the second."""

    def at(value, second):
        return int(value(second) if callable(value) else value)

    return [
        Sample(float(second), 90_000, at(own_kib, second), at(fds, second), at(threads, second))
        for second in range(QUARTER)
    ]


def test_a_run_that_stays_what_it_was_holds_though_it_grew_while_it_warmed_up():
    rng = np.random.default_rng(1)
    verdict = judge(samples(lambda s: 60_000 + min(s, 100) * 50 + rng.normal(0, 200)))
    assert verdict.holds
    assert abs(verdict.slope_mib_h) < 1.0


def test_one_jump_is_no_leak_and_growth_at_any_pace_above_the_limit_is():
    assert judge(samples(lambda s: 60_000 + 2_000 * (s > 800))).holds
    for mib_h in (1.2, 5.0, 100.0):
        grown = judge(samples(lambda s, rate=mib_h: 60_000 + s * rate * 1_024 / 3_600))
        assert not grown.holds
        assert grown.slope_mib_h == pytest.approx(mib_h, rel=0.05)
    assert judge(samples(lambda s: 60_000 + s * 0.8 * 1_024 / 3_600)).holds, "below it"


@pytest.mark.parametrize("what", ["fds", "threads"])
def test_descriptors_and_threads_that_accumulate_are_noticed_and_those_that_come_and_go_are_not(what):
    assert judge(samples(60_000, **{what: lambda s: 25 + (s % 20 == 0)})).holds
    assert not judge(samples(60_000, **{what: lambda s: 25 + s // 200})).holds
    assert not judge(samples(60_000, **{what: lambda s: 25 + (s > 700)})).holds


def test_without_samples_behind_the_warm_up_nothing_holds():
    assert not judge(samples(60_000)[:100]).holds


def test_the_slope_is_that_of_most_pairs():
    times = np.arange(100.0)
    sizes = times * 2.0
    sizes[::10] += 1_000.0  # a tenth of the samples is wrong by far
    assert slope_of(times, sizes) == pytest.approx(2.0, rel=0.05)
