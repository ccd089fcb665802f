"""Hands funding to the engine: rates that moved, not more often than it matters, and what was settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.engine.control import ControlCode

if TYPE_CHECKING:
    from bot4._core.engine.feed import Feed
    from bot4.adapters.venues.venue_streams import Clock, FundingRate

PAUSE_NS = 10_000_000_000
LATE_NS = 60_000_000_000
AHEAD_NS = 3_600_000_000_000
_PPB = 10


class FundingTeller:
    """Rates of one feed's instruments; one thread.

    A rate that stands as it was is not told again, and one that moved ten seconds after the one before at the earliest;
    that of another settlement is told at once. A settlement is told when the venue's clock has passed it and another
    one is named, at the rate and mark that were said last for it. Where neither was heard within a minute of it, what
    was held then, and at which rate, is not known: it is counted as missed. One that the venue put off before its time
    is none. What is older than what was heard already, or names what is over, is dropped: a second socket may lag
    behind. So is what was said an hour from now: it would make all that follows look old.

    What a full ring lost is told again at the next frame.

    Attributes
    ----------
    missed : int
        Times that settlements went by unheard, as the next word shows.
    ahead : int
        Frames that were said an hour from now.

    """

    def __init__(self, clock: Clock) -> None:
        self.missed = self.ahead = 0
        self._clock = clock
        self._heard: dict[int, FundingRate] = {}
        self._over_ns: dict[int, int] = {}  # the last settlement that is, by lane
        self._told: dict[int, tuple[FundingRate, int]] = {}  # and when, by lane

    def tell(self, feed: Feed, rate: FundingRate, now_ns: int) -> None:
        """Take what a frame says; `now_ns` is on the clock that market data is stamped with."""
        if rate.said_ns > self._clock.wall_ns() + AHEAD_NS:
            self.ahead += 1
            return
        before = self._heard.get(rate.lane)
        if before is not None:
            if rate.said_ns < before.said_ns or rate.settled_ns <= self._over_ns.get(rate.lane, 0):
                return
            if before.settled_ns != rate.settled_ns and before.settled_ns <= rate.said_ns:
                if not self._settle(feed, before, rate.said_ns, now_ns):
                    return
                self._over_ns[rate.lane] = before.settled_ns
        self._heard[rate.lane] = rate
        moment_ns = self._clock.monotonic_ns()
        told, told_ns = self._told.get(rate.lane, (None, 0))
        if (
            told is not None
            and told.settled_ns == rate.settled_ns
            and (told.rate_e8 == rate.rate_e8 or moment_ns - told_ns < PAUSE_NS)
        ):
            return
        funding = ControlCode.CONTROL_FUNDING
        if feed.control(funding, rate.lane, rate.rate_e8 * _PPB, now_ns, rate.settled_ns):
            self._told[rate.lane] = rate, moment_ns

    def _settle(self, feed: Feed, last: FundingRate, said_ns: int, now_ns: int) -> bool:
        """Tell one that has passed; false where that is to be tried again."""
        if last.said_ns < last.settled_ns - LATE_NS or said_ns > last.settled_ns + LATE_NS:
            self.missed += 1
            return True
        settle = ControlCode.CONTROL_SETTLE
        return feed.control(settle, last.lane, last.rate_e8, now_ns, last.settled_ns, last.mark_ticks)
