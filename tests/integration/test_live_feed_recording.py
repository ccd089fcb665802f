"""What the live feed recorded replays to the books it had."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders.live_feed import Client, assert_same_books, drop, until
from builders.venue_server import VenueServer

from bot4._core.engine.feed import Feed
from bot4.adapters.recordings.recorder import FrameRecorder
from bot4.adapters.recordings.replay_feed import ReplayFeed
from bot4.application.assembly.assembly import Assembly, assemble
from bot4.application.assembly.shape import InputShape
from bot4.config import load_settings


@pytest.fixture
def server():
    with VenueServer() as one:
        yield one


def replayed_books(path: Path) -> list[tuple]:
    """Every level of each book, in ticks and lots, after a replay of a recording."""
    source = ReplayFeed([path])
    assembly = assemble(load_settings(environment={}), source.instruments, journal=None, shape=InputShape())
    source.run(Feed(assembly.scanner, assembly.engine))
    return books(assembly)


def books(assembly: Assembly) -> list[tuple]:
    return [
        tuple(list(zip(*map(list, sync.book.depth(side)), strict=True)) for side in (0, 1)) for sync in assembly.syncs
    ]


def test_a_recording_with_losses_a_rotation_and_gaps_replays_to_the_same_books(tmp_path):
    path = tmp_path / "day.gz"
    with (
        VenueServer("BTCUSDT", "ETHUSDT") as server,
        FrameRecorder(path) as recorder,
        Client(server, "BTCUSDT", "ETHUSDT", recorder=recorder) as client,
    ):
        until(lambda: client.is_whole, "live books")
        server.cut()
        until(lambda: len(server.all_peers) > 1 and client.is_whole, "live books after a loss")
        client.clock.shift_ns += 85_801 * 10**9
        until(lambda: client.feed.live_counters["repeated_trades"] > 0, "an overlap")
        server.tamper = drop(server)
        until(lambda: client.lanes[0]["gaps"] >= 2, "gaps")
        server.tamper = None
        until(lambda: client.is_whole, "live books after gaps")
        assert_same_books(client, server)
    assert recorder.notes == ()
    assert replayed_books(path) == books(client.assembly)


def test_control_a_recording_that_lacks_a_frame_replays_to_other_books(tmp_path):
    path = tmp_path / "day"
    with VenueServer() as server, FrameRecorder(path) as recorder, Client(server, recorder=recorder) as client:
        until(lambda: client.is_whole and client.lanes[0]["depth_messages"] > 20, "a live book")
        assert_same_books(client, server)
    lines = path.read_bytes().splitlines(keepends=True)
    last = max(number for number, line in enumerate(lines) if b"depthUpdate" in line)
    (tmp_path / "short").write_bytes(b"".join(lines[:last] + lines[last + 1 :]))
    assert replayed_books(path) == books(client.assembly)
    assert replayed_books(tmp_path / "short") != books(client.assembly)
