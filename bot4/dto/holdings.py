"""What an archive of market data holds, and what an import did: the shapes behind the tables and their JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of data of one instrument.

    Attributes
    ----------
    kind : str
        ``capture``, ``trades``, ``agg_trades``, or the length of its bars: ``1m``, ``1h``, ``1d``.
    first_ns, last_ns : int
        First and last stamp, nanoseconds UTC; of bars, the first open and the last close.
    rows : int
        Trades or bars; of captures, messages.
    gaps : int
        Places where rows are missing, inside its files and between them.
    missing : int
        Rows that are missing there, where that can be counted.
    bytes : int
        On the disk.
    sources : tuple of str
        Names of the files it came from.

    """

    venue: str
    market: str
    symbol: str
    kind: str
    first_ns: int
    last_ns: int
    rows: int
    gaps: int
    missing: int
    bytes: int
    sources: tuple[str, ...]

    @property
    def name(self) -> str:
        """What `bot4 backtest` knows it by.

        >>> Holding("binance", "spot", "BTCUSDT", "1h", 0, 1, 1, 0, 0, 1, ()).name
        'spot/BTCUSDT@1h'
        """
        return f"{self.market + '/' if self.market else ''}{self.symbol}@{self.kind}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"name": self.name, **asdict(self)}


@dataclass(slots=True)
class ImportedFile:
    """What became of one file.

    Attributes
    ----------
    outcome : str
        ``imported``, ``known`` (every row was there already), ``rules`` (instrument rules, which hold no data) or
        ``refused``.
    rows_new : int
        Rows the archive did not have.
    defects : dict of str to int
        By kind, as `bot4 data check` counts them.
    error : str
        Why it was refused.

    """

    path: str
    outcome: str = "imported"
    names: list[str] = field(default_factory=list)
    rows: int = 0
    rows_new: int = 0
    defects: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: str = ""
    exit_code: int = 0


@dataclass(slots=True)
class ImportReport:
    """What became of every file."""

    archive: str
    files: list[ImportedFile] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 where every file is in the archive now, else the code of the first that is not."""
        return next((file.exit_code for file in self.files if file.exit_code), 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"exit_code": self.exit_code, **asdict(self)}
