"""The venue's clock as seen from here: an offset from several exchanges of time, and whether it may be trusted.

Time stamps of requests are ``monotonic + offset``: a step of the wall clock moves none of them. A sample is
``server time - middle of the round trip``; the offset is the median of the last ones. A round trip far longer than the
others says little, and is left out where there are enough of them; where nothing but such comes, they are the measure.
"""

from __future__ import annotations

from collections import deque
from statistics import median_low
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MS = 1_000_000


class ClockOffset:
    """Estimates a server's clock.

    Parameters
    ----------
    mono_ns, wall_ns : callables
        The clocks: nanoseconds of a monotonic clock and UTC.
    samples_min : int
        Exchanges before it is trusted at all.
    offset_max_ns : int
        A local clock further off than this is refused: then it is not only the venue's clock that is doubtful.
    jitter_max_ns : int
        Spread of the round trips above which the middle says too little.
    step_max_ns : int
        How far wall and monotonic clock may drift apart before everything is measured anew.
    age_max_ns : int
        How long a measurement counts.

    One thread.

    """

    def __init__(
        self,
        mono_ns: Callable[[], int],
        wall_ns: Callable[[], int],
        *,
        samples_min: int = 5,
        samples_max: int = 9,
        offset_max_ns: int = 500 * MS,
        jitter_max_ns: int = 500 * MS,
        step_max_ns: int = 50 * MS,
        age_max_ns: int = 600_000 * MS,
    ) -> None:
        if not 1 <= samples_min <= samples_max:
            raise ValueError(f"samples must be 1 <= min <= max, was {samples_min} and {samples_max}")
        self._mono_ns = mono_ns
        self._wall_ns = wall_ns
        self._samples_min = samples_min
        self._offset_max_ns = offset_max_ns
        self._jitter_max_ns = jitter_max_ns
        self._step_max_ns = step_max_ns
        self._age_max_ns = age_max_ns
        self._offsets: deque[int] = deque(maxlen=samples_max)  # server - monotonic
        self._trips: deque[int] = deque(maxlen=samples_max)
        self._left_out = 0  # in a row
        self._measured_ns = 0
        self._wall_at_start = wall_ns() - mono_ns()

    def add(self, *, asked_mono_ns: int, answered_mono_ns: int, server_ns: int) -> None:
        """Take one exchange: when it was asked and answered here, and the time it told."""
        if answered_mono_ns < asked_mono_ns:
            raise ValueError(f"answered at {answered_mono_ns}, before it was asked at {asked_mono_ns}")
        if self._has_stepped():
            self.forget()
        trip = answered_mono_ns - asked_mono_ns
        self._offsets.append(server_ns - asked_mono_ns - trip // 2)
        self._trips.append(trip)
        if self._leave_out_longest():
            self._left_out += 1
            if self._left_out >= self._samples_min:  # the way has become longer: measure anew
                self._clear()
        else:
            self._left_out, self._measured_ns = 0, answered_mono_ns

    def exchanges(self) -> Iterator[None]:
        """Yield for each exchange a first estimate wants: as few as it may be trusted by, more where some came late."""
        for number in range(self._offsets.maxlen or 0):
            if number >= self._samples_min and self.why_untrusted() is None:
                return
            yield

    def _leave_out_longest(self) -> bool:
        """Drop round trips that are out of line while enough are left; true where the newest was one."""
        is_newest = False
        while len(self._trips) > self._samples_min and self._spread_ns() > self._jitter_max_ns:
            longest = max(range(len(self._trips)), key=self._trips.__getitem__)
            is_newest |= longest == len(self._trips) - 1
            del self._trips[longest], self._offsets[longest]
        return is_newest

    def _spread_ns(self) -> int:
        return max(self._trips) - min(self._trips)

    def _clear(self) -> None:
        self._offsets.clear()
        self._trips.clear()
        self._left_out = 0

    def forget(self) -> None:
        """Drop every sample: after a step of the clock, or a refusal by the venue's clock check."""
        self._clear()
        self._wall_at_start = self._wall_ns() - self._mono_ns()

    @property
    def samples(self) -> int:
        """Exchanges that count."""
        return len(self._offsets)

    @property
    def error_ns(self) -> int:
        """How wrong the venue's time may be: half the longest round trip that counts."""
        return max(self._trips, default=self._jitter_max_ns) // 2

    @property
    def local_offset_ns(self) -> int:
        """How far this machine's wall clock is behind the venue's; negative where it is ahead."""
        return self._offset() - (self._wall_ns() - self._mono_ns())

    def server_now_ns(self) -> int:
        """Return the venue's time now, nanoseconds UTC."""
        return self._mono_ns() + self._offset()

    def why_untrusted(self) -> str | None:
        """Return why no order may be stamped with it, or None."""
        if len(self._offsets) < self._samples_min:
            return f"the venue's clock was asked {len(self._offsets)} of {self._samples_min} times"
        if self._has_stepped():
            return "this machine's clock was set while running"
        if self._mono_ns() - self._measured_ns > self._age_max_ns:
            return f"the venue's clock was last asked {(self._mono_ns() - self._measured_ns) // 10**9} s ago"
        jitter = self._spread_ns()
        if jitter > self._jitter_max_ns:
            return f"round trips spread over {jitter // MS} ms, the limit is {self._jitter_max_ns // MS} ms"
        offset = self.local_offset_ns
        if abs(offset) > self._offset_max_ns:
            return f"the clocks differ by {offset // MS} ms, the limit is {self._offset_max_ns // MS} ms"
        return None

    def _offset(self) -> int:
        # Before the first sample, this machine's own clock: good for a log line, refused for orders.
        return median_low(self._offsets) if self._offsets else self._wall_at_start

    def _has_stepped(self) -> bool:
        drift = self._wall_ns() - self._mono_ns() - self._wall_at_start
        return abs(drift) > self._step_max_ns
