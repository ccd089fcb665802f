"""The square-root law of own impact with a market's own figures, as its rows tell them."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from bot4._core.array_dtypes import BAR_ROWS, TRADE_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bot4.config import ImpactSettings
    from bot4.domain.instrument import Instrument

_DAY_NS = 86_400_000_000_000
_SAMPLES = 2_000
_LEAST = 3


def measured_impacts(
    impact: ImpactSettings, instruments: Sequence[Instrument], sources: Sequence[tuple[int, NDArray[np.void]]]
) -> dict[str, ImpactSettings]:
    """Return the law of each instrument whose bars or prints tell its volume; nothing where another law was chosen.

    Deviation and volume are those of the whole data: a cost that is assumed, not something a strategy could see. An
    order pays the whole law where there is no depth to walk through, and nothing stays for good: over years the roots
    of slices would add up to a market that is no longer the recorded one.

    Parameters
    ----------
    impact : ImpactSettings
        Coefficient, exponent and half-life are taken from it.
    instruments : sequence of Instrument
        In the order of the lanes.
    sources : sequence of (int, ndarray)
        Lane and rows of every array.

    """
    if impact.model != "measured":
        return {}
    found = {}
    for lane, instrument in enumerate(instruments):
        mine = [rows for at, rows in sources if at == lane]
        best = next((rows for kind in (BAR_ROWS, TRADE_ROWS) for rows in mine if rows.dtype == kind), None)
        figures = None if best is None else market_figures(best)
        if figures is not None:
            deviation, volume = figures
            found[instrument.symbol] = msgspec.structs.replace(
                impact,
                model="square_root",
                volatility=deviation * float(instrument.tick_size),
                daily_volume=volume * float(instrument.lot_size),
                permanent_share=0.0,
            )
    return found


def market_figures(rows: NDArray[np.void]) -> tuple[float, float] | None:
    """Return the deviation of the price over a day in ticks, and lots traded in one; None where either is 0.

    The deviation is that of at most 2,000 equal steps through the rows, scaled by the root of time.
    """
    is_bars = rows.dtype == BAR_ROWS
    stamps = rows["close_ns" if is_bars else "recv_ns"]
    prices = rows["close_ticks" if is_bars else "price_ticks"].astype(np.float64)
    span_ns = int(stamps[-1] - stamps[0]) if len(stamps) else 0
    if len(rows) < _LEAST or span_ns <= 0:
        return None
    days = span_ns / _DAY_NS
    moves = np.diff(np.log(prices[:: max(1, len(prices) // _SAMPLES)]))
    deviation = sqrt(float((moves**2).sum()) / days) * float(np.median(prices))
    volume = float(rows["volume_lots" if is_bars else "qty_lots"].sum()) / days
    return (deviation, volume) if deviation > 0.0 and volume > 0.0 else None
