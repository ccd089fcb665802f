"""The live feed against a small exchange on loopback: whatever goes wrong, both end with the same book."""

from __future__ import annotations

import pytest
from builders.lane_events import records
from builders.live_feed import Client, assert_same_books, drop, until
from builders.venue_server import VenueServer, mark_price

from bot4._core.engine.shard import ControlCode
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.record import JournalKind
from bot4._core.journal.stream import Journal
from bot4.domain.instrument import Market


@pytest.fixture
def server():
    with VenueServer() as one:
        yield one


def test_the_book_is_the_servers_and_everything_else_arrives_too(server):
    with Client(server) as client:
        until(lambda: client.is_whole and client.lanes[0]["trades"] > 5, "a live book")
        assert_same_books(client, server)
    lane = client.lanes[0]
    assert lane["gaps"] == 0
    assert lane["quotes"] > 5
    assert client.source.counters["snapshots"] >= 1
    assert client.source.notes == ()
    assert server.all_peers[0].streams == {"btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@trade"}


def test_several_instruments_share_a_connection_and_each_gets_its_own_snapshot():
    with (
        VenueServer("BTCUSDT", "ETHUSDT", "BNBUSDT") as server,
        Client(server, "BTCUSDT", "ETHUSDT", "BNBUSDT") as client,
    ):
        until(lambda: client.is_whole, "three live books")
        assert_same_books(client, server)
        assert len(server.all_peers) == 1


def test_futures_come_by_their_two_routes():
    with (
        VenueServer("BTCUSDT", futures=True) as server,
        Client(server, market=Market.USDM) as client,
    ):
        until(lambda: client.is_whole and client.lanes[0]["trades"] > 3, "a live book and prints")
        assert_same_books(client, server)
    routes = sorted(target for target in server.targets if "stream?" in target)
    assert [target.partition("?")[0] for target in routes] == ["/market/stream", "/public/stream"]
    assert any(target.startswith("/fapi/v1/depth?symbol=BTCUSDT&limit=1000") for target in server.targets)


def test_funding_of_futures_is_told_to_the_engine_where_the_rate_moved_and_where_it_was_settled(tmp_path):
    with (
        VenueServer("BTCUSDT", "ETHUSDT", futures=True) as server,
        Journal(tmp_path / "j") as journal,
        Client(server, "BTCUSDT", "ETHUSDT", market=Market.USDM, journal=journal) as client,
    ):
        until(lambda: client.is_whole, "live books")

        def is_heard() -> bool:  # by the socket of the other route
            server.call(server.publish, mark_price("0.0001", 5_000, 1))
            return client.assembly.engine.counters()["controls"] == 1

        until(is_heard, "the first rate")
        for rate, settled_ms, said_ms in (
            ("0.0001", 5_000, 2), ("0.0002", 5_000, 3), ("-0.003", 6_000, 5_001),
            ("0.5", 5_000, 4),  # of a socket that lags behind
            ("", 7_000, 5_001), ("2", 8_000, 5_001),
        ):  # fmt: skip
            server.call(server.publish, mark_price(rate, settled_ms, said_ms))
        until(lambda: client.source.notes, "the rate that cannot be")
        client.clock.shift_ns += 11_000_000_000
        server.call(server.publish, mark_price("-0.004", 6_000, 5_002))
        until(lambda: client.assembly.engine.counters()["controls"] >= 4, "three rates")
        client.stop()
    assert client.source.notes == ("the venue refused 1 times: a funding rate that means nothing (ValueError)",)
    told = records(tmp_path / "j", JournalKind.JOURNAL_CONTROL, EVENT_DTYPE)
    words = [tuple(int(row[name]) for name in ("instrument", "a", "b", "c")) for row in told]
    assert words == [
        (1, ControlCode.CONTROL_FUNDING, 100_000, 5_000_000_000),
        (1, ControlCode.CONTROL_SETTLE, 20_000, 5_000_000_000),  # the last word on it, told or not
        (1, ControlCode.CONTROL_FUNDING, -3_000_000, 6_000_000_000),
        (1, ControlCode.CONTROL_FUNDING, -4_000_000, 6_000_000_000),
    ]


def test_pings_are_answered_with_their_own_payload(server):
    with Client(server):
        until(lambda: server.all_peers and len(server.all_peers[0].pongs) >= 2, "two pongs")
    assert server.all_peers[0].pongs[:2] == [b"20", b"40"] or all(pong.isdigit() for pong in server.all_peers[0].pongs)


def duplicate(server: VenueServer):
    return lambda diffs: [copy for diff in diffs for copy in [diff] * server.rng.choice([1, 1, 2])]


def reorder(server: VenueServer):
    return lambda diffs: diffs[::-1] if server.rng.random() < 0.05 else diffs


@pytest.mark.parametrize(("fault", "gaps"), [(drop, True), (duplicate, False), (reorder, True)])
def test_dropped_doubled_and_reordered_diffs_end_in_the_servers_book(server, fault, gaps):
    server.tamper = fault(server)
    with Client(server) as client:
        if gaps:
            until(lambda: client.lanes[0]["gaps"] >= 3, "three gaps")
        else:
            until(lambda: client.is_whole and client.lanes[0]["depth_messages"] > 150, "150 diffs")
            assert client.lanes[0]["gaps"] == 0
        server.tamper = None
        until(lambda: client.is_whole, "a live book again")
        assert_same_books(client, server)


def test_a_snapshot_older_than_the_diffs_that_wait_is_asked_for_again(server):
    server.freeze_snapshots(2)
    frozen = server.truths["BTCUSDT"].update_id
    until(lambda: server.truths["BTCUSDT"].update_id > frozen, "the book to move")
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        assert_same_books(client, server)
    assert client.source.counters["snapshots"] >= 3


def test_a_venue_that_asks_for_a_pause_is_not_asked_meanwhile(server):
    server.snapshot_status = (429, {"Retry-After": "1"})
    with Client(server) as client:
        until(lambda: server.requests.count("depth") >= 2, "the next try")
        first, second = server.asked_s["depth"][:2]
        assert second - first > 0.8
        server.snapshot_status = None
        until(lambda: client.is_whole, "a live book")
        assert_same_books(client, server)
    assert any("HTTP 429" in note for note in client.source.notes)
