"""What is kept of the market: trades and bars in fixed-point integers, with the grid they count in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from bot4.domain.instrument import Instrument

TICK_DTYPE = np.dtype(
    [
        ("ts_ns", "i8"),
        ("trade_id", "i8"),
        ("price_ticks", "i8"),
        ("qty_lots", "i8"),
        ("buyer_is_maker", "?"),
    ]
)
"""One trade: the venue's stamp in ns UTC and its trade id, price in ticks and quantity in lots of the data grid."""

BAR_DTYPE = np.dtype(
    [
        ("open_ns", "i8"),
        ("open_ticks", "i8"),
        ("high_ticks", "i8"),
        ("low_ticks", "i8"),
        ("close_ticks", "i8"),
        ("volume_lots", "i8"),
        ("taker_buy_lots", "i8"),
        ("trade_count", "i8"),
    ]
)
"""One bar by the time it opened, ns UTC."""


class MarketDataStore(Protocol):
    """Trades and bars of many instruments. Never on the trading path."""

    def add_ticks(self, instrument: Instrument, ticks: np.ndarray) -> int:
        """Keep trades, shape (n,), `TICK_DTYPE`, in any order; returns how many were new.

        A trade is known by its stamp and id: the same one again changes nothing.
        """
        ...

    def ticks(self, instrument: Instrument, from_ns: int, to_ns: int, *, limit: int | None = None) -> np.ndarray:
        """Return the trades of ``from_ns <= ts_ns < to_ns``, oldest first, `TICK_DTYPE`."""
        ...

    def bars(self, instrument: Instrument, interval_ns: int, *, last: int, before_ns: int | None = None) -> np.ndarray:
        """Return the `last` bars that opened before `before_ns` (None: the newest), oldest first, `BAR_DTYPE`."""
        ...

    def forget_before(self, ts_ns: int) -> int:
        """Drop trades older than `ts_ns` in whole partitions; bars stay. Returns the partitions that went."""
        ...
