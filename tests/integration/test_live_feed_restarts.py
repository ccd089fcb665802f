"""The reader of a live feed fails where nobody expected it: books are given up at once, and come back whole."""

from __future__ import annotations

import pytest
from builders.live_feed import Client, assert_same_books, until
from builders.venue_server import VenueServer, mark_price

from bot4.adapters.venues import live_feed
from bot4.adapters.venues.live_run import LiveRun
from bot4.domain.instrument import Market


@pytest.fixture
def server():
    with VenueServer() as one:
        yield one


def plant(monkeypatch, name, times=1):
    right, left = getattr(LiveRun, name), [times]

    def wrong(self, *args, **named):
        is_due = left[0] > 0
        left[0] -= is_due
        if is_due and name != "_take_socket":  # its socket would belong to nobody
            raise RuntimeError("planted")
        done = right(self, *args, **named)
        if is_due:
            raise RuntimeError("planted")
        return done

    monkeypatch.setattr(LiveRun, name, wrong)
    return left


@pytest.mark.parametrize("name", ["_tend", "_ask_for_snapshots", "_serve", "_beat", "_take_snapshot", "_take_socket"])
def test_a_reader_that_fails_begins_anew_and_has_the_venues_book_again(server, monkeypatch, name):
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        left = plant(monkeypatch, name)
        if name in {"_take_snapshot", "_take_socket"}:
            server.cut()
        until(lambda: left[0] == 0, "the planted fault")
        until(lambda: client.source.counters["restarts"] == 1, "the restart")
        until(lambda: all(lane["gaps"] for lane in client.lanes), "the book of before to be given up")
        until(lambda: client.is_whole, "a live book again")
        assert client.error is None
        assert_same_books(client, server)
    assert any("reading began anew 1 times after RuntimeError: planted" in note for note in client.source.notes)


def test_books_are_not_live_while_the_reader_is_away(server, monkeypatch):
    with Client(server) as client:
        until(lambda: client.is_whole, "a live book")
        server.is_out = True
        plant(monkeypatch, "_tend")
        until(lambda: client.feed.needs_snapshot(0), "the book to be given up")
        until(lambda: client.assembly.engine.view()["lanes"][0]["bid_ticks"] == 0, "no touch to trade on")
        server.is_out = False
        until(lambda: client.is_whole, "a live book again")


def test_a_reader_that_fails_again_and_again_ends_the_feed(server, monkeypatch):
    monkeypatch.setattr(live_feed, "_STUMBLES_MAX", 3)
    with Client(server, feed_type=Watched) as client:
        until(lambda: client.is_whole, "a live book")
        plant(monkeypatch, "_tend", times=1_000)
        until(lambda: client.source.ended, "its end")
        assert client.source.counters["restarts"] == 3


class Watched(live_feed.LiveFeed):
    """A feed that tells how it ended, as its thread's death would be an error of the test."""

    ended = ""

    def run(self, feed):
        try:
            super().run(feed)
        except RuntimeError as error:
            self.ended = str(error)


def test_what_was_said_of_funding_is_remembered(monkeypatch):
    with VenueServer(futures=True) as server, Client(server, market=Market.USDM) as client:
        controls = client.assembly.engine.counters

        def tells(settled_ms: int, said_ms: int, controls_then: int) -> None:
            def is_told() -> bool:  # said again and again: who is not connected hears nothing
                server.call(server.publish, mark_price("0.0001", settled_ms, said_ms, "BTCUSDT"))
                return controls()["controls"] == controls_then

            until(is_told, "the words on funding")

        tells(5_000, 4_990, 1)
        plant(monkeypatch, "_tend")
        until(lambda: client.source.counters["restarts"] == 1, "the restart")
        tells(9_000, 5_010, 3)
        assert not any("unheard" in note for note in client.source.notes)
