"""Bars of before a live run: told first, through scanner and recording like all else, and never traded on."""

from __future__ import annotations

import json
import time

import pytest
from builders.engine import MS, START_NS, Rig, one
from builders.live_feed import Client, until
from builders.venue_server import VenueServer

from bot4._core.engine.feed import Feed
from bot4._core.types import EventKind, Flag
from bot4.adapters.recordings.recorder import FrameRecorder
from bot4.adapters.recordings.replay_feed import ReplayFeed
from bot4.application.assembly.assembly import assemble
from bot4.application.assembly.shape import InputShape
from bot4.config import load_settings
from bot4.domain.errors import ConfigError, UnreachableError
from bot4.domain.instrument import Market
from bot4.strategy.base import Strategy, host_strategy

MINUTE_MS = 60_000
COUNTED = ("bars", "depth_messages", "quotes", "trades", "gaps")
WARM = {"strategy__warm_up_bars": 60, "strategy__bar_interval_ms": MINUTE_MS}


def rows(count: int) -> list[list]:
    """Bars of a minute as the venue lists them, and the one of now, which is open and stays so for half a minute."""
    newest_ms = time.time_ns() // 1_000_000 - MINUTE_MS // 2
    found = []
    for i in range(count, -1, -1):
        open_ms, price = newest_ms - i * MINUTE_MS, 60_000 - i
        prices = [f"{price}.00", f"{price + 5}.00", f"{price - 5}.00", f"{price + 1}.00"]
        found.append([open_ms, *prices, "7.5", open_ms + MINUTE_MS - 1, "0", 12, "2.5", "0", "0"])
    return found


@pytest.fixture
def server():
    with VenueServer("BTCUSDT", "ETHUSDT") as one:
        one.bars = (200, json.dumps(rows(80)).encode())
        yield one


class Notes(Strategy):
    """Asks for an order with each bar."""

    def __init__(self) -> None:
        self.bars: list[tuple[int, bool]] = []

    def on_bar(self, market, bar) -> None:
        self.bars.append((bar.close_ticks, bar.is_history))
        market.buy(1, 100_000)


def test_the_bars_that_have_ended_come_before_the_first_message_and_make_no_price(server):
    with Client(server, "BTCUSDT", "ETHUSDT", **WARM) as client:
        until(lambda: client.is_whole, "live books")
        lanes = client.lanes
    assert [lane["bars"] for lane in lanes] == [60, 60]
    assert client.source.notes == ("bars of before the start were read: 60 of BTCUSDT, 60 of ETHUSDT",)
    first, last = server.requests.index("klines"), server.requests.index("depth")
    assert first < last
    assert server.requests.count("klines") == 2


def test_a_strategy_hears_them_and_what_it_asks_for_meanwhile_is_not_taken(server):
    notes = Notes()
    client = Client(server, **WARM)
    host = host_strategy(notes, client.assembly.engine)
    with client:
        until(lambda: client.is_whole, "live books")
    assert [close for close, _ in notes.bars] == [6_000_000 - 100 * i + 100 for i in range(60, 0, -1)]
    assert {is_history for _, is_history in notes.bars[:-1]} == {True}
    counters = host.counters()
    assert counters["untimely"] + client.lanes[0]["intents"] + client.lanes[0]["refusals"] >= 60
    assert counters["untimely"] >= 59


def bar(at_ms: int, age_ms: int, *, lasted_ms: int = 1_000) -> list:
    """A bar that is told so long after its end."""
    opened = START_NS + (at_ms - age_ms - lasted_ms) * MS
    flags = int(Flag.FLAG_BAR_CLOSED)
    return [
        one(at_ms, EventKind.EVENT_BAR_PRICES, flags=flags, a=100_000, b=100_005, c=99_995, d=100_001, e=opened),
        one(at_ms, EventKind.EVENT_BAR_FLOW, flags=flags, a=50, b=20, c=7, d=lasted_ms * MS, e=opened),
    ]


@pytest.mark.parametrize(("age_ms", "is_history"), [(0, False), (1_000, False), (1_001, True), (86_400_000, True)])
def test_a_bar_told_later_than_it_lasted_is_of_the_past_and_gives_no_price(age_ms, is_history):
    rig, notes = Rig(lane={"assumed_half_spread_ticks": 1}), Notes()
    host = host_strategy(notes, rig.engine)
    rig.apply(*bar(5_000, age_ms))
    assert notes.bars == [(100_001, is_history)]
    assert host.counters()["untimely"] == is_history
    assert rig.lane["source"] == ("none" if is_history else "assumed")


def test_a_recording_holds_them_and_replays_to_the_same(server, tmp_path):
    path = tmp_path / "day.gz"
    with FrameRecorder(path) as recorder, Client(server, recorder=recorder, **WARM) as client:
        until(lambda: client.is_whole, "live books")
    source = ReplayFeed([path])
    settings = load_settings(environment={}, overrides={"strategy.bar_interval_ms": MINUTE_MS})
    assembly = assemble(settings, source.instruments, journal=None, shape=InputShape())
    source.run(Feed(assembly.scanner, assembly.engine))
    replayed, lived = assembly.engine.lane_counters(0), client.lanes[0]
    assert replayed["bars"] == 60
    assert {key: replayed[key] for key in COUNTED} == {key: lived[key] for key in COUNTED}


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (200, b"[[1, 2]]", "gives no bars: IndexError"),
        (200, b"no json", "gives no bars: JSONDecodeError"),
        (200, b'{"code": 1}', "gives no bars"),
        (400, b'{"code":-1120,"msg":"Invalid interval."}', "HTTP 400.*Invalid interval"),
    ],
)
def test_a_past_that_cannot_be_read_ends_the_start(server, status, text, said):
    server.bars = (status, text)
    with Client(server, **WARM) as client:
        until(lambda: client.error is not None, "the refusal")
    with pytest.raises(UnreachableError, match=said):
        raise client.error


def test_an_interval_the_venue_does_not_have_is_refused_by_name(server):
    with pytest.raises(ConfigError, match=r"no bars of 45000 ms.*must be one of 1000, 60000"):
        Client(server, strategy__warm_up_bars=5, strategy__bar_interval_ms=45_000)
    with VenueServer(futures=True) as futures, pytest.raises(ConfigError, match="must be one of 60000, 180000"):
        Client(futures, market=Market.USDM, strategy__warm_up_bars=5, strategy__bar_interval_ms=1_000)
