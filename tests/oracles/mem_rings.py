"""Plain twins of the rings: a deque and counters."""

from __future__ import annotations

from collections import deque

GAP = "gap"


class RingTwin:
    """Bounded queue that refuses when full; the same for SPSC and MPMC, seen from one thread."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.held: deque[int] = deque()
        self.pushed = self.popped = self.rejected = 0

    def push(self, records: list[int]) -> int:
        """Take what fits; the rest is rejected."""
        taken = records[: self.capacity - len(self.held)]
        self.held.extend(taken)
        self.pushed += len(taken)
        self.rejected += len(records) - len(taken)
        return len(taken)

    def pop(self, n: int) -> list[int]:
        """Give the oldest, up to n."""
        given = [self.held.popleft() for _ in range(min(n, len(self.held)))]
        self.popped += len(given)
        return given


class LossyTwin:
    """The whole stream, of which the newest `capacity` can still be read."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.stream: list[int] = []
        self.position = self.dropped = self.gaps = 0

    def push(self, records: list[int]) -> None:
        self.stream.extend(records)

    def pop(self, n: int) -> list[int | tuple[str, int]]:
        """Up to n entries, gap marks included; nothing when n leaves no room for a mark and its record."""
        out: list[int | tuple[str, int]] = []
        while len(out) + 2 <= n and self.position < len(self.stream):
            oldest = max(self.position, len(self.stream) - self.capacity)
            if oldest > self.position:
                out.append((GAP, oldest - self.position))
                self.dropped += oldest - self.position
                self.gaps += 1
            out.append(self.stream[oldest])
            self.position = oldest + 1
        return out
