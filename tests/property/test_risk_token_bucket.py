"""The compiled token bucket against fractions of a token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.risk_draws import assert_caught, draws
from oracles.risk_token_bucket import TwinBucket

from bot4._core.risk.token_bucket import TokenBucketGate


def check_bucket(make, seed: int, length: int) -> None:
    """`make` builds a bucket; every answer and every level equals the twin's."""
    rng = draws(seed)
    rule = {
        "tokens": rng.choice([1, 3, 7, 10, 50, 6000]),
        "period_ns": rng.choice([1, 7, 1_000, 10**9, 10**10]),
        "burst": rng.choice([1, 2, 5, 50]),
    }
    bucket, twin = make(**rule), TwinBucket(**rule)
    now_ns = rng.choice([-(10**18), -5, 0, 10**18])
    step_ns = max(1, rule["period_ns"] // rule["tokens"])
    for _ in range(length):
        now_ns += rng.choice([0, 1, -1, step_ns - 1, step_ns, -3 * step_ns, rng.randrange(4 * step_ns), 10**11])
        tokens = rng.choice([1, 1, 1, 0, 2, rule["burst"], rule["burst"] + 1])
        if rng.random() < 0.2:
            bucket.charge(tokens, now_ns)
            twin.charge(tokens, now_ns)
        else:
            assert bucket.try_take(tokens, now_ns) == twin.try_take(tokens, now_ns)
        assert bucket.units(now_ns) == twin.at(now_ns) * rule["period_ns"]


@given(seed=st.integers(0, 2**32 - 1), length=st.integers(1, 40))
def test_bucket_holds_what_the_fractions_say(seed: int, length: int) -> None:
    check_bucket(TokenBucketGate, seed, length)


@given(times=st.lists(st.integers(0, 3 * 10**9), min_size=1, max_size=200), burst=st.integers(1, 20))
def test_no_window_of_one_period_ever_passes_more_than_rate_plus_burst(times: list[int], burst: int) -> None:
    bucket = TokenBucketGate(tokens=10, period_ns=10**9, burst=burst)
    taken = [now_ns for now_ns in sorted(times) if bucket.try_take(1, now_ns)]
    for start in taken:
        assert sum(start <= now_ns < start + 10**9 for now_ns in taken) <= burst + 10


def _planted(fault: str):
    class Planted:
        def __init__(self, *, tokens, period_ns, burst):
            self.twin = TwinBucket(tokens=tokens, period_ns=period_ns, burst=burst)
            self.period_ns = period_ns

        def charge(self, tokens, now_ns):
            self.twin.charge(tokens, now_ns)
            if fault == "clock moves back" and self.twin.last_ns is not None:
                self.twin.last_ns = now_ns
            if fault == "no bound on debt":
                self.twin.level -= self.twin.burst * (self.twin.level == -self.twin.burst)

        def try_take(self, tokens, now_ns):
            if fault == "more than the burst" and tokens > self.twin.burst:
                return True
            if fault == "off by one" and self.twin.at(now_ns) == tokens:
                return False
            return self.twin.try_take(tokens, now_ns)

        def units(self, now_ns):
            return self.twin.at(now_ns) * self.period_ns

    return Planted


@pytest.mark.parametrize("fault", ["clock moves back", "no bound on debt", "more than the burst", "off by one"])
def test_a_planted_fault_in_the_bucket_is_caught(fault: str) -> None:
    check_bucket(_planted("none"), 0, 40)
    assert_caught(lambda seed: check_bucket(_planted(fault), seed, 40))
