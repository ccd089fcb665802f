"""A live feed against a small venue: a client that is quick to act, and the comparison of both ends."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from random import Random
from typing import Self

from bot4._core.clock import SystemClock
from bot4._core.engine.feed import Feed
from bot4._core.engine.runner import ShardRunner
from bot4._core.journal.stream import Journal
from bot4.adapters.venues.binance.history import BarHistory
from bot4.adapters.venues.binance.market_data import BinanceStreams
from bot4.adapters.venues.live_feed import LiveFeed
from bot4.application.assembly.assembly import assemble
from bot4.application.assembly.shape import InputShape
from bot4.config import Settings, load_settings
from bot4.domain.errors import Bot4Error
from bot4.domain.instrument import Instrument, Market
from bot4.ports.frame_sink import FrameSink
from builders.venue_server import VenueServer

FAST = {
    "streams.connect_timeout_s": 2.0,
    "streams.snapshot_timeout_s": 2.0,
    "streams.reconnect_first_ms": 10,
    "streams.reconnect_max_s": 0.2,
    "streams.overlap_s": 0.3,
    "streams.stale_floor_s": 10.0,
}
PATIENCE_S = 15.0


@dataclass
class ShiftedClock:
    """The machine's clock, which a test may put forward: a day passes in a moment."""

    shift_ns: int = 0
    clock: SystemClock = field(default_factory=SystemClock)

    def monotonic_ns(self) -> int:
        return self.clock.monotonic_ns() + self.shift_ns

    def wall_ns(self) -> int:
        return self.clock.wall_ns()


class RunningFeed:
    """A live feed with its engine, in threads as `bot4 run` has them."""

    def __init__(
        self, source: LiveFeed, settings: Settings, instruments: list[Instrument], journal: Journal | None = None
    ) -> None:
        self.source = source
        self.assembly = assemble(settings, instruments, journal=journal, shape=InputShape())
        self.runner = ShardRunner(self.assembly.engine)
        self.feed = Feed(
            self.assembly.scanner, self.assembly.engine, ring=self.runner.ring, room=self.runner.room,
            records=self.runner.records, live=True,
        )  # fmt: skip
        self.error: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self.runner.run, daemon=True),
        ]

    def _read(self) -> None:
        try:
            self.source.run(self.feed)
        except Bot4Error as error:
            self.error = error

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.feed.stop()
        self._threads[0].join(10)
        self.runner.stop()
        self._threads[1].join(10)
        assert not any(thread.is_alive() for thread in self._threads)


class Client(RunningFeed):
    """A live feed of the small Binance."""

    def __init__(
        self, server: VenueServer, *symbols: str, market: Market = Market.SPOT, recorder: FrameSink | None = None,
        feed_type: type[LiveFeed] = LiveFeed, journal: Journal | None = None, **settings: object,
    ) -> None:  # fmt: skip
        urls = {f"venues.binance.{prefix}rest_url": server.url for prefix in ("", "usdm_")}
        urls |= {f"venues.binance.{prefix}ws_url": server.ws_url for prefix in ("", "usdm_")}
        changes = {key.replace("__", "."): value for key, value in settings.items()}
        self.settings = load_settings(environment={}, overrides=FAST | urls | changes)
        self.clock = ShiftedClock()
        venue = BinanceStreams.open(
            market, symbols or ("BTCUSDT",), self.settings.venues.binance, self.settings.streams
        )
        rules, history = self.settings.strategy, None
        if rules.warm_up_bars:
            history = BarHistory(venue, interval_ms=rules.bar_interval_ms, bars=rules.warm_up_bars)
        source = feed_type(
            venue, self.settings.streams, clock=self.clock, rng=Random(3), recorder=recorder, history=history
        )
        super().__init__(source, self.settings, venue.instruments, journal)

    @property
    def is_whole(self) -> bool:
        """Whether every book is live, as the view tells."""
        return all(
            lane["depth_messages"] and not self.feed.needs_snapshot(index) for index, lane in enumerate(self.lanes)
        ) and all(sync.is_live for sync in self.assembly.syncs)

    @property
    def lanes(self) -> list[dict]:
        return [self.assembly.engine.lane_counters(index) for index in range(len(self.assembly.instruments))]


def until(condition, what: str, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s} s for {what}"
        time.sleep(0.01)


def assert_same_books(client: Client, server: VenueServer) -> None:
    """Let the market stand still, let everything arrive, compare every level of every book."""
    server.pause()
    syncs = client.assembly.syncs
    truths = [server.truths[instrument.symbol] for instrument in client.assembly.instruments]

    def are_there() -> bool:
        return all(sync.is_live and sync.last_id == truth.update_id for sync, truth in zip(syncs, truths, strict=True))

    def are_there_for_good() -> bool:
        """Whether no loss is under way either: the book of before it may be whole, too."""
        gaps = [lane["gaps"] for lane in client.lanes]
        if not are_there():
            return False
        time.sleep(0.3)
        return are_there() and [lane["gaps"] for lane in client.lanes] == gaps

    until(
        are_there_for_good,
        f"the books to arrive at {[truth.update_id for truth in truths]}, are at {[sync.last_id for sync in syncs]}, "
        f"{client.source.connection}, {client.source.notes}",
    )
    client.stop()
    for sync, truth, instrument in zip(syncs, truths, client.assembly.instruments, strict=True):
        lots = int(instrument.lot_size.scaleb(8))
        for side in (0, 1):
            prices, qtys = sync.book.depth(side)
            ours = [(int(price), int(qty) * lots) for price, qty in zip(prices, qtys, strict=True)]
            assert ours == [(price, qty * 1_000) for price, qty in truth.levels(side)]


def drop(server: VenueServer):
    return lambda diffs: [diff for diff in diffs if server.rng.random() > 0.03]
