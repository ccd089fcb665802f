"""When a stream that still answers pings is as good as dead: the policy, without clocks or sockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot4._core.engine.receiver import StreamKind

if TYPE_CHECKING:
    from bot4.config import StreamSettings

S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one kind of stream may be silent: ``multiple`` times its mean gap, between a floor and a ceiling.

    ``first_s`` counts from the connection for a stream that has not spoken on it; 0 waits for ever.
    """

    floor_s: float
    multiple: float = 20.0
    ceiling_s: float = 300.0
    first_s: float = 0.0

    def limit_ns(self, gap_ns: int) -> int:
        """Return the longest silence of a stream whose messages lie `gap_ns` apart.

        >>> Patience(floor_s=5.0).limit_ns(100_000_000), Patience(floor_s=5.0).limit_ns(1_000_000_000)
        (5000000000, 20000000000)
        """
        return min(max(round(self.floor_s * S), round(gap_ns * self.multiple)), round(self.ceiling_s * S))


def silence_ns(*, now_ns: int, connected_ns: int, last_ns: int) -> int:
    """Return how long a stream is silent on this connection."""
    return now_ns - max(connected_ns, last_ns)


def is_stale(patience: Patience, *, now_ns: int, connected_ns: int, last_ns: int, gap_ns: int, messages: int) -> bool:
    """Whether a stream was silent for too long.

    Parameters
    ----------
    patience : Patience
        With this kind of stream.
    now_ns, connected_ns, last_ns : int
        Now, the connection, the stream's last message (0: none ever); one clock.
    gap_ns : int
        Mean time between two messages.
    messages : int
        How many there were: two make a gap.

    """
    silent_ns = silence_ns(now_ns=now_ns, connected_ns=connected_ns, last_ns=last_ns)
    if messages >= 2:  # noqa: PLR2004 - a gap lies between two
        return silent_ns > patience.limit_ns(gap_ns)
    return patience.first_s > 0 and silent_ns > round(patience.first_s * S)


def patience_of(settings: StreamSettings) -> dict[StreamKind, Patience]:
    """Return the patience with each kind: depth and quotes of a traded instrument come all the time, prints may not."""
    floor_s, multiple = settings.stale_floor_s, settings.stale_multiple
    return {
        StreamKind.STREAM_DEPTH: Patience(floor_s, multiple, first_s=6 * floor_s),
        StreamKind.STREAM_QUOTES: Patience(3 * floor_s, multiple),
        StreamKind.STREAM_TRADES: Patience(60 * floor_s, multiple, ceiling_s=3_600.0),
    }
