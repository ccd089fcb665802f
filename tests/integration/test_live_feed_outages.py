"""The live feed when connections are cut, fall silent or are rotated: the book is lost at once and comes back whole."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import pytest
from builders.live_feed import Client, assert_same_books, until
from builders.venue_server import VenueServer
from oracles.wire_websocket import CLOSE, PING, encode

from bot4._core.wire.frame_log import FrameLog


@dataclass
class Sink:
    """A recording that nobody writes."""

    log: FrameLog
    notes: tuple[str, ...] = ()


@pytest.fixture
def server():
    with VenueServer() as one:
        yield one


def test_a_connection_that_is_cut_costs_the_book_at_once_and_gives_it_back(server):
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        server.is_out = True
        server.cut()
        until(lambda: client.feed.needs_snapshot(0), "the book to be given up")
        until(lambda: client.assembly.engine.view()["lanes"][0]["bid_ticks"] == 0, "no touch to trade on")
        server.is_out = False
        until(lambda: client.is_whole, "a live book again")
        assert_same_books(client, server)
    assert client.source.counters["losses"] >= 1


def test_an_outage_is_waited_for_and_ends_in_the_servers_book(server):
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        server.is_out = True
        server.cut()
        until(lambda: "0 of 1 connections up" in client.source.connection, "the loss to be noticed")
        time.sleep(1.0)
        assert "0 of 1 connections up" in client.source.connection
        assert client.error is None
        server.is_out = False
        until(lambda: client.is_whole, "a live book again")
        assert_same_books(client, server)


def test_a_close_frame_names_its_reason(server):
    # So long until it tries again, and has another reason.
    with Client(server, streams__reconnect_first_ms=2_000, streams__reconnect_max_s=2.0) as client:
        until(lambda: client.is_whole, "a live book")
        server.is_out = True
        server.close_all(1008, b"go away")
        until(lambda: "code 1008 go away" in client.source.connection, "the close")
        server.is_out = False
        until(lambda: client.is_whole and len(server.all_peers) > 1, "a live book again")
        assert_same_books(client, server)


def test_what_comes_in_one_piece_with_the_upgrade_is_heeded_at_once(server):
    server.greeting = encode(PING, b"first") + encode(CLOSE, (1013).to_bytes(2, "big"))
    with Client(server, streams__stale_floor_s=30.0) as client:
        until(lambda: len(server.all_peers) > 1, "a second connection", 5.0)
        until(lambda: client.is_whole, "a live book")
        assert_same_books(client, server)
    assert client.source.counters["losses"] == 1


def test_a_mute_stream_with_live_pings_is_found_and_connected_anew(server):
    with Client(server, streams__stale_floor_s=3.0) as client:
        until(lambda: client.is_whole and client.lanes[0]["depth_messages"] > 20, "a live book")
        server.mute_present_peers()
        until(lambda: len(server.all_peers) > 1, "a second connection")
        assert len(server.all_peers[0].pongs) > 0
        until(lambda: client.is_whole, "a live book again")
        assert_same_books(client, server)
    assert client.source.counters["stale_streams"] == 1


def test_one_mute_stream_is_found_though_the_others_speak(server):
    with Client(server, streams__stale_floor_s=3.0) as client:
        until(lambda: client.is_whole and client.lanes[0]["depth_messages"] > 20, "a live book")
        server.silent_streams = {"btcusdt@depth@100ms"}
        until(lambda: client.source.counters["stale_streams"] >= 1, "the silence to be noticed")
        server.silent_streams = set()
        until(lambda: client.is_whole, "a live book again")
        assert_same_books(client, server)
    assert any("fell silent" in note for note in client.source.notes)


def recorded_trade_ids(log: FrameLog) -> list[int]:
    lines = [json.loads(line.partition(b": ")[2]) for line in log.take(1 << 25).splitlines() if b'"e":"trade"' in line]
    return [line["data"]["t"] for line in lines]


def test_after_a_day_a_second_socket_takes_over_without_a_gap(server):
    log = FrameLog(1 << 22)
    with Client(server, streams__overlap_s=30.0, recorder=Sink(log)) as client:
        until(lambda: client.is_whole and client.lanes[0]["trades"] > 5, "a live book")
        client.clock.shift_ns += 85_801 * 10**9
        until(lambda: len(server.peers) == 2, "a second socket")
        until(lambda: client.feed.live_counters["repeated_trades"] > 3, "prints by both sockets")
        client.clock.shift_ns += 31 * 10**9
        until(lambda: len(server.peers) == 1, "the first to be let go")
        assert server.all_peers[0].close_code == 1000
        assert_same_books(client, server)
    assert client.lanes[0]["gaps"] == 0
    ids = recorded_trade_ids(log)
    assert ids == list(range(ids[0], server.truths["BTCUSDT"].trade_id + 1))
    assert client.lanes[0]["trades"] == len(ids)
    assert client.source.counters == {
        "losses": 0, "rotations": 1, "stale_streams": 0, "snapshots": 1, "snapshots_failed": 0, "restarts": 0
    }  # fmt: skip


def test_a_server_that_says_it_leaves_is_left_at_once_without_a_gap(server):
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        server.shut_down_notice()
        until(lambda: (len(server.all_peers), len(server.peers)) == (2, 1), "the change")
        assert_same_books(client, server)
        assert client.lanes[0]["gaps"] == 0
    assert client.source.counters["losses"] == 0


def test_an_old_socket_that_dies_while_the_new_one_is_up_costs_nothing(server):
    with Client(server, streams__overlap_s=30.0) as client:
        until(lambda: client.is_whole, "a live book")
        client.clock.shift_ns += 85_801 * 10**9
        until(lambda: len(server.peers) == 2, "a second socket")
        until(lambda: client.feed.live_counters["repeated_trades"] > 3, "prints by both sockets")
        server.call(server.peers[0].writer.transport.abort)
        time.sleep(0.3)
        assert_same_books(client, server)
        assert client.lanes[0]["gaps"] == 0
        assert client.source.counters["snapshots"] == 1
