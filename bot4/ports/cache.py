"""A cache of bytes: what it forgets can be had again from where it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CacheFigures:
    """What a cache did since it was made. `failures`: calls its server did not answer, misses too."""

    hits: int
    misses: int
    stores: int
    evictions: int
    failures: int


class Cache(Protocol):
    """Values by key, each for its time. A miss is never an error, and neither is a server that does not answer."""

    def get(self, key: str) -> bytes | None:
        """Return the value, or None where there is none, it is too old, or the server did not answer."""
        ...

    def put(self, key: str, value: bytes, *, ttl_s: float) -> bool:
        """Keep a value for `ttl_s` seconds; False where it was not kept."""
        ...

    def forget(self, key: str) -> None:
        """Drop a value."""
        ...

    def figures(self) -> CacheFigures:
        """Return what it did so far."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...
