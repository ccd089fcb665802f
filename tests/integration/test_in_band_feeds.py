"""Live feeds of Kraken, OKX, Bybit and Coinbase against small exchanges that speak as they do: one book."""

from __future__ import annotations

import time
from random import Random

import pytest
from builders.in_band_server import SERVERS, InBandServer
from builders.live_feed import RunningFeed

from bot4._core.clock import SystemClock
from bot4.adapters.venues.bybit.market_data import open_bybit
from bot4.adapters.venues.coinbase.market_data import open_coinbase
from bot4.adapters.venues.kraken.market_data import open_kraken
from bot4.adapters.venues.live_feed import LiveFeed
from bot4.adapters.venues.okx.market_data import open_okx
from bot4.config import load_settings
from bot4.domain.errors import ConfigError

OPEN = {"kraken": open_kraken, "okx": open_okx, "bybit": open_bybit, "coinbase": open_coinbase}
FAST = {
    "streams.reconnect_first_ms": 10,
    "streams.reconnect_max_s": 0.2,
    "streams.stale_floor_s": 12.0,
}
PATIENCE_S = 20.0


class Client(RunningFeed):
    """A live feed of one of these exchanges."""

    def __init__(
        self, server: InBandServer, symbols: tuple[str, ...] | None = None, **settings_changed: object
    ) -> None:
        urls = {f"venues.{server.venue}.rest_url": server.url, f"venues.{server.venue}.ws_url": server.ws_url}
        settings = load_settings(environment={}, overrides=FAST | urls | settings_changed)
        venue = OPEN[server.venue](
            symbols or (server.symbol,), getattr(settings.venues, server.venue), settings.streams
        )
        source = LiveFeed(venue, settings.streams, clock=SystemClock(), rng=Random(3))
        super().__init__(source, settings, venue.instruments)

    @property
    def lane(self) -> dict:
        return self.assembly.engine.lane_counters(0)

    @property
    def is_whole(self) -> bool:
        return bool(self.lane["depth_messages"]) and self.assembly.syncs[0].is_live

    def book(self, n: int) -> list[list[tuple[int, int]]]:
        """In hundredths and in 10 ** -5, as the exchange counts."""
        found = []
        for side in (0, 1):
            prices, qtys = self.assembly.syncs[0].book.depth(side, n)
            found.append([(int(price), int(qty) // 1_000) for price, qty in zip(prices, qtys, strict=True)])
        return found


def until(condition, what: str, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience_s} s for {what}"
        time.sleep(0.01)


def assert_same_book(client: Client, server: InBandServer, patience_s: float = 10.0) -> None:
    """Let the market stand still and everything arrive, then compare every level.

    `patience_s` is well below the patience with a silent stream, which would fetch the book anew.
    """
    server.pause()
    depth = getattr(server, "depth", 10_000)
    truth = [server.truth.levels(side)[:depth] for side in (0, 1)]
    deadline = time.monotonic() + patience_s

    def is_there() -> bool:
        try:
            return client.assembly.syncs[0].is_live and client.book(10_000) == truth
        except RuntimeError:  # in the middle of a message: the book belongs to the engine's thread
            return False

    while not is_there() and time.monotonic() < deadline:
        time.sleep(0.02)
    client.stop()
    assert client.assembly.syncs[0].is_live, (client.source.connection, client.source.notes)
    assert client.book(10_000) == truth


@pytest.fixture(params=sorted(SERVERS))
def server(request):
    with SERVERS[request.param]() as one:
        yield one


def test_the_book_is_the_exchanges_and_prints_arrive(server):
    with Client(server) as client:
        until(lambda: client.is_whole and client.lane["depth_messages"] > 60, "sixty book messages")
        until(lambda: client.lane["trades"] > 5, "prints")
        assert_same_book(client, server)
    assert client.lane["gaps"] == 0
    assert client.source.notes == ()
    assert len(server.all_peers) == 1


def test_messages_that_are_lost_are_noticed_and_the_book_comes_back(server):
    server.tamper = lambda messages: messages if server.rng.random() > 0.02 else []
    with Client(server) as client:
        until(lambda: client.lane["gaps"] >= 2 or len(server.all_peers) >= 3, "two losses")
        server.tamper = None
        until(lambda: client.is_whole, "a live book again")
        assert_same_book(client, server)
    assert any("book was lost" in note or "connection was lost" in note for note in client.source.notes)


def test_a_connection_that_is_cut_gives_the_book_up_and_brings_it_back(server):
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        server.is_out = True
        server.cut()
        until(lambda: not client.assembly.syncs[0].is_live, "the book to be given up")
        server.is_out = False
        until(lambda: client.is_whole, "a live book again")
        assert_same_book(client, server)


def test_a_silent_stream_with_live_pings_is_connected_anew(server):
    with Client(server, **{"streams.stale_floor_s": 3.0}) as client:
        until(lambda: client.is_whole and client.lane["depth_messages"] > 20, "a live book")
        server.mute_present_peers()
        until(lambda: len(server.all_peers) > 1, "a second connection")
        until(lambda: client.is_whole, "a live book again")
        assert_same_book(client, server, 2.0)
    assert client.source.counters["stale_streams"] == 1


def test_what_keeps_a_connection_alive_is_sent_where_the_venue_asks_for_it(server):
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        if server.venue != "coinbase":
            until(lambda: server.heartbeats, "a heartbeat")
        time.sleep(0.1)
    assert server.heartbeats == (0 if server.venue == "coinbase" else 1)


def test_a_symbol_the_venue_does_not_list_is_named(server):
    with pytest.raises(ConfigError, match="NOPE"):
        Client(server, ("NOPE",))


def test_a_restarted_bybit_service_replaces_the_book():
    with SERVERS["bybit"]() as server, Client(server) as client:
        until(lambda: client.is_whole and client.lane["depth_messages"] > 20, "a live book")
        server.restart()
        time.sleep(0.3)
        assert_same_book(client, server)
        assert client.lane["gaps"] == 0


# -- controls ----------------------------------------------------------------------------------------------------------


def drops(server: InBandServer):
    """Every tenth message, but no snapshot."""
    return lambda messages: messages if "snapshot" in str(messages) or server.rng.random() > 0.1 else []


def ends_with_another_book(server: InBandServer) -> bool:
    server.tamper = drops(server)
    with Client(server) as client:
        until(lambda: client.lane["depth_messages"] > 150, "150 messages")
        server.tamper = None
        try:
            assert_same_book(client, server, 2.0)
        except AssertionError:
            return True
    return False


def test_control_a_client_without_sequence_ids_ends_with_another_book(monkeypatch):
    monkeypatch.setattr("bot4.adapters.venues.okx.book.OkxBookReader._gap", lambda *_: "")
    with SERVERS["okx"]() as server:
        assert ends_with_another_book(server)


def test_control_a_client_without_checksum_ends_with_another_book(monkeypatch):
    monkeypatch.setattr("bot4.adapters.venues.kraken.market_data.KrakenInBand._is_whole", lambda *_: True)
    with SERVERS["kraken"]() as server:
        assert ends_with_another_book(server)


def test_control_a_client_that_does_not_count_ends_with_another_book(monkeypatch):
    monkeypatch.setattr("bot4.adapters.venues.bybit.market_data.BybitInBand._continues", lambda *_: True)
    with SERVERS["bybit"]() as server:
        assert ends_with_another_book(server)


def test_control_a_connection_whose_count_is_not_kept_ends_with_another_book(monkeypatch):
    monkeypatch.setattr("bot4.adapters.venues.coinbase.market_data.CoinbaseInBand._continues", lambda *_: True)
    with SERVERS["coinbase"]() as server:
        assert ends_with_another_book(server)


def test_control_a_client_that_keeps_what_fell_out_of_the_depth_ends_with_another_book(monkeypatch):
    monkeypatch.setattr("bot4.adapters.venues.text_book.TextSide.keep_best", lambda *_: [])
    with SERVERS["kraken"]() as server, Client(server) as client:
        until(lambda: client.lane["depth_messages"] > 150, "150 messages")
        with pytest.raises(AssertionError):
            assert_same_book(client, server, 2.0)
