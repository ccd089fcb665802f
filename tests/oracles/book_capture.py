"""Recorded Binance streams read with plain json: as depth events, and rebuilt by the published rule into dicts.

Written apart from the project's scanner and synchronisation, so that the three can be held against each other.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.event_dtype import EVENT_DTYPE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST, LAST, SNAPSHOT, FUTURES = 1, 2, 4, 32
DEPTH_BEGIN, DEPTH_LEVEL = 1, 2


@dataclass
class DepthMessage:
    """One depth diff or snapshot; levels are (price text, quantity text)."""

    recv_ns: int
    is_snapshot: bool
    first_id: int
    last_id: int
    prev_id: int
    bids: list[list[str]]
    asks: list[list[str]]
    venue_ns: int


def read_depth_messages(*paths: Path) -> Iterator[DepthMessage]:
    """Depth messages of chained captures: lines of receive stamp, blank, raw JSON."""
    for path in paths:
        with gzip.open(path, "rt", encoding="ascii") as lines:
            for line in lines:
                stamp, _, text = line.partition(" ")
                is_snapshot = text.startswith('{"lastUpdateId"')
                if not is_snapshot and '"depthUpdate"' not in text[:120]:
                    continue
                body: dict[str, Any] = json.loads(text)
                body = body.get("data", body)
                yield DepthMessage(
                    recv_ns=int(stamp),
                    is_snapshot=is_snapshot,
                    first_id=body["lastUpdateId"] if is_snapshot else body["U"],
                    last_id=body["lastUpdateId"] if is_snapshot else body["u"],
                    prev_id=body.get("pu", -1),
                    bids=body["bids"] if is_snapshot else body["b"],
                    asks=body["asks"] if is_snapshot else body["a"],
                    venue_ns=body.get("E", 0) * 1_000_000,
                )


def exact_units(texts: list[str], decimals: int) -> np.ndarray:
    """Decimal texts as integers of 10**-decimals; raises where one lies off that grid."""
    given = len(texts[0].partition(".")[2]) if texts else decimals
    units = np.array([int(text.replace(".", "")) for text in texts], np.int64)
    if any(len(text.partition(".")[2]) != given for text in texts):
        raise ValueError("texts of one capture must have the same number of decimals")
    if given <= decimals:
        return units * 10 ** (decimals - given)
    scale = 10 ** (given - decimals)
    if np.any(units % scale):
        raise ValueError(f"a value is off the grid of {decimals} decimals")
    return units // scale


def depth_events(messages: list[DepthMessage], price_decimals: int, qty_decimals: int) -> np.ndarray:
    """The messages as the scanner would give them: ndarray[EVENT_DTYPE]."""
    sizes = [1 + len(message.bids) + len(message.asks) for message in messages]
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
    levels = [level for message in messages for level in (*message.bids, *message.asks)]
    events = np.zeros(sum(sizes), EVENT_DTYPE)
    is_level = np.ones(len(events), bool)
    is_level[starts] = False
    events["kind"] = np.where(is_level, DEPTH_LEVEL, DEPTH_BEGIN)
    events["a"][is_level] = exact_units([price for price, _ in levels], price_decimals)
    events["b"][is_level] = exact_units([qty for _, qty in levels], qty_decimals)
    for name, values in {
        "recv_ns": [message.recv_ns for message in messages],
        "venue_ns": [message.venue_ns for message in messages],
        "flags": [SNAPSHOT * m.is_snapshot + FUTURES * (m.prev_id >= 0) for m in messages],
    }.items():
        events[name] = np.repeat(values, sizes)
    events["side"] = np.concatenate([[0] * (1 + len(m.bids)) + [1] * len(m.asks) for m in messages])
    for name, values in {
        "a": [message.first_id for message in messages],
        "b": [message.last_id for message in messages],
        "c": [message.prev_id for message in messages],
        "d": [size - 1 for size in sizes],
        "e": [-1] * len(messages),
    }.items():
        events[name][starts] = values
    events["flags"][starts] |= FIRST
    events["flags"][starts + np.array(sizes) - 1] |= LAST
    return events


@dataclass
class Rebuild:
    """A book kept in two dicts of exact texts by the venue's published rule, and what was seen on the way."""

    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    last_id: int = -1
    applied: int = 0
    stale: int = 0
    gaps: int = 0
    crossed: int = 0

    def take(self, message: DepthMessage, price_decimals: int, qty_decimals: int) -> None:
        for side, levels in ((self.bids, message.bids), (self.asks, message.asks)):
            prices = exact_units([price for price, _ in levels], price_decimals)
            quantities = exact_units([qty for _, qty in levels], qty_decimals)
            for price, qty in zip(prices.tolist(), quantities.tolist(), strict=True):
                if qty:
                    side[price] = qty
                else:
                    side.pop(price, None)
        self.last_id = message.last_id
        if self.bids and self.asks and max(self.bids) >= min(self.asks):
            self.crossed += 1


def rebuild(messages: list[DepthMessage], price_decimals: int, qty_decimals: int) -> Rebuild:
    """Final book by the published rule: the snapshot first, then every diff that continues it."""
    book = Rebuild()
    snapshot = next(message for message in messages if message.is_snapshot)
    book.take(snapshot, price_decimals, qty_decimals)
    first = True
    for message in messages:
        if message.is_snapshot:
            continue
        futures = message.prev_id >= 0
        if message.last_id < snapshot.last_id + (not futures):
            book.stale += 1
            continue
        if futures:
            continues = (
                message.first_id <= snapshot.last_id <= message.last_id if first else message.prev_id == book.last_id
            )
        else:
            continues = message.first_id <= book.last_id + 1 <= message.last_id
        book.gaps += not continues
        book.take(message, price_decimals, qty_decimals)
        book.applied += 1
        first = False
    return book
