"""Slow twin of the bars of longer intervals: which bars there are, and with which input each is finished."""

from __future__ import annotations

from collections.abc import Sequence

from oracles.ta_walks import Row


def merged(parts: Sequence[Row], start_ns: int, interval_ns: int) -> Row:
    """One bar of the bars that open in it."""
    return (
        parts[0][0],
        max(bar[1] for bar in parts),
        min(bar[2] for bar in parts),
        parts[-1][3],
        *(sum(bar[place] for bar in parts) for place in (4, 5, 6)),
        start_ns,
        start_ns + interval_ns,
    )


def longer_bars(bars: Sequence[Row], interval_ns: int) -> list[tuple[int, Row]]:
    """Each bar of the longer interval that has ended, with the index of the input that ended it.

    It ends with the first bar that closes at its end or later, or that opens there; until one comes, it does not.
    """
    ended = []
    starts = sorted({bar[7] // interval_ns * interval_ns for bar in bars})
    for start_ns in starts:
        end_ns = start_ns + interval_ns
        parts = [bar for bar in bars if start_ns <= bar[7] < end_ns]
        by = next(
            (i for i, bar in enumerate(bars) if bar[7] >= end_ns or (bar[7] >= start_ns and bar[8] >= end_ns)), None
        )
        if by is not None:
            ended.append((by, merged(parts, start_ns, interval_ns)))
    return ended
