"""How far this machine's clock is from Binance's, at the start of a run that only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from bot4.adapters.venues.binance.clock_offset import ClockOffset
from bot4.domain.errors import UnreachableError

if TYPE_CHECKING:
    from bot4.adapters.venues.http_get import Answer, HttpPeer
    from bot4.adapters.venues.venue_streams import Clock

MS = 1_000_000


def clock_note(peer: HttpPeer, path: str, clock: Clock, *, offset_max_ms: int) -> str | None:
    """Ask the venue's clock over one connection, five times or a few more; return what is wrong with ours, or None.

    Market data and paper trading go on with a clock that is wrong: their stamps never come from the venue's.

    Raises
    ------
    UnreachableError
        The venue does not tell its time.

    """
    offset = ClockOffset(clock.monotonic_ns, clock.wall_ns, offset_max_ns=offset_max_ms * MS)
    _server_ns(peer.get(path), path)  # opens the connection: its round trip is no measure
    for _ in offset.exchanges():
        asked_ns = clock.monotonic_ns()
        answer = peer.get(path)
        answered_ns = clock.monotonic_ns()
        offset.add(asked_mono_ns=asked_ns, answered_mono_ns=answered_ns, server_ns=_server_ns(answer, path))
    why = offset.why_untrusted()
    return None if why is None else f"the clock of this machine and the venue's: {why}; orders to a venue need it right"


def _server_ns(answer: Answer, path: str) -> int:
    try:
        stamp = orjson.loads(answer.body)["serverTime"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        stamp = None
    if not isinstance(stamp, int):
        raise UnreachableError(f"{path} tells no serverTime (HTTP {answer.status}): {answer.body[:80]!r}")
    return stamp * MS
