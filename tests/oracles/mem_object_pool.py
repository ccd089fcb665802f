"""Plain twin of the object pool: sets of live and released handles, for any number of caches."""

from __future__ import annotations


class PoolTwin:
    """Says what each release must answer and whether an acquire may succeed; the compiled side picks the handle."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.live: set[int] = set()
        self.released: set[int] = set()

    def acquired(self, handle: int) -> None:
        """Take note of a handle given out; raises AssertionError where it must not have been."""
        assert handle not in self.live, "a live handle was given out again"
        assert handle not in self.released, "an old handle was given out again: its generation did not move"
        assert len(self.live) < self.capacity, "more records live than there are"
        self.live.add(handle)

    def verdict(self, handle: int) -> str:
        """What a release of `handle` must answer; takes it as released when that is POOL_OK."""
        if handle in self.live:
            self.live.remove(handle)
            self.released.add(handle)
            return "POOL_OK"
        return "POOL_NOT_LIVE" if handle in self.released else "POOL_FOREIGN"
