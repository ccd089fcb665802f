"""What a check of recorded data found: the shapes behind the table on screen and the JSON for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# Every kind of defect and what it means; the documentation's table is checked against this one.
DEFECT_KINDS: dict[str, str] = {
    "damage": "the file ends early: truncated or corrupt compression, or a line beyond 64 MiB",
    "bad_line": "a line that is not of the file's format, or cut short",
    "refused": "a frame or row that is malformed, negative, overlong or of impossible values",
    "off_grid": "a price that is no multiple of the instrument's price step, or a quantity off the grid of its lots",
    "sequence_gap": "depth messages are missing: U is not the last u + 1 (spot), pu is not the last u (futures)",
    "out_of_order": "an update older than the one before it, or the same again",
    "duplicate": "a trade or bar that was there already",
    "trade_id_gap": "trade ids that do not follow each other",
    "missing_bar": "bars that should lie between two bars are not there",
    "crossed": "best bid at or above best ask after a whole message, or in a quote",
    "unjoined_snapshot": "a snapshot that the following diffs do not continue",
    "no_snapshot_before": "a book update before any snapshot of a venue that sends its own",
    "checksum": "the book's checksum differs from the venue's",
    "recv_backwards": "a receive stamp before the one of the line above",
    "venue_backwards": "a venue stamp before the last one of the same stream",
    "clock": "receive and venue stamp more than 60 s apart, or a receive stamp before its request",
    "inconsistent_rows": "rows of one message that disagree on stamp, symbol, stream or type; bars of other length",
}


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect and where it is: `line` counts from 1 in the decompressed file, 0 where it has no line.

    `times` is how often the line has it: one snapshot may hold many prices off the grid.
    """

    kind: str
    path: str
    line: int
    symbol: str
    detail: str
    times: int = 1

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.kind}: {self.symbol + ': ' if self.symbol else ''}{self.detail}"


@dataclass(slots=True)
class FileReport:
    """One file. `error` is set, with its exit code, where the file could not be checked at all."""

    path: str
    format: str = ""
    compression: str = ""
    venue: str = ""
    market: str = ""
    symbols: list[str] = field(default_factory=list)
    instruments_found: int = 0
    bytes: int = 0
    lines: int = 0
    messages: int = 0
    skipped_lines: int = 0
    first_ns: int = 0
    last_ns: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    defects: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: str = ""
    exit_code: int = 0


@dataclass(slots=True)
class InstrumentReport:
    """One instrument over all files. Levels are (price, quantity) texts, best first."""

    venue: str
    market: str
    symbol: str
    rules: str = ""
    messages: dict[str, int] = field(default_factory=dict)
    first_ns: int = 0
    last_ns: int = 0
    snapshots: int = 0
    sequence_gaps: int = 0
    trade_id_gaps: int = 0
    missing_bars: int = 0
    checksums_verified: int = 0
    checksums_failed: int = 0
    crossed_books: int = 0
    duplicates: int = 0
    stamps_backwards: int = 0
    off_grid: int = 0
    off_step_quantities: int = 0
    book: str = "none"
    bids: list[tuple[str, str]] = field(default_factory=list)
    asks: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class CheckReport:
    """Everything one check found. `defects` is bounded: `defects_total` counts those not listed too."""

    files: list[FileReport] = field(default_factory=list)
    instruments: list[InstrumentReport] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    defects_total: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether every file could be checked and none has a defect."""
        return self.defects_total == 0 and not any(file.error for file in self.files)

    @property
    def exit_code(self) -> int:
        """0 clean, 1 defects, else the code of the first file that could not be checked (65, 66, 78)."""
        unchecked = next((file.exit_code for file in self.files if file.error), 0)
        return unchecked or (1 if self.defects_total else 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, for JSON."""
        return {"clean": self.is_clean, "exit_code": self.exit_code, **asdict(self)}
