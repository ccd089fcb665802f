"""The live feed against a small exchange on loopback: whatever goes wrong, both end with the same book."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Self

import pytest
from builders.venue_server import VenueServer
from oracles.wire_websocket import CLOSE, PING, encode

from bot4._core.clock import SystemClock
from bot4._core.engine.feed import Feed
from bot4._core.engine.runner import ShardRunner
from bot4._core.wire.frame_log import FrameLog
from bot4.adapters.recordings.recorder import FrameRecorder
from bot4.adapters.recordings.replay_feed import ReplayFeed
from bot4.adapters.venues.binance.market_data import BinanceStreams
from bot4.adapters.venues.live_feed import LiveFeed
from bot4.application.assembly import Assembly, InputShape, assemble
from bot4.config import load_settings
from bot4.domain.errors import Bot4Error, ConfigError, UnreachableError
from bot4.domain.instrument import Market
from bot4.ports.frame_sink import FrameSink

FAST = {
    "streams.connect_timeout_s": 2.0,
    "streams.snapshot_timeout_s": 2.0,
    "streams.reconnect_first_ms": 10,
    "streams.reconnect_max_s": 0.2,
    "streams.overlap_s": 0.3,
    "streams.stale_floor_s": 0.5,
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


@dataclass
class Sink:
    """A recording that nobody writes."""

    log: FrameLog
    notes: tuple[str, ...] = ()


class Client:
    """A live feed with its engine, in threads as `bot4 run` has them."""

    def __init__(
        self, server: VenueServer, *symbols: str, market: Market = Market.SPOT, recorder: FrameSink | None = None,
        feed_type: type[LiveFeed] = LiveFeed, **settings: object,
    ) -> None:  # fmt: skip
        urls = {f"venues.binance.{prefix}rest_url": server.url for prefix in ("", "usdm_")}
        urls |= {f"venues.binance.{prefix}ws_url": server.ws_url for prefix in ("", "usdm_")}
        changes = {key.replace("__", "."): value for key, value in settings.items()}
        self.settings = load_settings(environment={}, overrides=FAST | urls | changes)
        self.clock = ShiftedClock()
        venue = BinanceStreams.open(
            market, symbols or ("BTCUSDT",), self.settings.venues.binance, self.settings.streams
        )
        self.source = feed_type(venue, self.settings.streams, clock=self.clock, rng=Random(3), recorder=recorder)
        self.assembly = assemble(self.settings, venue.instruments, journal=None, shape=InputShape())
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
    until(
        lambda: all(
            sync.is_live and sync.last_id == truth.update_id for sync, truth in zip(syncs, truths, strict=True)
        ),
        f"the books to arrive at {[truth.update_id for truth in truths]}, are at {[sync.last_id for sync in syncs]}, "
        f"{client.source.connection}, {client.source.notes}",
        5.0,
    )
    client.stop()
    for sync, truth, instrument in zip(syncs, truths, client.assembly.instruments, strict=True):
        lots = int(instrument.lot_size.scaleb(8))
        for side in (0, 1):
            prices, qtys = sync.book.depth(side)
            ours = [(int(price), int(qty) * lots) for price, qty in zip(prices, qtys, strict=True)]
            assert ours == [(price, qty * 1_000) for price, qty in truth.levels(side)]


@pytest.fixture
def server():
    with VenueServer() as one:
        yield one


# -- nothing goes wrong ------------------------------------------------------------------------------------------------


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


def test_pings_are_answered_with_their_own_payload(server):
    with Client(server):
        until(lambda: server.all_peers and len(server.all_peers[0].pongs) >= 2, "two pongs")
    assert server.all_peers[0].pongs[:2] == [b"20", b"40"] or all(pong.isdigit() for pong in server.all_peers[0].pongs)


# -- diffs go wrong ----------------------------------------------------------------------------------------------------


def drop(server: VenueServer):
    return lambda diffs: [diff for diff in diffs if server.rng.random() > 0.03]


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
    time.sleep(0.1)
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        assert_same_books(client, server)
    assert client.source.counters["snapshots"] >= 3


def test_a_venue_that_asks_for_a_pause_is_not_asked_meanwhile(server):
    server.snapshot_status = (429, {"Retry-After": "1"})
    with Client(server) as client:
        until(lambda: client.source.counters["snapshots_failed"] == 1, "a refused snapshot")
        refused = time.monotonic()
        until(lambda: server.requests.count("depth") == 2, "the next try")
        assert time.monotonic() - refused > 0.8
        server.snapshot_status = None
        until(lambda: client.is_whole, "a live book")
        assert_same_books(client, server)
    assert any("HTTP 429" in note for note in client.source.notes)


# -- connections go wrong ----------------------------------------------------------------------------------------------


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
        time.sleep(1.0)
        assert "0 of 1 connections up" in client.source.connection
        assert client.error is None
        server.is_out = False
        until(lambda: client.is_whole, "a live book again")
        assert_same_books(client, server)


def test_a_close_frame_names_its_reason(server):
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        server.is_out = True
        server.close_all(1008, b"go away")
        until(lambda: "code 1008 go away" in client.source.connection or len(server.all_peers) > 1, "the close")
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
    with Client(server) as client:
        until(lambda: client.is_whole and client.lanes[0]["depth_messages"] > 20, "a live book")
        server.mute_present_peers()
        until(lambda: len(server.all_peers) > 1, "a second connection")
        assert len(server.all_peers[0].pongs) > 0
        until(lambda: client.is_whole, "a live book again")
        assert_same_books(client, server)
    assert client.source.counters["stale_streams"] == 1


def test_one_mute_stream_is_found_though_the_others_speak(server):
    with Client(server) as client:
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
        "losses": 0, "rotations": 1, "stale_streams": 0, "snapshots": 1, "snapshots_failed": 0
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
        time.sleep(0.2)
        server.call(server.peers[0].writer.transport.abort)
        time.sleep(0.3)
        assert_same_books(client, server)
        assert client.lanes[0]["gaps"] == 0
        assert client.source.counters["snapshots"] == 1


# -- the recording -----------------------------------------------------------------------------------------------------


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


# -- what cannot work --------------------------------------------------------------------------------------------------


def test_a_venue_that_is_not_there_is_given_up_with_its_address():
    with VenueServer() as server:
        gone = server.url
        settings = load_settings(environment={}, overrides=FAST | {"venues.binance.rest_url": gone})
    with pytest.raises(UnreachableError, match=r"http://localhost:\d+/api/v3/exchangeInfo cannot be reached") as caught:
        BinanceStreams.open(Market.SPOT, ["BTCUSDT"], settings.venues.binance, settings.streams)
    assert caught.value.exit_code == 69


def test_streams_that_never_come_up_end_the_feed_after_the_attempts_of_a_start(server):
    client = Client(server, streams__start_attempts_max=3)
    server.is_out = True
    with client:
        until(lambda: client.error is not None, "the feed to give up")
    assert isinstance(client.error, UnreachableError)
    assert "gave up after 3 attempts in a row" in str(client.error)


def test_an_outage_longer_than_the_attempts_allow_ends_the_feed(server):
    with Client(server, streams__reconnect_attempts_max=6) as client:
        until(lambda: client.is_whole, "a live book")
        server.is_out = True
        server.cut()
        until(lambda: client.error is not None, "the feed to give up")
    assert "gave up after 6 attempts" in str(client.error)


def test_connections_in_a_window_are_bounded(server):
    with Client(server, streams__connections_max=3, streams__connections_window_s=60.0) as client:
        until(lambda: client.is_whole, "a live book")
        for _ in range(2):
            peers = len(server.all_peers)
            server.cut()
            until(lambda count=peers: len(server.all_peers) > count, "a reconnect")
        server.cut()
        time.sleep(1.0)
        assert len(server.all_peers) == 3


def test_a_symbol_the_venue_does_not_know_is_named(server):
    with pytest.raises(ConfigError, match="NOPEUSDT"):
        Client(server, "BTCUSDT", "NOPEUSDT")


# -- encryption --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    pair = folder / "pair.pem"
    pair.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return str(pair), str(folder / "cert.pem")


def test_encrypted_streams_end_in_the_servers_book_too(certificate):
    pair, authority = certificate
    with VenueServer(certificate=pair) as server, Client(server, venues__binance__ca_file=authority) as client:
        until(lambda: client.is_whole and client.lanes[0]["depth_messages"] > 50, "a live book")
        server.cut()
        until(lambda: len(server.all_peers) > 1 and client.is_whole, "a live book again")
        assert_same_books(client, server)


def test_a_certificate_nobody_vouches_for_is_refused(certificate):
    with VenueServer(certificate=certificate[0]) as server, pytest.raises(UnreachableError, match="self-signed"):
        Client(server)


# -- controls ----------------------------------------------------------------------------------------------------------


def test_control_a_client_that_ignores_gaps_ends_with_another_book(server, monkeypatch):
    """Planted: missing diffs are papered over before the book can see that they are missing."""
    seen: dict[str, int] = {}

    def hide_gaps(diffs: list[bytes]) -> list[bytes]:
        kept = []
        for diff in drop(server)(diffs):
            head, _, rest = diff.partition(b'"U":')
            _, _, tail = rest.partition(b',"u":')
            last = int(tail.split(b",")[0])
            kept.append(head + b'"U":%d,"u":' % (seen.get("last", last - 1) + 1) + tail)
            seen["last"] = last
        return kept

    server.tamper = hide_gaps
    with Client(server) as client:
        until(lambda: client.lanes[0]["depth_messages"] > 200, "200 diffs")
        server.tamper = None
        with pytest.raises(AssertionError):
            assert_same_books(client, server)


def test_control_a_client_that_never_asks_for_a_snapshot_is_found(server, monkeypatch):
    monkeypatch.setattr("bot4.adapters.venues.live_run.LiveRun._ask_for_snapshots", lambda *_: None)
    with Client(server) as client, pytest.raises(AssertionError, match="waited"):
        until(lambda: client.is_whole, "a live book", 2.0)


def test_control_a_client_without_patience_policy_stays_mute(server, monkeypatch):
    monkeypatch.setattr("bot4.adapters.venues.live_run.LiveRun._silence", lambda *_: None)
    with Client(server) as client:
        until(lambda: client.is_whole and client.lanes[0]["depth_messages"] > 20, "a live book")
        server.mute_present_peers()
        with pytest.raises(AssertionError, match="waited"):
            until(lambda: len(server.all_peers) > 1, "a second connection", 3.0)
