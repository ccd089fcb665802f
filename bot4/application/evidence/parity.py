"""Parity: what several runs over one recording decided and what of it was filled, compared row by row.

Order ids are left out: they count a journal's records, and a run through a venue journals more of them. So are the
venue's own stamps, which come in milliseconds by the wire; the times compared are those of the engine, in nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.mem.records import ORDER_DTYPE
from bot4._core.types import EventKind, IntentAction

if TYPE_CHECKING:
    from pathlib import Path

    from bot4.application.backtest.result import BacktestResult

_ORDER_WORDS = ("ts_ns", "side", "type", "tif", "flags", "price_ticks", "qty_lots")
_FILL_WORDS = ("recv_ns", "side", "price_ticks", "qty_lots", "trade_id", "fee_atoms", "is_maker")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Orders and fills of one run, oldest first; a fill begins with the place of its order among them."""

    name: str
    orders: tuple[tuple[int, ...], ...]
    fills: tuple[tuple[int, ...], ...]


def outcome_of_journal(name: str, journal: Path) -> Outcome:
    """Read a run's orders and fills from its journal."""
    with JournalReader(journal) as reader:
        intents = np.frombuffer(reader.payloads(JournalKind.JOURNAL_INTENT), INTENT_DTYPE)
    with JournalReader(journal) as reader:
        updates = np.frombuffer(reader.payloads(JournalKind.JOURNAL_UPDATE), EVENT_DTYPE)
    placed = intents[intents["action"] == IntentAction.ACTION_PLACE]
    return _outcome(name, placed, updates[updates["kind"] == EventKind.EVENT_ORDER_FILL])


def outcome_of_backtest(result: BacktestResult) -> Outcome:
    """Read a backtest's orders and fills."""
    return _outcome("backtest", result.orders, result.fills)


def _outcome(name: str, placed: np.ndarray[Any, Any], fills: np.ndarray[Any, Any]) -> Outcome:
    places = {int(order_id): place for place, order_id in enumerate(placed["order_id"])}
    rows = fills.view(ORDER_DTYPE)
    return Outcome(
        name,
        tuple(tuple(int(row[word]) for word in _ORDER_WORDS) for row in placed),
        tuple(
            (places[int(row["order_id"])], *(int(row[word]) for word in _FILL_WORDS[:-1]), int(row["flags"]) >> 7 & 1)
            for row in rows
        ),
    )


def first_difference(first: Outcome, other: Outcome) -> str | None:
    """Return where two runs part, in words; None where every order and every fill is the same."""
    for what, words, ours, theirs in (
        ("order", _ORDER_WORDS, first.orders, other.orders),
        ("fill", ("order", *_FILL_WORDS), first.fills, other.fills),
    ):
        for place, (left, right) in enumerate(zip(ours, theirs, strict=False)):
            if left != right:
                parts = ", ".join(
                    f"{word} {a} and {b}" for word, a, b in zip(words, left, right, strict=True) if a != b
                )
                return f"{what} {place + 1} of {first.name} and of {other.name} differ: {parts}"
        if len(ours) != len(theirs):
            return f"{first.name} has {len(ours)} {what}s, {other.name} {len(theirs)}"
    return None
