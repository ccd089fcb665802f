"""The object pool seen from Python, one behaviour a test."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from bot4._core.mem import object_pool
from bot4._core.mem.object_pool import ObjectPool, PoolVerdict


def test_pool_gives_out_its_capacity_and_then_says_exhausted():
    pool = ObjectPool(100)
    cache = pool.cache()
    handles = [cache.acquire() for _ in range(100)]
    assert len(set(handles)) == 100
    assert cache.acquire() is None
    assert pool.statistics()["exhausted"] == 1
    assert cache.release(handles[0]) is PoolVerdict.POOL_OK
    assert cache.acquire() is not None


def test_second_release_is_refused_also_after_the_record_has_a_new_owner():
    pool = ObjectPool(1)
    cache = pool.cache()
    first = cache.acquire()
    assert cache.release(first) is PoolVerdict.POOL_OK
    assert cache.release(first) is PoolVerdict.POOL_NOT_LIVE
    second = cache.acquire()
    assert cache.release(first) is PoolVerdict.POOL_NOT_LIVE
    assert pool.is_live(second)
    assert cache.release(second) is PoolVerdict.POOL_OK
    assert pool.statistics()["refused"] == 2


def test_generations_repeat_only_after_eight_million_acquires_of_a_slot():
    pool = ObjectPool(1)
    cache = pool.cache()
    first = cache.acquire()
    assert first >> 40 == 1
    cache.release(first)
    assert cache.acquire() >> 40 == 3
    assert (1 << 24) // 2 == 8_388_608


def test_handle_of_another_pool_and_a_number_that_is_none_are_foreign():
    pool, other = ObjectPool(8), ObjectPool(8)
    cache = pool.cache()
    theirs = other.cache().acquire()
    assert cache.release(theirs) is PoolVerdict.POOL_FOREIGN
    assert other.is_live(theirs)
    for number in (0, 1, 2**64 - 1):
        assert cache.release(number) is PoolVerdict.POOL_FOREIGN
        assert not pool.is_live(number)


def test_record_keeps_its_bytes_while_live_and_is_denied_after():
    pool = ObjectPool(4, 24)
    with pool.cache() as cache:
        handle = cache.acquire()
        record = pool.record(handle)
        assert len(record) == pool.record_bytes == 24
        record[:3] = b"abc"
        assert bytes(pool.record(handle)[:3]) == b"abc"
        cache.release(handle)
        with pytest.raises(KeyError, match="is not live in this pool"):
            pool.record(handle)


def test_records_do_not_overlap():
    pool = ObjectPool(50, 100)
    cache = pool.cache()
    handles = [cache.acquire() for _ in range(50)]
    for number, handle in enumerate(handles):
        pool.record(handle)[:] = bytes([number]) * 100
    assert all(bytes(pool.record(handle)) == bytes([number]) * 100 for number, handle in enumerate(handles))


def test_record_of_a_line_or_more_starts_on_a_line():
    pool = ObjectPool(3, 65)
    cache = pool.cache()
    addresses = [np.frombuffer(pool.record(cache.acquire()), np.uint8).ctypes.data for _ in range(3)]
    assert all(address % 64 == 0 for address in addresses)


def test_view_of_a_record_outlives_the_pool():
    pool = ObjectPool(1, 8)
    record = pool.record(pool.cache().acquire())
    record[:] = b"bot4bot4"
    del pool
    gc.collect()
    assert bytes(record) == b"bot4bot4"


def test_closed_cache_gives_its_free_records_back():
    pool = ObjectPool(64)
    first, second = pool.cache(), pool.cache()
    handle = first.acquire()
    assert pool.statistics()["cached"] > 0
    first.close()
    assert sum(second.acquire() is not None for _ in range(64)) == 63
    assert second.release(handle) is PoolVerdict.POOL_OK
    with pytest.raises(ValueError, match="this cache is closed"):
        first.acquire()


def test_cache_of_a_thread_is_given_back_when_the_thread_ends():
    pool = ObjectPool(64)
    handles = []
    thread = threading.Thread(target=lambda: handles.append(pool.local().acquire()))
    thread.start()
    thread.join()
    gc.collect()
    assert pool.statistics()["cached"] == 0
    assert sum(pool.local().acquire() is not None for _ in range(64)) == 63
    assert pool.local() is pool.local()


def test_counters_of_closed_caches_are_kept():
    pool = ObjectPool(4)
    with pool.cache() as cache:
        handle = cache.acquire()
        cache.release(handle)
        cache.release(handle)
    figures = pool.statistics()
    assert (figures["acquired"], figures["released"], figures["refused"], figures["live"]) == (1, 1, 1, 0)


def test_pool_whose_caches_form_a_cycle_is_collected_without_harm():
    for _ in range(50):
        pool = ObjectPool(16)
        pool.local().acquire()
        del pool
    gc.collect()


def test_arrays_of_handles_are_acquired_and_released_at_once():
    pool = ObjectPool(10)
    cache = pool.cache()
    handles = np.zeros(16, np.uint64)
    assert cache.acquire_into(handles) == 10
    assert cache.release_all(handles) == 6  # the six zeros
    assert cache.release_all(handles[:10]) == 10


def test_named_defaults_hold_what_they_say():
    assert (object_pool.ORDERS, object_pool.SIGNALS, object_pool.TICKS) == (10_000, 100_000, 1_000_000)
    pool = ObjectPool(1_000_000, 8)  # a million orders, by configuration
    handles = np.zeros(1_000_001, np.uint64)
    assert pool.cache().acquire_into(handles) == 1_000_000


def test_pool_refuses_sizes_out_of_range():
    for capacity in (0, (1 << 24) + 1):
        with pytest.raises(ValueError, match=f"capacity must be from 1 to 16777216, was {capacity}"):
            ObjectPool(capacity)
    for record_bytes in (0, 65537):
        with pytest.raises(ValueError, match=f"record_bytes must be from 1 to 65536, was {record_bytes}"):
            ObjectPool(1, record_bytes)
