"""The object pool against its plain twin: random acquires and releases through several caches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.mem_object_pool import PoolTwin

from bot4._core.mem.object_pool import ObjectPool

CACHES = 3
# (what, cache, which): acquire; release a live one; release an old one; release a number that is no handle; flush
STEPS = st.lists(
    st.tuples(st.sampled_from("aaarrodfc"), st.integers(0, CACHES - 1), st.integers(0, 1 << 30)), max_size=60
)


def check_pool(pool, twin, steps):  # noqa: C901 - one branch a kind of step
    """Every handle is new, every verdict is the twin's, and at the end every record is there exactly once."""
    stranger = ObjectPool(pool.capacity).cache().acquire()
    caches = [pool.cache() for _ in range(CACHES)]
    live: list[int] = []
    old: list[int] = []
    for what, number, which in steps:
        cache = caches[number]
        if what == "a":
            handle = cache.acquire()
            if handle is not None:
                twin.acquired(handle)
                live.append(handle)
            else:
                assert pool.statistics()["cached"] + len(twin.live) == pool.capacity
        elif what == "r" and live:
            handle = live.pop(which % len(live))
            assert cache.release(handle).name == twin.verdict(handle)
            old.append(handle)
        elif what == "o" and old:
            handle = old[which % len(old)]
            assert cache.release(handle).name == twin.verdict(handle)
        elif what == "d":
            assert cache.release(stranger).name == twin.verdict(stranger)
        elif what == "f":
            cache.flush()
        elif what == "c":
            cache.close()
            caches[number] = pool.cache()
        assert pool.statistics()["live"] == len(twin.live)
        assert all(pool.is_live(handle) for handle in live)
        assert not any(pool.is_live(handle) for handle in old)
    for cache in caches:
        cache.close()
    with pool.cache() as last:
        for _ in range(pool.capacity - len(twin.live)):
            twin.acquired(last.acquire())
        assert last.acquire() is None


@given(st.integers(1, 40), STEPS)
def test_pool_answers_as_its_twin(capacity, steps):
    check_pool(ObjectPool(capacity, 16), PoolTwin(capacity), steps)


@given(st.integers(1, 40), STEPS)
def test_strict_pool_answers_as_its_twin(capacity, steps):
    check_pool(ObjectPool(capacity, 16, strict=True), PoolTwin(capacity), steps)


class TrustingTwin(PoolTwin):
    """A deliberately broken twin: accepts a second release."""

    def verdict(self, handle):
        answer = super().verdict(handle)
        return "POOL_OK" if answer == "POOL_NOT_LIVE" else answer


def test_control_a_twin_that_accepts_a_second_release_is_noticed():
    steps = [("a", 0, 0), ("r", 0, 0), ("o", 1, 0)]
    check_pool(ObjectPool(4), PoolTwin(4), steps)
    with pytest.raises(AssertionError):
        check_pool(ObjectPool(4), TrustingTwin(4), steps)
