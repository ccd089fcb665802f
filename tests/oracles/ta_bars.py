"""Slow twin of the time-bar builder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oracles.ta_walks import Row


def finished_bars(trades: Sequence[Row], interval_ns: int) -> tuple[list[Row], int]:
    """Bars that these trades finish, and how many trades came too late; the bar still open is left out.

    A trade is late where its interval is before the latest one seen: so each interval's trades are simply those that
    arrived before any later interval began.
    """
    groups: dict[int, list[Row]] = {}
    late = 0
    latest = -1
    for trade in trades:
        interval = trade[3] // interval_ns
        if interval < latest:
            late += 1
            continue
        latest = interval
        groups.setdefault(interval, []).append(trade)
    groups.pop(latest, None)
    bars = []
    for interval, group in sorted(groups.items()):
        prices = [trade[0] for trade in group]
        bars.append((
            prices[0], max(prices), min(prices), prices[-1], sum(trade[1] for trade in group),
            sum(trade[1] for trade in group if not trade[2]), len(group), interval * interval_ns,
            (interval + 1) * interval_ns,
        ))  # fmt: skip
    return bars, late
