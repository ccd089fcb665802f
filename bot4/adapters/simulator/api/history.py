"""A piece of a history: from an id on, or between two times, or the latest.

Source: binance-spot-api-docs rest-api.md (2026-07-21), "General API Information".
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from bot4.adapters.simulator.wire.errors import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    T = TypeVar("T")

ROWS_DEFAULT = 500
ROWS_MAX = 1_000
_HOUR_NS = 3_600_000_000_000
_DAY_NS = 24 * _HOUR_NS
_LAST_NS_OF_MS = 999_999


def page(
    rows: Iterable[T],
    values: Mapping[str, Any],
    *,
    identity: Callable[[T], int],
    moment: Callable[[T], int],
    from_name: str = "fromId",
    window_ns: int = _DAY_NS,
) -> list[T]:
    """Return rows as ``fromId``, ``startTime``, ``endTime`` and ``limit`` choose them, oldest first.

    Parameters
    ----------
    rows : iterable
        Oldest first.
    values : mapping
        Parameters of the request.
    identity, moment : callable
        Id and time (nanoseconds UTC) of a row.
    from_name : str
        What the first id is called.
    window_ns : int
        What the times may lie apart.

    Raises
    ------
    ApiError
        -1127: the times lie further apart.

    """
    start, end, first = values.get("startTime"), values.get("endTime"), values.get(from_name)
    if start is not None and end is not None and end - start > window_ns:
        raise refusal(-1127, window_ns // _HOUR_NS)
    limit = min(values.get("limit", ROWS_DEFAULT), ROWS_MAX)
    last_ns = None if end is None else end + _LAST_NS_OF_MS
    chosen = (
        row
        for row in rows
        if (first is None or identity(row) >= first)
        and (start is None or moment(row) >= start)
        and (last_ns is None or moment(row) <= last_ns)
    )
    if first is not None or start is not None:
        return list(islice(chosen, limit))
    return list(deque(chosen, maxlen=limit))
