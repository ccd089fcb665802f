"""The words of a shard's view by their names."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from bot4._core.engine.lane_state import BookSource

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = (
    "now_ns",
    "events",
    "messages",
    "breaker_word",
    "journal_errno",
    "is_stopping",
    "clock_backs",
    "clock_jumps",
    "controls",
    "closed_gates",
    "unknown_orders",
    "reports",
)
_LANE = (
    "bid_ticks",
    "bid_lots",
    "ask_ticks",
    "ask_lots",
    "position_lots",
    "working_orders",
    "score",
    "equity_low",
    "equity_high",
    "last_price_ticks",
    "intents",
    "fills",
    "refusals",
    "source",
    "needs_snapshot",
    "latches",
)


def shown(words: Sequence[int], symbols: Sequence[str], *, head_words: int, lane_words: int) -> dict[str, Any]:
    """Return a view as a dict, with ``lanes``, a list of dicts of raw integers; none of a lane not shown yet.

    Parameters
    ----------
    words : sequence of int
        As the shard wrote them, unsigned, 64 bits each.
    symbols : sequence of str
        Of the lanes.
    head_words, lane_words : int
        Words before the first lane, and of each.

    """
    view: dict[str, Any] = dict(zip(_HEAD, words, strict=False))
    view["lanes"] = [
        lane
        for index, symbol in enumerate(symbols)
        if (lane := _lane(words[head_words + index * lane_words :][:lane_words], symbol))
    ]
    for index, lane in enumerate(view["lanes"]):
        lane["is_gate_open"] = not view["closed_gates"] >> index & 1
    return view


def _lane(words: Sequence[int], symbol: str) -> dict[str, Any]:
    lane: dict[str, Any] = dict(zip(_LANE, words, strict=False))
    if not lane:
        return lane
    (lane["score"],) = struct.unpack("<d", struct.pack("<Q", lane["score"]))
    lane["symbol"] = symbol
    lane["position_lots"] = _signed(lane["position_lots"])
    lane["equity_atoms"] = _signed(lane.pop("equity_high")) << 64 | lane.pop("equity_low")
    lane["source"] = str(BookSource(lane["source"]).name).removeprefix("SOURCE_").lower()
    return lane


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
