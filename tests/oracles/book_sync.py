"""Twin of bot4/_core/book/book_sync, message by message: the venues' rules over a dict book and a list of diffs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.event_dtype import EVENT_DTYPE
from oracles.book_order_book import OK, OrderBookTwin

if TYPE_CHECKING:
    from collections.abc import Iterable

AUTO, SPOT, FUTURES, IN_BAND = range(4)
(
    PENDING,
    BUFFERED,
    STALE,
    APPLIED,
    SNAPSHOT,
    IGNORED,
    SNAPSHOT_OLD,
    GAP,
    CROSSED,
    FULL,
    MALFORMED,
) = range(11)
WAITING, LIVE, LIVE_PARTIAL = range(3)

FLAG_FIRST, FLAG_LAST, FLAG_SNAPSHOT, FLAG_PARTIAL, FLAG_FUTURES = 1, 2, 4, 16, 32
DEPTH_BEGIN, DEPTH_LEVEL = 1, 2


@dataclass(frozen=True)
class Message:
    """A whole depth message; levels are (side, price_ticks, qty_lots)."""

    first_id: int
    last_id: int
    prev_id: int = -1
    levels: tuple[tuple[int, int, int], ...] = ()
    snapshot: bool = False
    partial: bool = False
    futures: bool = False


def message_events(message: Message) -> np.ndarray:
    """The events a scanner gives for a message."""
    flags = FLAG_SNAPSHOT * message.snapshot + FLAG_PARTIAL * message.partial + FLAG_FUTURES * message.futures
    last_id, count = message.last_id, len(message.levels)
    rows = [(DEPTH_BEGIN, 0, flags | FLAG_FIRST, 0, 0, 0, 0, message.first_id, last_id, message.prev_id, count, -1)]
    rows += [
        (DEPTH_LEVEL, side, flags, 0, 0, 0, 0, price, qty, last_id, index, 0)
        for index, (side, price, qty) in enumerate(message.levels)
    ]
    events = np.array(rows, EVENT_DTYPE)
    events["flags"][-1] |= FLAG_LAST
    return events


def stream_events(messages: Iterable[Message]) -> np.ndarray:
    """Events of a row of messages."""
    return np.concatenate([np.zeros(0, EVENT_DTYPE), *(message_events(message) for message in messages)])


@dataclass
class DepthSyncTwin:
    """A book that equals the venue's or is INVALID; bounds only on the buffer."""

    rule: int = AUTO
    buffer_messages: int = 1 << 12
    buffer_levels: int = 1 << 15
    book: OrderBookTwin = field(default_factory=OrderBookTwin)
    state: int = WAITING
    last_id: int = -1
    generation: int = 0
    buffer: list[Message] = field(default_factory=list)
    awaits_first: bool = False
    resync_due: bool = False
    counters: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            (
                "applied",
                "snapshots",
                "buffered",
                "dropped",
                "stale",
                "snapshots_old",
                "gaps",
                "crossed",
                "full",
                "malformed",
                "resyncs",
            ),
            0,
        )
    )

    def take(self, message: Message) -> list[int]:
        """Verdicts the message gives, PENDING left out: what is told at once, then what its end tells."""
        if message.snapshot or message.partial:
            return [self._take_snapshot(message)]
        return self._take_diff(message)

    def is_live(self) -> bool:
        return self.state != WAITING

    def needs_snapshot(self) -> bool:
        return self.state == WAITING or (self.state == LIVE_PARTIAL and bool(self.buffer))

    def invalidate(self) -> None:
        self.book.clear()
        self.state = WAITING
        self.last_id = -1
        self.generation += 1
        self.resync_due = True

    def reset(self) -> None:
        self.invalidate()
        self.buffer.clear()

    def judge(self, message: Message) -> int:
        if self.rule == IN_BAND:
            lost = message.prev_id >= 0 and self.last_id >= 0 and message.prev_id != self.last_id
            return GAP if lost else APPLIED
        if self.rule == FUTURES or (self.rule == AUTO and message.futures):
            if message.prev_id == self.last_id:
                return APPLIED
            if self.awaits_first and message.first_id <= self.last_id <= message.last_id:
                return APPLIED
            return STALE if message.last_id <= self.last_id else GAP
        if message.last_id <= self.last_id:
            return STALE
        return GAP if message.first_id > self.last_id + 1 else APPLIED

    def apply(self, message: Message) -> int:
        for side, price, qty in message.levels:
            if self.book.apply(side, price, qty) != OK:
                self.counters["malformed"] += 1
                self.invalidate()
                return MALFORMED
        self.last_id = message.last_id
        self.awaits_first = False
        self.counters["applied"] += 1
        if self.book.is_crossed():
            self.counters["crossed"] += 1
            self.invalidate()
            return CROSSED
        return APPLIED

    def _stale(self) -> int:
        self.counters["stale"] += 1
        return STALE

    def _take_diff(self, message: Message) -> list[int]:
        told: list[int] = []
        if self.rule == IN_BAND and self.state != LIVE:
            return [self._stale()]
        if self.rule != IN_BAND and message.first_id > message.last_id:
            self.counters["malformed"] += 1
            if self.state == LIVE:
                self.invalidate()
            return [MALFORMED]
        if self.state == LIVE:
            verdict = self.judge(message)
            if verdict == STALE:
                return [self._stale()]
            if verdict == APPLIED:
                return [self.apply(message)]
            self.counters["gaps"] += 1
            self.invalidate()
            told.append(GAP)
            if self.rule == IN_BAND:
                return [*told, self._stale()]
        self._keep(message)
        return [*told, BUFFERED]

    def _keep(self, message: Message) -> None:
        self.buffer.append(message)
        self.counters["buffered"] += 1
        while len(self.buffer) > self.buffer_messages or (
            sum(len(kept.levels) for kept in self.buffer) > self.buffer_levels
        ):
            self.buffer.pop(0)
            self.counters["dropped"] += 1

    def _take_snapshot(self, message: Message) -> int:
        if message.partial:
            if self.state == LIVE or (self.state == LIVE_PARTIAL and message.last_id < self.last_id):
                return self._stale()
        elif self.rule != IN_BAND:
            if message.last_id <= self.last_id and (self.state == LIVE or not self.buffer):
                return self._stale()
            if self.buffer and message.last_id < self.buffer[0].first_id:
                self.counters["snapshots_old"] += 1
                return SNAPSHOT_OLD
        self.book.clear()
        for side, price, qty in message.levels:
            if self.book.apply(side, price, qty) != OK:
                self.counters["malformed"] += 1
                self.invalidate()
                return MALFORMED
        self.counters["snapshots"] += 1
        if self.book.is_crossed():
            self.counters["crossed"] += 1
            self.invalidate()
            return CROSSED
        self.last_id = message.last_id
        self.awaits_first = True
        self.state = LIVE_PARTIAL if message.partial else LIVE
        verdict = SNAPSHOT if message.partial else self._replay()
        if verdict == SNAPSHOT:
            self.counters["resyncs"] += self.resync_due
            self.resync_due = False
        return verdict

    def _replay(self) -> int:
        while self.buffer:
            verdict = self.judge(self.buffer[0])
            if verdict == GAP:
                self.counters["gaps"] += 1
                self.invalidate()
                return GAP
            message = self.buffer.pop(0)
            if verdict == STALE:
                self._stale()
                continue
            verdict = self.apply(message)
            if verdict != APPLIED:
                return verdict
        return SNAPSHOT
