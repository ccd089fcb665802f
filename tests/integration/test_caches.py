"""What every cache does: the same tests in this process and over a real Redis; and a server that goes away."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import pytest
from builders.servers import free_port

from bot4.adapters.cache.memory import MemoryCache
from bot4.domain.errors import ConfigError
from bot4.ports.cache import CacheFigures


@pytest.fixture(params=["memory", "redis"])
def cache(request):
    if request.param == "memory":
        yield MemoryCache(time.monotonic, bytes_max=16 * 1024 * 1024)
        return
    url = request.getfixturevalue("redis_url")
    from bot4.adapters.cache.redis import RedisCache  # noqa: PLC0415 - an extra

    made = RedisCache(url, clock_s=time.monotonic, prefix=f"{uuid4().hex}:", timeout_s=5.0)
    yield made
    made.close()


def test_a_value_is_kept_for_its_time(cache):
    assert cache.get("a") is None
    assert cache.put("a", b"1", ttl_s=60)
    assert cache.put("b", b"2", ttl_s=0.05)
    assert cache.get("a") == b"1"
    time.sleep(0.1)
    assert cache.get("b") is None
    assert cache.get("a") == b"1"
    assert cache.figures() == CacheFigures(hits=2, misses=2, stores=2, evictions=0, failures=0)


def test_the_newer_value_wins_and_a_dropped_one_is_gone(cache):
    cache.put("a", b"1", ttl_s=60)
    cache.put("a", bytes(range(256)), ttl_s=60)
    assert cache.get("a") == bytes(range(256))
    cache.forget("a")
    cache.forget("never there")
    assert cache.get("a") is None


def test_a_value_too_large_or_without_time_is_not_kept_and_the_older_one_goes(cache):
    for value, ttl_s in ((bytes(17 * 1024 * 1024), 60), (b"x", 0), (b"x", -1)):
        assert cache.put("a", b"1", ttl_s=60)
        assert not cache.put("a", value, ttl_s=ttl_s)
        assert cache.get("a") is None


def test_threads_share_it(cache):
    failures = []

    def work(number: int) -> None:
        for step in range(50):
            key = f"{number % 2}-{step % 5}"
            cache.put(key, key.encode(), ttl_s=60)
            if cache.get(key) != key.encode():
                failures.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert cache.figures().stores == 200


def test_the_least_recently_used_value_goes_first_and_bytes_are_bounded():
    now = [0.0]
    cache = MemoryCache(lambda: now[0], entries_max=3, bytes_max=10)
    for key in "abc":
        cache.put(key, b"xx", ttl_s=10)
    cache.get("a")
    cache.put("d", b"xx", ttl_s=10)
    assert [cache.get(key) for key in "abcd"] == [b"xx", None, b"xx", b"xx"]
    cache.put("e", b"12345678", ttl_s=10)
    assert [cache.get(key) for key in "acde"] == [None, None, b"xx", b"12345678"]
    now[0] = 10.0
    assert cache.get("e") is None
    assert cache.figures().evictions == 3


@pytest.mark.parametrize("bounds", [{"entries_max": 0}, {"bytes_max": 0}])
def test_a_cache_without_room_is_refused(bounds):
    with pytest.raises(ValueError, match="must be at least 1"):
        MemoryCache(time.monotonic, **bounds)


def test_a_server_that_does_not_answer_costs_misses_is_counted_and_left_alone_a_while():
    redis = pytest.importorskip("redis")
    from bot4.adapters.cache.redis import RedisCache  # noqa: PLC0415 - an extra

    assert redis
    now = [0.0]
    cache = RedisCache(f"redis://127.0.0.1:{free_port()}/0", clock_s=lambda: now[0], timeout_s=0.2, pause_s=5.0)
    assert cache.get("a") is None
    assert not cache.put("a", b"1", ttl_s=60)
    assert cache.get("a") is None
    assert cache.figures() == CacheFigures(hits=0, misses=2, stores=0, evictions=0, failures=1)
    now[0] = 5.0
    assert cache.get("a") is None
    assert cache.figures().failures == 2
    cache.close()


def test_an_address_that_is_none_of_redis_is_a_setting_that_is_wrong():
    pytest.importorskip("redis")
    from bot4.adapters.cache.redis import RedisCache  # noqa: PLC0415 - an extra

    with pytest.raises(ConfigError, match="the cache's address cannot be used"):
        RedisCache("http://localhost", clock_s=time.monotonic)
