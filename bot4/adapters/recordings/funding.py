"""Funding rates from plain CSV: ``ts,funding_rate`` (milliseconds), or the venue's dump with ``calc_time``."""

from __future__ import annotations

import csv
import gzip
import io
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np

from bot4.domain.errors import DataError, NoInputError
from bot4.dto.rows import Rows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_COLUMNS = (("ts", "funding_rate"), ("calc_time", "last_funding_rate"))
_MS = 1_000_000
_E8 = Decimal(10**8)


def read_funding(path: Path) -> NDArray[np.void]:
    """Read settlements, oldest first; a rate is exact in parts of 10^8, as the venue tells it.

    Raises
    ------
    NoInputError
        The file cannot be read.
    DataError
        It is not what it should be; the message names the row.

    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw).decode("ascii")
    except OSError as error:
        raise NoInputError(f"{path} cannot be read: {error}") from None
    except (EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no table of funding rates: {error}") from None
    lines = csv.DictReader(io.StringIO(text))
    named = next((pair for pair in _COLUMNS if set(pair) <= set(lines.fieldnames or ())), None)
    if named is None:
        raise DataError(f"{path} is no table of funding rates: its columns are {lines.fieldnames}")
    rows = [_row(path, number, line[named[0]], line[named[1]]) for number, line in enumerate(lines, 2)]
    found = np.array(rows, Rows.FUNDING)
    if (np.diff(found["time_ns"]) <= 0).any():
        row = int((np.diff(found["time_ns"]) <= 0).argmax())
        raise DataError(f"{path} row {row + 3}: a settlement at or before the one in front of it")
    return found


def _row(path: Path, number: int, stamp: str | None, rate: str | None) -> tuple[int, int, int]:
    try:
        parts = Decimal(rate or "") * _E8
        time_ns = int(stamp or "") * _MS
    except (InvalidOperation, ValueError):
        raise DataError(f"{path} row {number}: {stamp!r}, {rate!r} are no stamp and rate") from None
    if not parts.is_finite() or parts != parts.to_integral_value() or abs(parts) > _E8:
        raise DataError(f"{path} row {number}: a rate of {rate} is not in whole parts of 10^8 within -1 and 1")
    return time_ns, int(parts), 0
