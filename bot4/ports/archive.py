"""Market data on its way into an archive: rows of a file, and what takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot4._core.array_dtypes import BAR_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bot4.domain.instrument import Instrument


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one instrument and kind.

    Attributes
    ----------
    kind : str
        ``trades``, ``agg_trades``, or the length of the bars.
    rows : ndarray
        Trades or bars as a backtest reads them, oldest first.
    keys : ndarray[int64]
        What tells a row from every other: a trade's id, a bar's open time. They rise.

    """

    kind: str
    rows: NDArray[np.void]
    keys: NDArray[np.int64]

    @property
    def span(self) -> tuple[int, int]:
        """First and last stamp; of bars the first open and the last close."""
        if self.rows.dtype == BAR_ROWS:
            return int(self.rows["open_ns"][0]), int(self.rows["close_ns"][-1])
        return int(self.rows["venue_ns"][0]), int(self.rows["venue_ns"][-1])

    def only(self, chosen: NDArray[np.bool_]) -> Piece:
        """Return the rows that are chosen."""
        return Piece(self.kind, self.rows[chosen], self.keys[chosen])


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file that is taken in: the digest of its content, its name and place, when, and what its check counted."""

    digest: str
    name: str
    path: str
    imported_utc: str
    format: str
    defects: str


@dataclass(frozen=True, slots=True)
class CaptureSeen:
    """What was counted in a capture."""

    messages: int
    first_ns: int
    last_ns: int
    gaps: int


class ArchiveWriter(Protocol):
    """What takes market data in."""

    @property
    def name(self) -> str:
        """What it is called in messages: a folder, or a store."""
        ...

    def holding(self, digest: str) -> tuple[tuple[str, ...], int] | None:
        """Return the names and rows that a file of this content gave; None where none was taken in."""
        ...

    def rules(self, instrument: Instrument) -> Instrument | None:
        """Return the rules that an instrument's rows there count in; None where there are none yet."""
        ...

    def unknown_rows(self, instrument: Instrument, piece: Piece) -> NDArray[np.bool_]:
        """Mark the rows that are not there yet; raises DataError or ConfigError where they contradict those there."""
        ...

    def add_rows(self, taken: TakenFile, instrument: Instrument, piece: Piece) -> int:
        """Keep rows; returns how many were new."""
        ...

    def add_capture(self, taken: TakenFile, path: Path, instruments: Sequence[Instrument], seen: CaptureSeen) -> None:
        """Keep a capture as it is."""
        ...
