"""What an input can tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputShape:
    """What the input can tell: whether it has a book, and the length of its bars where it is nothing but bars.

    ``has_bars`` where there are bars beside something else: then a strategy is told of no others.
    ``plays_bars`` where nobody else tells the paper venue what happened inside them.
    """

    has_book: bool = True
    bar_interval_ns: int | None = None
    plays_bars: bool = False
    has_bars: bool = False
