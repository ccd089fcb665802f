"""Market data of a live venue as the source of a session: sockets in, books kept whole, whatever the network does."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from bot4.adapters.venues.backoff import Backoff
from bot4.adapters.venues.funding_teller import FundingTeller
from bot4.adapters.venues.live_run import LiveRun
from bot4.adapters.venues.snapshot_desk import SnapshotDesk
from bot4.adapters.venues.stream_link import LinkState, StreamLink
from bot4.domain.errors import Bot4Error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from bot4._core.engine.feed import Feed
    from bot4._core.engine.relay import Relay
    from bot4.adapters.venues.background import Background
    from bot4.adapters.venues.binance.history import BarHistory
    from bot4.adapters.venues.venue_streams import Clock, VenueStreams
    from bot4.config import StreamSettings
    from bot4.ports.frame_sink import FrameSink

_NEVER_S = 1e9
_STUMBLES_MAX, _STUMBLES_NS = 10, 60_000_000_000
_UP = (LinkState.UP, LinkState.ROTATING)


class LiveFeed:
    """Streams of one venue.

    Parameters
    ----------
    venue : VenueStreams
    settings : StreamSettings
    clock : Clock
        Ages of connections and waits; receive stamps begin from it and go on with the machine's monotonic clock.
    rng : Random
        Jitter.
    recorder : FrameSink, optional
        Takes what is received.
    history : BarHistory, optional
        Bars of before, fed first.

    `run` is called once, by one thread; `connection`, `notes` and `counters` may be read by any.

    """

    is_synthetic = False
    is_endless = True
    is_live = True
    progress: float | None = None
    damage: str | None = None

    def __init__(
        self,
        venue: VenueStreams,
        settings: StreamSettings,
        *,
        clock: Clock,
        rng: Random,
        recorder: FrameSink | None = None,
        history: BarHistory | None = None,
    ) -> None:
        self.name = venue.name
        self.instruments = venue.instruments
        self._venue = venue
        self._settings = settings
        self._clock = clock
        self._recorder = recorder
        self._history = history
        self._plans = {plan.url: plan for plan in venue.plans()}
        # Only a venue that cuts connections by the clock needs a second socket in time.
        rotate_after_s = settings.rotate_after_s if venue.in_band is None else _NEVER_S
        self._links = [
            StreamLink(plan.name, url, plan.lanes, _backoff(settings, rng), rotate_after_s, settings.overlap_s)
            for url, plan in self._plans.items()
        ]
        self._desk = SnapshotDesk(len(self.instruments), rng)
        self._complaints: dict[str, int] = {}
        self._funding = FundingTeller(clock)
        self._lost: Mapping[str, int] = {}
        self._run: LiveRun | None = None
        self._stumbles: deque[int] = deque(maxlen=_STUMBLES_MAX)  # when the reader failed unexpectedly
        self._stumbled: Counter[str] = Counter()

    @property
    def connection(self) -> str:
        """How the connections are, on one line."""
        up = sum(link.state in _UP for link in self._links)
        words = [f"{up} of {len(self._links)} connections up"]
        for link in self._links:
            if link.state not in _UP:
                why = f": {link.last_error}" if link.last_error else ""
                words.append(f"{link.name} {link.state.value}, attempt {link.backoff.failures + 1}{why}")
        counters = self.counters
        words += [f"{counters[key]} {key}" for key in ("losses", "rotations") if counters[key]]
        return ", ".join(words)

    @property
    def counters(self) -> Mapping[str, int]:
        """Connections lost, planned rotations, streams found silent, snapshots, restarts of the reader."""
        return {
            "losses": sum(link.losses for link in self._links),
            "rotations": sum(link.rotations for link in self._links),
            "stale_streams": self._run.stale_streams if self._run is not None else 0,
            "snapshots": self._desk.fetched,
            "snapshots_failed": self._desk.failed,
            "restarts": self._stumbled.total(),
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result has to know."""
        counters = self.counters
        found = list(self._venue.notes)
        if self._history is not None:
            told = ", ".join(f"{count} of {symbol}" for symbol, count in self._history.told.items())
            found.append(f"bars of before the start were read: {told or 'none yet'}")
        if counters["losses"]:
            found.append(f"{counters['losses']} times a connection was lost; its books were fetched anew")
        if counters["stale_streams"]:
            found.append(f"{counters['stale_streams']} of these because a stream fell silent")
        if self._lost.get("overflow_messages"):
            found.append(f"{self._lost['overflow_messages']} messages were lost because the engine was behind")
        found += [f"reading began anew {count} times after {text}" for text, count in self._stumbled.items()]
        if self._funding.missed:
            found.append(f"{self._funding.missed} times funding was settled unheard: a paper account is without it")
        if self._funding.ahead:
            found.append(f"{self._funding.ahead} mark prices were said an hour from now and left out: check the clock")
        found += [f"the venue refused {count} times: {text}" for text, count in self._complaints.items()]
        if self._recorder is not None:
            found += self._recorder.notes
        return tuple(found)

    def run(self, feed: Feed) -> None:
        """Read until the feed is stopped; a reader that fails unexpectedly begins anew, ten times a minute at most.

        Raises
        ------
        UnreachableError
            The venue could not be reached as often in a row as the settings allow, or gives no history where it is to.

        """
        self._tell_what_was(feed)
        while not feed.is_stopped:
            try:
                self.open(feed).read()
            except Bot4Error:
                raise
            except Exception as error:
                now_ns = self._clock.monotonic_ns()
                if len(self._stumbles) == _STUMBLES_MAX and now_ns - self._stumbles[0] < _STUMBLES_NS:
                    raise
                self._stumbles.append(now_ns)
                self._begin_anew(feed, f"{type(error).__name__}: {error}"[:200], now_ns)
            finally:
                self.finish(feed)

    def open(self, feed: Feed, *, receiver: Relay | None = None, background: Background | None = None) -> LiveRun:
        """Return what reads, for a caller that turns it itself: with a receiver and threads of its own, where given."""
        self._run = LiveRun(
            self._venue,
            self._settings,
            feed,
            plans=self._plans,
            links=self._links,
            desk=self._desk,
            complaints=self._complaints,
            funding=self._funding,
            clock=self._clock,
            log=self._recorder.log if self._recorder is not None else None,
            receiver=receiver,
            background=background,
        )
        return self._run

    def finish(self, feed: Feed) -> None:
        """Keep what the feed counted."""
        self._lost = feed.live_counters

    def _tell_what_was(self, feed: Feed) -> None:
        """Record the rules, so that they come first, and feed the bars of before."""
        log = self._recorder.log if self._recorder is not None else None
        if log is not None and self._venue.rules is not None:
            log.rest(*self._venue.rules, self._clock.wall_ns())
        if self._history is not None:
            self._history.tell(feed, self._clock, log)

    def _begin_anew(self, feed: Feed, why: str, now_ns: int) -> None:
        """Give up every connection and book: strategies see books that are not live, and open nothing on them."""
        self._stumbled[why] += 1
        self._desk.forget()
        for link in self._links:
            link.begin_anew(now_ns, why)
            for lane in link.lanes:
                feed.gap(lane, self._clock.wall_ns())


def _backoff(settings: StreamSettings, rng: Random) -> Backoff:
    return Backoff(
        rng,
        first_s=settings.reconnect_first_ms / 1e3,
        longest_s=settings.reconnect_max_s,
        attempts_max=settings.reconnect_attempts_max,
    )
