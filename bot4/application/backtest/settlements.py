"""Funding settlements beside the market that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bot4._core.array_dtypes import FUNDING_ROWS
from bot4.domain.errors import DataError
from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bot4.domain.instrument import Instrument

    Rows = NDArray[np.void]


def funding_sources(
    funding: Rows | Mapping[str, Rows] | None, lanes: tuple[Instrument, ...], sources: Sequence[tuple[int, Rows]]
) -> tuple[list[tuple[int, Rows]], tuple[str, ...]]:
    """Return settlements with their lanes, those outside the time of the market left out, and what to say of them."""
    if funding is None:
        return [], ()
    given = funding if isinstance(funding, Mapping) else {lanes[0].symbol: funding}
    index = {instrument.symbol: lane for lane, instrument in enumerate(lanes)}
    if len(lanes) > 1 and not isinstance(funding, Mapping):
        raise DataError(f"funding of {len(lanes)} instruments is a mapping from symbol to rows")
    found, notes = [], []
    for symbol, rows in given.items():
        if symbol not in index:
            raise DataError(f"funding names {symbol!r}, which is none of the instruments {sorted(index)}")
        if lanes[index[symbol]].kind is ContractKind.SPOT:
            raise DataError(f"{symbol}: a spot market has no funding")
        if rows.dtype != FUNDING_ROWS:
            raise DataError(f"funding of {symbol} is rows of bot4.Rows.FUNDING, was {rows.dtype}")
        spans = [_span_ns(market) for lane, market in sources if lane == index[symbol] and len(market)]
        first, last = min((first for first, _ in spans), default=0), max((last for _, last in spans), default=-1)
        inside = (rows["time_ns"] > first) & (rows["time_ns"] <= last)
        notes.append(f"{symbol}: funding was settled {int(inside.sum())} times by the rates given")
        found.append((index[symbol], np.ascontiguousarray(rows[inside])))
    return found, tuple(notes)


def _span_ns(rows: Rows) -> tuple[int, int]:
    """Return when the first row and the last one are told."""
    names = rows.dtype.names or ()
    if "recv_ns" in names:
        stamps = rows["recv_ns"][[0, -1]]
        return (int(stamps[0]) or int(rows["venue_ns"][0]), int(stamps[1]) or int(rows["venue_ns"][-1]))
    return int(rows["open_ns"][0]), int(rows["close_ns"][-1])
