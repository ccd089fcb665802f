"""The venue's clock as it is measured at a start: an answer long under way is made up for, a bad way is not."""

from __future__ import annotations

import asyncio
import json
import random
from types import SimpleNamespace

import pytest

from bot4.adapters.venues.binance.access import Endpoints, Success
from bot4.adapters.venues.binance.clock_check import clock_note
from bot4.adapters.venues.binance.sign import HmacSigner
from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.domain.secret import Secret

MS = 1_000_000
BEGIN_NS = 1_700_000_000_000 * MS


class Way:
    """A machine and a venue with the same clock, and answers that take so long, the last as long as ever after."""

    def __init__(self, *trips_ms: int) -> None:
        self.trips_ms, self.now_ns, self.asked = list(trips_ms), BEGIN_NS, 0

    def time(self) -> int:
        trip_ns = self.trips_ms[min(self.asked, len(self.trips_ms) - 1)] * MS
        self.asked += 1
        self.now_ns += trip_ns
        return (self.now_ns - trip_ns // 2) // MS

    def note(self) -> str | None:
        clock = SimpleNamespace(monotonic_ns=lambda: self.now_ns, wall_ns=lambda: self.now_ns)
        peer = SimpleNamespace(get=lambda _: SimpleNamespace(status=200, body=json.dumps({"serverTime": self.time()})))
        return clock_note(peer, "/time", clock, offset_max_ms=500)

    def account(self) -> str | None:
        spot = BinanceSpot(
            Endpoints(rest="https://a.b", ws_api="wss://a.b"), Secret("key"), HmacSigner(Secret("secret")), symbols=[],
            mono_ns=lambda: self.now_ns, wall_ns=lambda: self.now_ns, rng=random.Random(1),
        )  # fmt: skip

        async def call(*_):
            return Success({"serverTime": self.time()})

        spot._rest.call = call
        asyncio.run(spot.measure_clock())
        return spot.clock.why_untrusted()


@pytest.mark.parametrize("measure", [Way.note, Way.account])
def test_a_connection_that_took_long_and_one_late_answer_do_not_count(measure):
    way = Way(900, 20, 20, 700, 20, 20, 20)
    assert measure(way) is None
    assert way.asked == 7, "one for the connection, five, and one more"
    quiet = Way(20)
    assert measure(quiet) is None
    assert quiet.asked == 6


@pytest.mark.parametrize("measure", [Way.note, Way.account])
def test_a_way_that_is_bad_to_the_end_is_said_to_be(measure):
    way = Way(20, *(700, 20) * 9)
    assert "round trips spread over 680 ms" in measure(way)
    assert way.asked == 10
