"""Funding settlements beside the market that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bot4._core.array_dtypes import FUNDING_ROWS
from bot4.application.backtest.page import utc_text
from bot4.domain.errors import DataError
from bot4.domain.instrument import ContractKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bot4.domain.instrument import Instrument

    Rows = NDArray[np.void]

_DAY_NS = 86_400_000_000_000
_SHOWN = 3


class RecordedRates(Protocol):
    """What a recording told of rates, known once it was read."""

    unread: int

    def rates(self) -> Mapping[str, Rows]:
        """Return settlements by symbol, oldest first."""
        ...


def settlements_of(
    funding: Rows | Mapping[str, Rows] | None,
    recorded: RecordedRates | None,
    lanes: tuple[Instrument, ...],
    sources: Sequence[tuple[int, Rows]],
) -> tuple[list[tuple[int, Rows]], tuple[str, ...]]:
    """Return settlements of a recording: by the rates given where a symbol has some, else by those recorded."""
    given, notes = funding_sources(funding, lanes, sources)
    if recorded is None:
        return given, notes
    rates = {
        item.symbol: rows
        for lane, item in enumerate(lanes)
        if item.kind is not ContractKind.SPOT
        and lane not in {of for of, _ in given}
        and (rows := recorded.rates().get(item.symbol)) is not None
    }
    own, more = funding_sources(rates, lanes, sources, told="recorded")
    if recorded.unread:
        more = (*more, f"{recorded.unread} recorded mark prices could not be read: no rate was taken from them")
    return given + own, notes + more


def funding_sources(
    funding: Rows | Mapping[str, Rows] | None,
    lanes: tuple[Instrument, ...],
    sources: Sequence[tuple[int, Rows]],
    *,
    told: str = "given",
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
        notes.append(f"{symbol}: funding was settled {int(inside.sum())} times by the rates {told}")
        notes += _uncovered(symbol, rows["time_ns"], first, last)
        found.append((index[symbol], np.ascontiguousarray(rows[inside])))
    return found, tuple(notes)


def _uncovered(symbol: str, times_ns: NDArray[np.int64], first_ns: int, last_ns: int) -> list[str]:
    """Say where a day of the market or more lies outside the rates, or between two of them."""
    if len(times_ns) == 0:
        return []
    stops = np.concatenate([[min(first_ns, times_ns[0])], times_ns, [max(last_ns, times_ns[-1])]])
    stops = np.clip(stops, first_ns, last_ns)
    gaps = np.flatnonzero(np.diff(stops) >= _DAY_NS)
    if len(gaps) == 0:
        return []
    spans = ", ".join(f"{utc_text(int(stops[at]))} to {utc_text(int(stops[at + 1]))}" for at in gaps[:_SHOWN])
    more = f" and {len(gaps) - _SHOWN} times more" if len(gaps) > _SHOWN else ""
    return [f"{symbol}: no rates from {spans}{more}: what was held then paid no funding"]


def _span_ns(rows: Rows) -> tuple[int, int]:
    """Return when the first row and the last one are told."""
    names = rows.dtype.names or ()
    if "recv_ns" in names:
        stamps = rows["recv_ns"][[0, -1]]
        return (int(stamps[0]) or int(rows["venue_ns"][0]), int(stamps[1]) or int(rows["venue_ns"][-1]))
    return int(rows["open_ns"][0]), int(rows["close_ns"][-1])
