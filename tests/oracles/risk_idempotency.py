"""Slow twin of the idempotency store: one dictionary, every rule by its words."""

from __future__ import annotations

NEW, DUPLICATE, FULL, INVALID = range(4)
ABSENT, OPEN, CLOSED = range(3)


class TwinStore:
    """`ids` maps each id to None while open, else to its time of expiry."""

    def __init__(self, *, capacity: int, ttl_ns: int) -> None:
        self.capacity = capacity
        self.ttl_ns = ttl_ns
        self.now_ns = 0
        self.ids: dict[bytes, int | None] = {}

    def advance(self, now_ns: int) -> None:
        self.now_ns = max(self.now_ns, now_ns)

    def drop_expired(self) -> None:
        self.ids = {key: end for key, end in self.ids.items() if end is None or end > self.now_ns}

    def insert(self, client_id: bytes, now_ns: int) -> int:
        if not 1 <= len(client_id) <= 36:
            return INVALID
        self.advance(now_ns)
        self.drop_expired()
        if client_id in self.ids:
            if self.ids[client_id] is not None:
                self.ids[client_id] = self.now_ns + self.ttl_ns
            return DUPLICATE
        if len(self.ids) == self.capacity:
            return FULL
        self.ids[client_id] = None
        return NEW

    def lookup(self, client_id: bytes, now_ns: int) -> int:
        if client_id not in self.ids:
            return ABSENT
        end = self.ids[client_id]
        if end is None:
            return OPEN
        return CLOSED if end > max(self.now_ns, now_ns) else ABSENT

    def close(self, client_id: bytes, now_ns: int) -> int:
        before = self.lookup(client_id, now_ns)
        self.advance(now_ns)
        if before == OPEN:
            self.ids[client_id] = self.now_ns + self.ttl_ns
        return before
