"""When a signed request is in time.

Source: binance-spot-api-docs rest-api.md (2026-07-21), "Timing security".
"""

from __future__ import annotations

from bot4.adapters.simulator.wire.errors import AHEAD_OF_SERVER, OUTSIDE_WINDOW, refusal

DEFAULT_WINDOW_NS = 5_000_000_000
_AHEAD_MAX_NS = 1_000_000_000


def check_timing(sent_ns: int, window_ns: int, now_ns: int) -> None:
    """Refuse a request from the future or older than its window.

    Parameters
    ----------
    sent_ns : int
        The request's ``timestamp``, nanoseconds UTC.
    window_ns : int
        How long it stays valid.
    now_ns : int
        The server's time.

    Raises
    ------
    ApiError
        -1021.

    """
    if sent_ns >= now_ns + _AHEAD_MAX_NS:
        raise refusal(-1021, AHEAD_OF_SERVER)
    if now_ns - sent_ns > window_ns:
        raise refusal(-1021, OUTSIDE_WINDOW)
