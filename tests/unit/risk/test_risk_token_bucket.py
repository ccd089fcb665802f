"""What the token bucket promises, told one by one."""

from __future__ import annotations

import numpy as np
import pytest

from bot4._core.risk.token_bucket import TokenBucketGate

S = 10**9


def test_it_starts_full_and_refills_to_the_nanosecond() -> None:
    bucket = TokenBucketGate(tokens=3, period_ns=10, burst=2)
    assert bucket.try_take(2, 0)
    assert not bucket.try_take(1, 3)
    assert bucket.try_take(1, 4)
    # 12 units came in 4 ns, 10 were taken: the rest is not lost.
    assert bucket.units(4) == 2


def test_it_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucketGate(tokens=10, period_ns=S, burst=5)
    bucket.charge(5, 0)
    assert bucket.units(10**18) == 5 * S
    assert not bucket.try_take(6, 10**18)


def test_a_clock_that_moves_back_refills_nothing_and_is_not_paid_twice() -> None:
    bucket = TokenBucketGate(tokens=10, period_ns=S, burst=1)
    assert bucket.try_take(1, 10 * S)
    assert not bucket.try_take(1, 0)
    assert bucket.try_take(1, 10 * S + S // 10)


def test_a_charge_may_go_into_debt_of_at_most_one_burst() -> None:
    bucket = TokenBucketGate(tokens=10, period_ns=S, burst=2)
    for _ in range(10):
        bucket.charge(2, 0)
    assert bucket.units(0) == -2 * S
    assert bucket.units(S // 10) == -S


def test_taking_none_passes_and_fewer_than_none_does_not() -> None:
    bucket = TokenBucketGate(tokens=1, period_ns=S, burst=1)
    assert bucket.try_take(0, 0)
    assert not bucket.try_take(-1, 0)
    with pytest.raises(ValueError, match="tokens must not be negative, was -1"):
        bucket.charge(-1, 0)


def test_the_ends_of_time_do_not_overflow() -> None:
    bucket = TokenBucketGate(tokens=1, period_ns=1 << 59, burst=1)
    assert bucket.try_take(1, -(1 << 63))
    assert bucket.units((1 << 63) - 1) == 1 << 59


def test_a_batch_is_one_take_a_row() -> None:
    bucket = TokenBucketGate(tokens=10, period_ns=S, burst=2)
    taken = bucket.take_many(np.ones(4, np.int64), np.array([0, 0, 0, S // 10], np.int64))
    assert taken.tolist() == [True, True, False, True]
    with pytest.raises(ValueError, match="equally long, were 1 and 2"):
        bucket.take_many(np.ones(1, np.int64), np.zeros(2, np.int64))
