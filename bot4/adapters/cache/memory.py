"""The cache of this process: bounded in entries and in bytes, the value that was not asked for longest goes first."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from bot4.ports.cache import CacheFigures

if TYPE_CHECKING:
    from collections.abc import Callable


class MemoryCache:
    """Values in a dictionary.

    Parameters
    ----------
    clock_s : callable
        Monotonic seconds.
    entries_max : int
        Values at a time.
    bytes_max : int
        Sum of the values' lengths. A single value above it is not kept.

    When full, the least recently used value goes. Any thread.

    >>> cache = MemoryCache(lambda: 0.0, entries_max=2)
    >>> [cache.put(name, b"x", ttl_s=1) for name in "abc"]
    [True, True, True]
    >>> cache.get("a"), cache.get("c"), cache.figures().evictions
    (None, b'x', 1)

    """

    def __init__(
        self, clock_s: Callable[[], float], *, entries_max: int = 65_536, bytes_max: int = 256 * 1024 * 1024
    ) -> None:
        if entries_max < 1 or bytes_max < 1:
            raise ValueError(f"entries_max and bytes_max must be at least 1, were {entries_max} and {bytes_max}")
        self._clock_s = clock_s
        self._entries_max = entries_max
        self._bytes_max = bytes_max
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self._hits = self._misses = self._stores = self._evictions = 0
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        """Return the value, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None and found[0] > self._clock_s():
                self._hits += 1
                self._kept.move_to_end(key)
                return found[1]
            if found is not None:
                self._drop(key)
            self._misses += 1
            return None

    def put(self, key: str, value: bytes, *, ttl_s: float) -> bool:
        """Keep a value; False where it is larger than the whole cache or its time is over already."""
        with self._lock:
            if key in self._kept:
                self._drop(key)
            if len(value) > self._bytes_max or not ttl_s > 0:
                return False
            self._kept[key] = (self._clock_s() + ttl_s, value)
            self._bytes += len(value)
            self._stores += 1
            while len(self._kept) > self._entries_max or self._bytes > self._bytes_max:
                self._drop(next(iter(self._kept)))
                self._evictions += 1
            return True

    def forget(self, key: str) -> None:
        """Drop a value."""
        with self._lock:
            if key in self._kept:
                self._drop(key)

    def figures(self) -> CacheFigures:
        """Return what it did so far."""
        with self._lock:
            return CacheFigures(self._hits, self._misses, self._stores, self._evictions, 0)

    def close(self) -> None:
        """Drop everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _drop(self, key: str) -> None:
        self._bytes -= len(self._kept.pop(key)[1])
