"""Bars' windows in time: where the one that holds a moment begins and ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bot4.adapters.simulator.wire.errors import refusal

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_LENGTHS = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_MONDAY_MS = 4 * DAY_MS  # 1970-01-05, the first one
_MONTH = "1M"
_zone = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-9]{2}))?", re.ASCII).fullmatch
_EARLIEST_MIN, _LATEST_MIN = -12 * 60, 14 * 60
_LAST_MINUTE = 59


class Window(NamedTuple):
    """A bar's time: first and last millisecond."""

    open_ms: int
    close_ms: int


def window_of(interval: str, at_ms: int, shift_ms: int = 0) -> Window:
    """Return the window that holds a moment.

    Parameters
    ----------
    interval : str
        ``1s`` to ``1M``.
    at_ms : int
        Milliseconds UTC.
    shift_ms : int
        What local time is ahead of UTC; windows begin at local midnights.

    >>> window_of("1m", 61_000)
    Window(open_ms=60000, close_ms=119999)

    """
    if interval == _MONTH:
        return _month_of(at_ms + shift_ms, shift_ms)
    length = length_ms(interval)
    offset = (_MONDAY_MS if interval[-1] == "w" else 0) - shift_ms
    opened = (at_ms - offset) // length * length + offset
    return Window(opened, opened + length - 1)


def length_ms(interval: str) -> int:
    """Return the length of any interval but a month."""
    return int(interval[:-1]) * _LENGTHS[interval[-1]]


def shift_of(text: str) -> int:
    """Return what a time zone is ahead of UTC, milliseconds: ``8``, ``-1:00``, ``05:45``.

    Raises
    ------
    ApiError
        -1130: it is none, or none of this world.

    """
    found = _zone(text)
    if found is None:
        raise refusal(-1130, "timeZone")
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    minutes = -minutes if found[1] == "-" else minutes
    if int(found[3] or 0) > _LAST_MINUTE or not _EARLIEST_MIN <= minutes <= _LATEST_MIN:
        raise refusal(-1130, "timeZone")
    return minutes * MINUTE_MS


def _month_of(local_ms: int, shift_ms: int) -> Window:
    first = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=local_ms)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    after = (first + timedelta(days=32)).replace(day=1)
    return Window(int(first.timestamp()) * 1_000 - shift_ms, int(after.timestamp()) * 1_000 - shift_ms - 1)
