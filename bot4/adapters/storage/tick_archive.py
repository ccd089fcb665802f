"""Trades in the store's own tables as an archive: for data that many readers share, or that outgrows files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot4._core.array_dtypes import TRADE_ROWS
from bot4.adapters.storage.market_data import DAY_NS
from bot4.domain.errors import DataError, NoInputError
from bot4.dto.holdings import Holding
from bot4.ports.market_data import TICK_DTYPE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bot4.adapters.storage.market_data import SqlMarketData
    from bot4.domain.instrument import Instrument
    from bot4.ports.archive import CaptureSeen, Piece, TakenFile

KIND = "store"
"""What trades of the store are called behind the symbol: ``BTCUSDT@store``."""


class TickArchive:
    """Trades of one store, taken in and read back.

    Parameters
    ----------
    market : SqlMarketData
        The store's trades and bars.
    name : str
        What the store is called in messages.

    """

    def __init__(self, market: SqlMarketData, name: str) -> None:
        self._market = market
        self.name = name

    def holding(self, digest: str) -> tuple[tuple[str, ...], int] | None:
        """Return None: trades are known one by one, by stamp and id."""
        del digest
        return None

    def rules(self, instrument: Instrument) -> Instrument | None:
        """Return the instrument itself: the tables refuse another grid than theirs, and take no finer one."""
        return instrument

    def unknown_rows(self, instrument: Instrument, piece: Piece) -> NDArray[np.bool_]:
        """Mark every row: the tables find out which are new. Raises DataError for anything but trades."""
        if piece.kind != "trades":
            raise DataError(
                f"the store keeps trades and makes bars of them: {instrument.symbol}@{piece.kind} goes into a folder"
            )
        return np.ones(len(piece.keys), np.bool_)

    def add_rows(self, taken: TakenFile, instrument: Instrument, piece: Piece) -> int:
        """Keep trades; returns how many were new. Their bars are made."""
        del taken
        ticks = np.empty(len(piece.rows), TICK_DTYPE)
        ticks["ts_ns"], ticks["trade_id"] = piece.rows["venue_ns"], piece.keys
        ticks["price_ticks"], ticks["qty_lots"] = piece.rows["price_ticks"], piece.rows["qty_lots"]
        ticks["buyer_is_maker"] = piece.rows["taker_side"] == 1
        added = self._market.add_ticks(instrument, ticks)
        self._market.bars(instrument, DAY_NS, last=1)
        return added

    def add_capture(self, taken: TakenFile, path: Path, instruments: Sequence[Instrument], seen: CaptureSeen) -> None:
        """Refuse: a capture is a file."""
        del taken, instruments, seen
        raise DataError(f"{path} is a capture: the store keeps trades, a capture goes into a folder")

    def holdings(self) -> list[Holding]:
        """Return what there is: spans by index, rows by the bars of a day."""
        return [
            Holding(
                venue, kind, symbol, KIND, first_ns, last_ns, rows, gaps=0, missing=0, bytes=0, sources=(self.name,)
            )
            for venue, kind, symbol, first_ns, last_ns, rows in self._market.held()
        ]

    def rows(
        self, instrument: Instrument, *, from_ns: int | None, to_ns: int | None, limit: int | None = None
    ) -> NDArray[np.void]:
        """Return the trades of a period as a backtest reads them; raises NoInputError where there are none."""
        ticks = self._market.ticks(instrument, from_ns or 0, to_ns if to_ns is not None else 2**63 - 1, limit=limit)
        if len(ticks) == 0:
            raise NoInputError(f"{self.name} holds no trades of {instrument.symbol} of that period")
        rows = np.zeros(len(ticks), TRADE_ROWS)
        rows["venue_ns"] = rows["recv_ns"] = ticks["ts_ns"]
        rows["price_ticks"], rows["qty_lots"] = ticks["price_ticks"], ticks["qty_lots"]
        rows["taker_side"] = ticks["buyer_is_maker"]
        return rows
