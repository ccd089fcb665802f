"""What the live feed refuses or gives up, and controls: clients with a fault each are found."""

from __future__ import annotations

import subprocess
import time

import pytest
from builders.live_feed import FAST, Client, assert_same_books, until
from builders.venue_server import VenueServer

from bot4.adapters.venues.binance.market_data import BinanceStreams
from bot4.config import load_settings
from bot4.domain.errors import ConfigError, UnreachableError
from bot4.domain.instrument import Market


@pytest.fixture
def server():
    with VenueServer() as one:
        yield one


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
        # The last one stays: what would come after it could show the gap, and heal it.
        for diff in [*(diff for diff in diffs[:-1] if server.rng.random() > 0.2), *diffs[-1:]]:
            head, _, rest = diff.partition(b'"U":')
            _, _, tail = rest.partition(b',"u":')
            last = int(tail.split(b",")[0])
            kept.append(head + b'"U":%d,"u":' % (seen.get("last", last - 1) + 1) + tail)
            seen["last"] = last
        return kept

    server.tamper = hide_gaps
    with Client(server, streams__stale_floor_s=30.0) as client:
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
    with Client(server, streams__stale_floor_s=0.5) as client:
        until(lambda: client.is_whole and client.lanes[0]["depth_messages"] > 20, "a live book")
        server.mute_present_peers()
        with pytest.raises(AssertionError, match="waited"):
            until(lambda: len(server.all_peers) > 1, "a second connection", 3.0)
