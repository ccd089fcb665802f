"""Feature vectors of rows that are kept: for each bar that ended what the engine's bank says then.

The bank is the one that decides in a run, so that what a model is fitted to is what it will be told. A vector is of the
bar's end and of nothing later. What needs quotes, the book or another instrument's price is not in it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.array_dtypes import BAR_ROWS, TRADE_ROWS
from bot4._core.ta.registry import FEATURES, FeatureClock
from bot4.domain.errors import ConfigError, DataError
from bot4.features.bank import BASE, open_bank

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bot4._core.ta.features import Features
    from bot4.config.features import FeaturesSettings
    from bot4.domain.instrument import Instrument

_OF_BARS = frozenset({FeatureClock.CLOCK_BAR})
_OF_TRADES = _OF_BARS | {FeatureClock.CLOCK_TRADE, FeatureClock.CLOCK_BUCKET}
_STEPS = 200


class VectorMaker:
    """Makes the vectors of one instrument's rows, once.

    Parameters
    ----------
    chosen : FeaturesSettings
        Which features, with which parameters. Of ``base`` and ``all`` those are left out that such rows cannot give.
    instrument : Instrument
        Whose ticks and lots the rows count in.
    interval_ns : int
        Length of the bars.
    of_trades : bool
        Whether rows are trades; else bars of that length.

    Raises
    ------
    ConfigError
        A feature that was named is unknown, lacks its parameters, or cannot be had from such rows.

    """

    def __init__(self, chosen: FeaturesSettings, instrument: Instrument, interval_ns: int, *, of_trades: bool) -> None:
        self._interval_ns = interval_ns
        named = chosen.names()
        select = "all" if chosen.select == "all" else named or BASE
        self._bank: Features = open_bank(chosen, instrument, interval_ns, select=select)
        clocks = _OF_TRADES if of_trades else _OF_BARS
        possible = {feature.name for feature in FEATURES if feature.clock in clocks}
        for name in named:
            if name not in possible:
                rows = "trades" if of_trades else "bars"
                raise ConfigError(f"feature {name} cannot be made of {rows} alone: it needs more of the market")
        self.names = tuple(name for name in self._bank.selected if name in possible)
        self._places = [self._bank.place(name) for name in self.names]

    def digest(self, warm_up_bars: int | None) -> str:
        """Return what tells these vectors from others of the same rows, where so many bars went before; None: all."""
        before = "all" if warm_up_bars is None else str(warm_up_bars)
        meaning = f"bars before {before}, {','.join(self.names)}, {self._bank.meaning}"
        return hashlib.sha256(meaning.encode()).hexdigest()[:32]

    def of_trades(
        self, rows: NDArray[np.void], *, goes_on: bool, progress: Callable[[int, int], None] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return when each bar of trades ended and its vector.

        Parameters
        ----------
        rows : ndarray, shape (n,), TRADE_ROWS
            Oldest first by ``venue_ns``.
        goes_on : bool
            Whether the last bar is known to have ended: there are trades after these. It has no vector else.
        progress : callable, optional
            Told the trades done and the trades there are.

        Raises
        ------
        DataError
            Stamps go backwards, or the bank refuses a trade.

        """
        if rows.dtype != TRADE_ROWS:
            raise ValueError(f"rows must be of {TRADE_ROWS}, were {rows.dtype}")
        bars = rows["venue_ns"] // self._interval_ns
        firsts = np.flatnonzero(np.diff(bars, prepend=-1))
        if len(rows) and (np.diff(rows["venue_ns"]) < 0).any():
            raise DataError("trades to make features of must be in the order of their stamps")
        ends = np.append(firsts[1:], len(rows))
        count = len(firsts) if goes_on else max(len(firsts) - 1, 0)
        told = np.column_stack([rows[name] for name in ("price_ticks", "qty_lots", "taker_side", "venue_ns")])
        stamps = (bars[firsts[:count]] + 1) * self._interval_ns
        values = np.empty((count, len(self.names)))
        vector = np.frombuffer(memoryview(self._bank), np.float64)
        step = max(count // _STEPS, 1)
        for i, (first, end, stamp) in enumerate(zip(firsts.tolist(), ends.tolist(), stamps.tolist(), strict=False)):
            if self._bank.apply_trades(told[first:end]) != end - first:
                raise DataError(f"the feature bank refused trades: {_nonzero(self._bank.refused)}")
            self._bank.on_time(stamp)
            values[i] = vector[self._places]
            if progress is not None and i % step == 0:
                progress(end, len(rows))
        if progress is not None:
            progress(len(rows), len(rows))
        return stamps, values

    def of_bars(self, rows: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return when each bar ended and its vector; raises DataError where the bank refuses one."""
        if rows.dtype != BAR_ROWS:
            raise ValueError(f"rows must be of {BAR_ROWS}, were {rows.dtype}")
        told = np.column_stack([rows[name] for name in BAR_ROWS.names or ()])
        matrix = self._bank.on_bars(told)
        if refused := _nonzero(self._bank.refused):
            raise DataError(f"the feature bank refused bars: {refused}")
        return rows["close_ns"].astype(np.int64), matrix[:, self._places]


def _nonzero(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
