"""Bars from plain CSV: ts (of the open, milliseconds), open, high, low, close, volume; further columns may follow."""

from __future__ import annotations

import gzip
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot4.domain.errors import DataError, NoInputError
from bot4.dto.rows import Rows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bot4.domain.instrument import Instrument

FORMAT = "plain bars CSV"
PRICES = ("open", "high", "low", "close")
_HEADER = ("ts", "open", "high", "low", "close", "volume")
_MS = 1_000_000
# How far a figure that was once a float may lie from its place on the grid, in steps.
_OFF_GRID = 1e-4
_FLOAT_ERROR = 2.0**-50


class OffGridError(DataError):
    """A figure between two steps of the grid it is counted in; `grid` is ``tick_size`` or ``lot_size``."""

    def __init__(self, message: str, grid: str) -> None:
        super().__init__(message)
        self.grid = grid


@dataclass(frozen=True, slots=True)
class BarsFile:
    """Bars of one instrument, and what a reader has to know of them."""

    rows: NDArray[np.void]
    interval_ns: int
    notes: tuple[str, ...]


def is_ohlcv(path: Path) -> bool:
    """Whether a file begins with the header of plain bars."""
    try:
        return _first_line(path).startswith(",".join(_HEADER))
    except (OSError, EOFError, UnicodeDecodeError, zlib.error):
        return False


def _first_line(path: Path) -> str:
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    if is_gzip:
        with gzip.open(path, "rt", encoding="ascii") as text:
            return text.readline()
    with path.open(encoding="ascii") as text:
        return text.readline()


def read_ohlcv(path: Path, instrument: Instrument) -> BarsFile:
    """Read bars onto an instrument's grid.

    Gaps are noted. Nothing is mended: bars that are out of order or twice there, a high below a low, a price between
    two ticks are errors that name the first such row.

    Raises
    ------
    NoInputError
        The file cannot be read.
    DataError
        It is not what it should be.

    """
    by_name = read_table(path)
    if len(by_name["ts"]) < 2:  # noqa: PLR2004 - the length of a bar is the distance of two
        raise DataError(f"{path} holds fewer than two bars")
    rows = np.zeros(len(by_name["ts"]), Rows.BARS)
    for name in PRICES:
        rows[f"{name}_ticks"] = _steps(path, name, by_name[name], float(instrument.tick_size))
    rows["volume_lots"] = _steps(path, "volume", by_name["volume"], float(instrument.lot_size))
    if "taker_base" in by_name:
        rows["taker_buy_lots"] = _steps(path, "taker_base", by_name["taker_base"], float(instrument.lot_size))
    if "trades" in by_name:
        rows["trade_count"] = by_name["trades"]
    opens = by_name["ts"].astype(np.int64)
    interval_ms = _interval(path, opens)
    rows["open_ns"] = opens * _MS
    rows["close_ns"] = (opens + interval_ms) * _MS
    _check_shape(path, rows)
    missing = int((np.diff(opens) // interval_ms - 1).sum())
    notes = (f"{path.name}: {missing} bars are missing between the first and the last",) if missing else ()
    return BarsFile(rows, interval_ms * _MS, notes)


def read_table(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read the columns of a table of bars as they are.

    Raises
    ------
    NoInputError
        The file cannot be read.
    DataError
        It is no table of numbers, or has no row.

    """
    try:
        columns = _first_line(path).strip().split(",")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a file without rows, which is told below
            table = np.atleast_2d(np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float64))
        if table.size == 0:
            raise DataError(f"{path} holds fewer than two bars")
        if not np.isfinite(table[:, 0]).all():
            raise DataError(f"{path} row {int(np.isfinite(table[:, 0]).argmin()) + 2}: the time is no number")
        return dict(zip(columns, table.T, strict=True))
    except OSError as error:
        raise NoInputError(f"{path} cannot be read: {error}") from None
    except (ValueError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is no table of bars: {error}") from None


def off_steps(values: NDArray[np.float64], step: float) -> NDArray[np.bool_]:
    """Mark the figures that are no multiple of a step, as far as a figure that was once a float can tell."""
    steps = np.rint(values / step)
    return ~(np.abs(values / step - steps) <= _OFF_GRID + np.abs(steps) * _FLOAT_ERROR)


def _steps(path: Path, name: str, values: NDArray[np.float64], step: float) -> NDArray[np.int64]:
    off = off_steps(values, step)
    if off.any():
        row = int(off.argmax())
        raise OffGridError(
            f"{path} row {row + 2}: {name} {values[row]:.12g} is not a multiple of {step:.12g}: give the rules of its "
            "time with --instrument, or import it (`bot4 data import` takes the finer grid)",
            "tick_size" if name in PRICES else "lot_size",
        )
    return np.rint(values / step).astype(np.int64)


def _interval(path: Path, opens: NDArray[np.int64]) -> int:
    steps = np.diff(opens)
    if (steps <= 0).any():
        row = int((steps <= 0).argmax())
        raise DataError(f"{path} row {row + 3}: a bar at or before the one in front of it")
    lengths, counts = np.unique(steps, return_counts=True)
    interval_ms = int(lengths[counts.argmax()])
    if (steps % interval_ms).any():
        row = int((steps % interval_ms != 0).argmax())
        raise DataError(f"{path} row {row + 3}: a bar that is not a multiple of {interval_ms} ms after the last")
    return interval_ms


def _check_shape(path: Path, rows: NDArray[np.void]) -> None:
    body = np.stack([rows["open_ticks"], rows["close_ticks"]])
    bad = (rows["low_ticks"] > body.min(axis=0)) | (rows["high_ticks"] < body.max(axis=0)) | (rows["low_ticks"] <= 0)
    bad |= rows["volume_lots"] < 0
    if bad.any():
        raise DataError(f"{path} row {int(bad.argmax()) + 2}: open, high, low, close and volume make no bar")
