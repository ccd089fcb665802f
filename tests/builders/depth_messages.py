"""Snapshots and diffs by hand, and what a synchronisation says of them."""

from __future__ import annotations

import numpy as np
from oracles.book_sync import Message, message_events

from bot4._core.book.book_sync import SyncRule, SyncVerdict
from bot4._core.book.depth_sync import DepthSync

BUY, SELL = 0, 1
V = SyncVerdict
TOP = ((BUY, 100, 5), (BUY, 99, 6), (SELL, 102, 7), (SELL, 103, 8))


def take(sync: DepthSync, message: Message) -> list[SyncVerdict]:
    """The verdicts a message gives, SYNC_PENDING left out."""
    events = message_events(message)
    verdicts = np.zeros(len(events), np.uint8)
    sync.apply(events, verdicts)
    return [V(verdict) for verdict in verdicts.tolist() if verdict != V.SYNC_PENDING]


def snapshot(last_id: int, levels=TOP, **flags) -> Message:
    return Message(last_id, last_id, levels=levels, snapshot=True, **flags)


def diff(first_id: int, last_id: int, *levels: tuple[int, int, int]) -> Message:
    return Message(first_id, last_id, levels=levels)


def live_sync(last_id: int = 1000, rule: SyncRule = SyncRule.SYNC_RULE_AUTO, **sizes: int) -> DepthSync:
    sync = DepthSync(rule, **sizes)
    assert take(sync, snapshot(last_id)) == [V.SYNC_SNAPSHOT]
    return sync
