"""Parts of a session that are made once: the shard's thread, its feed, the identity of its settings."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import orjson

from bot4._core.engine.feed import Feed
from bot4._core.engine.runner import ShardRunner
from bot4._core.journal.stream import Journal
from bot4.application.records.projector import Projector
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from bot4.application.assembly.assembly import Assembly
    from bot4.config import Settings
    from bot4.ports.market_feed import MarketFeed
    from bot4.ports.unit_of_work import Store


def make_runner(settings: Settings, source: MarketFeed, assembly: Assembly, speed: float) -> ShardRunner | None:
    """Return the thread the shard is to have, None at full speed: there the feeding thread applies events itself."""
    if speed == 0.0 and not source.is_live:
        return None
    shard = settings.shard
    cores = sorted(os.sched_getaffinity(0))
    if shard.pin and shard.cpu >= 0 and shard.cpu not in cores:
        raise ConfigError(f"setting shard.cpu must be -1 or one of the cores {cores}, was {shard.cpu}")
    # The last core there is: the kernel puts most other work on the first ones.
    cpu = -1 if not shard.pin or len(cores) == 1 else (shard.cpu if shard.cpu >= 0 else cores[-1])
    return ShardRunner(assembly.engine, capacity=shard.ring_capacity, wait=shard.wait, cpu=cpu)


def make_feed(
    source: MarketFeed, assembly: Assembly, runner: ShardRunner | None, *, speed: float, duration_ns: int
) -> Feed:
    """Return what turns the source's bytes into events: into the shard's ring, or applied at once."""
    if runner is None:
        return Feed(assembly.scanner, assembly.engine, duration_ns=duration_ns)
    return Feed(
        assembly.scanner,
        assembly.engine,
        ring=runner.ring,
        room=runner.room,
        records=runner.records,
        speed=speed,
        duration_ns=duration_ns,
        live=source.is_live,
    )


def make_projector(
    journal: Path, store: Store, run_id: str, assembly: Assembly, *, of_venue: bool, kept_seq: int | None
) -> Projector:
    """Return what reads the journal into the store; `kept_seq` is the last record a run's past has put there."""
    decimals = assembly.account.decimals
    return Projector(
        journal,
        store,
        run_id,
        assembly.instruments,
        [decimals[assembly.asset(instrument.settle)] for instrument in assembly.instruments],
        venue_assets=list(zip(assembly.assets, decimals, strict=True)) if of_venue else None,
        kept_seq=kept_seq,
    )


def progress_of(source: MarketFeed, feed: Feed, duration_ns: int) -> float | None:
    """Return how far a run has come, 0 to 1: by its duration, else by its source; None where neither knows."""
    if duration_ns:
        fed = feed.counters()
        return float(min(1.0, (fed["last_ns"] - fed["first_ns"]) / duration_ns))
    return source.progress


def digest(settings: dict[str, object]) -> int:
    """64-bit identity of the settings, for the journal's header."""
    text = orjson.dumps(settings, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def open_journal(
    settings: Settings, plain_settings: dict[str, object], path: Path, now_ns: int, first_epoch: int
) -> Journal:
    """Open a run's journal, under an epoch that is at least the one given."""
    return Journal(
        path,
        config_hash=digest(plain_settings),
        mono_ns=now_ns,
        wall_ns=now_ns,
        first_epoch=first_epoch,
        segment_bytes=settings.journal.segment_mb << 20,
    )
