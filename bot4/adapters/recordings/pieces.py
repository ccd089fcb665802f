"""Rows of one file as an archive keeps them: an array a backtest reads in place, and a key for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot4._core.types import Flag
from bot4._core.wire.csv_rows import CsvRows
from bot4.adapters.recordings.ohlcv import OffGridError
from bot4.adapters.recordings.recording import RecordingFormat
from bot4.domain.errors import DataError
from bot4.dto.rows import Rows
from bot4.ports.archive import Piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bot4.adapters.recordings.recording import Recording
    from bot4.domain.instrument import Instrument

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_KINDS = {RecordingFormat.CSV_TRADES: "trades", RecordingFormat.CSV_AGG_TRADES: "agg_trades"}


def bars_kind(interval_ns: int) -> str:
    """Return what bars of a length are called.

    >>> bars_kind(3_600_000_000_000), bars_kind(90_000_000_000)
    ('1h', '90s')
    """
    seconds = interval_ns // 1_000_000_000
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def bars_piece(rows: NDArray[np.void]) -> Piece:
    """Return bars of one length as a piece."""
    interval_ns = int((rows["close_ns"] - rows["open_ns"]).min())
    return Piece(bars_kind(interval_ns), rows, np.ascontiguousarray(rows["open_ns"]))


def dump_piece(recording: Recording, instrument: Instrument, progress: Callable[[], None]) -> Piece:
    """Read a Binance dump that was checked.

    Raises
    ------
    OffGridError
        A figure lies off the instrument's grid.
    DataError
        It holds no row.

    """
    reader = CsvRows(recording.format.code, f"{instrument.tick_size:f}", f"{instrument.lot_size:f}")
    parts = []
    for chunk in recording.chunks():
        events, _, _ = reader.parse(chunk)
        parts.append(_bars(events) if recording.format is RecordingFormat.CSV_KLINES else _trades(events))
        progress()
    for verdict, grid in (("off_tick", "tick_size"), ("off_lot", "lot_size")):
        if count := reader.counts[verdict]:
            raise OffGridError(f"{recording.path}: {count:,} rows are off {grid} {getattr(instrument, grid):f}", grid)
    rows = np.concatenate([rows for rows, _ in parts]) if parts else np.empty(0, Rows.TRADES)
    if len(rows) == 0:
        raise DataError(f"{recording.path} holds no row")
    keys = np.concatenate([keys for _, keys in parts])
    return bars_piece(rows) if recording.format is RecordingFormat.CSV_KLINES else Piece(
        _KINDS[recording.format], rows, keys
    )  # fmt: skip


def _trades(events: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    rows = np.zeros(len(events), Rows.TRADES)
    rows["venue_ns"] = rows["recv_ns"] = events["venue_ns"]
    rows["price_ticks"], rows["qty_lots"] = events["a"], events["b"]
    rows["taker_side"] = events["flags"] & Flag.FLAG_BUYER_IS_MAKER != 0
    return rows, events["c"]


def _bars(events: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    prices, flow = events[::2], events[1::2]
    rows = np.zeros(len(flow), Rows.BARS)
    for name, column in zip(("open", "high", "low", "close"), "abcd", strict=True):
        rows[f"{name}_ticks"] = prices[column]
    rows["volume_lots"], rows["taker_buy_lots"], rows["trade_count"] = flow["a"], flow["b"], flow["c"]
    rows["open_ns"], rows["close_ns"] = flow["e"], flow["venue_ns"]
    return rows, flow["e"]
