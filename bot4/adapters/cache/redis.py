"""The cache in Redis. Only a cache: a server that does not answer costs a miss, is counted, and left alone a while."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot4.domain.errors import ConfigError
from bot4.ports.cache import CacheFigures

if TYPE_CHECKING:
    from collections.abc import Callable


class RedisCache:
    """Values in a Redis server.

    Parameters
    ----------
    url : str
        ``redis://host:port/0``, ``rediss://...`` or ``unix://...``.
    clock_s : callable
        Monotonic seconds.
    prefix : str
        Before every key, so that a server may be shared.
    timeout_s : float
        For a connection and for an answer.
    pause_s : float
        After a failure the server is not asked again for so long: every call in between is a miss at once.
    bytes_max : int
        A larger value is not kept.

    How much the server keeps, and what it evicts, is the server's setting (``maxmemory``). Any thread.

    Raises
    ------
    ConfigError
        The URL is none of Redis. A server that is not there is no error: see above.

    """

    def __init__(
        self,
        url: str,
        *,
        clock_s: Callable[[], float],
        prefix: str = "bot4:",
        timeout_s: float = 0.5,
        pause_s: float = 5.0,
        bytes_max: int = 16 * 1024 * 1024,
    ) -> None:
        try:
            self._client = redis.Redis.from_url(
                url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
            )
        except ValueError as error:
            raise ConfigError(f"the cache's address cannot be used: {error}") from None
        self._clock_s = clock_s
        self._prefix = prefix
        self._pause_s = pause_s
        self._bytes_max = bytes_max
        self._silent_until_s = float("-inf")
        self._hits = self._misses = self._stores = self._failures = 0
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        """Return the value, or None."""
        value = self._ask(lambda: self._client.get(self._prefix + key))
        with self._lock:
            if isinstance(value, bytes):
                self._hits += 1
                return value
            self._misses += 1
            return None

    def put(self, key: str, value: bytes, *, ttl_s: float) -> bool:
        """Keep a value; False where it is too large, its time is over, or the server did not take it."""
        milliseconds = round(ttl_s * 1_000)
        if len(value) > self._bytes_max or milliseconds < 1:
            self.forget(key)
            return False
        if not self._ask(lambda: self._client.set(self._prefix + key, value, px=milliseconds)):
            return False
        with self._lock:
            self._stores += 1
        return True

    def forget(self, key: str) -> None:
        """Drop a value."""
        self._ask(lambda: self._client.delete(self._prefix + key))

    def figures(self) -> CacheFigures:
        """Return what it did so far; evictions are the server's and not known here."""
        with self._lock:
            return CacheFigures(self._hits, self._misses, self._stores, 0, self._failures)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, call: Callable[[], object]) -> object:
        with self._lock:
            if self._clock_s() < self._silent_until_s:
                return None
        try:
            return call()
        except redis.RedisError:
            with self._lock:
                self._failures += 1
                self._silent_until_s = self._clock_s() + self._pause_s
            return None
