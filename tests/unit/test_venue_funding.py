"""Payments of funding on their way from a venue's list to the shard: each once, whatever fails in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest
from builders.perpetual import PERPETUAL

from bot4._core.engine.control import ControlCode
from bot4.application.live.venue_funding import EAGER_NS, EAGER_PAUSE_NS, OVERLAP_NS, PAUSE_NS, VenueFunding
from bot4.application.past.run_past import RunPast
from bot4.ports.venue_order import FundingPayment
from bot4.ports.venue_outcome import NoInformation

S = 1_000_000_000
BEGIN_NS = 1_700_000_000 * S


class Venue:
    def __init__(self, *, positions=True):
        self.now_ns, self.rows, self.asked, self.is_silent = BEGIN_NS, [], [], False
        self.capabilities = SimpleNamespace(positions=positions)

    def server_now_ns(self):
        return self.now_ns

    async def funding_since(self, since_ns):
        self.asked.append(since_ns)
        return NoInformation("503") if self.is_silent else [row for row in self.rows if row.ts_ns >= since_ns]


class Shard:
    def __init__(self, room=10**9):
        self.room, self.taken = room, []

    def control(self, code, *, instrument, value, qty_lots, tif):
        assert code == ControlCode.CONTROL_FUNDING_PAID
        if len(self.taken) == self.room:
            return False
        self.taken.append((instrument, value, qty_lots, tif))
        return True


def payment(number, paid="0.5", *, symbol="ETHUSDT", asset="USDT", after_s=1):
    return FundingPayment(number, symbol, asset, Decimal(paid), BEGIN_NS + after_s * S)


def desk(venue=None):
    venue, shard = venue or Venue(), Shard()
    instruments = [PERPETUAL, replace(PERPETUAL, symbol="ETHUSDT", base="ETH")]
    return venue, shard, VenueFunding(venue, shard, instruments, {"USDT": (1, 8)})


def look(funding, **how):
    asyncio.run(funding.look(**how))


def test_a_payment_is_booked_once_with_its_lane_time_and_number():
    venue, shard, funding = desk()
    look(funding)  # the run begins
    venue.rows = [payment(7), payment(8, "-0.00000003", symbol="BTCUSDT", after_s=2), payment(9, symbol="SOLUSDT")]
    for _ in range(3):
        look(funding, at_once=True)
    assert shard.taken == [(1, 50_000_000, BEGIN_NS + S, 7), (0, -3, BEGIN_NS + 2 * S, 8)]
    assert funding.notes == ()


@pytest.mark.parametrize(("paid", "atoms"), [("0.000000001", 1), ("-0.000000019", -1)])
def test_what_is_finer_than_an_atom_is_rounded_against_the_account(paid, atoms):
    venue, shard, funding = desk()
    look(funding)
    venue.rows = [payment(1, paid)]
    look(funding, at_once=True)
    assert [row[1] for row in shard.taken] == [atoms]


def test_one_in_another_asset_is_noted_and_not_booked():
    venue, shard, funding = desk()
    venue.rows = [payment(1, asset="BNB")]
    for _ in range(2):
        look(funding, at_once=True)
    assert shard.taken == []
    assert funding.notes == ("1 payments of funding were in other assets than a contract's own: not booked",)


def test_what_found_no_room_is_asked_for_at_the_next_look_and_what_was_not_answered_ten_seconds_later():
    venue, shard, funding = desk()
    venue.rows, shard.room = [payment(1), payment(2)], 1
    look(funding)
    venue.is_silent, shard.room = True, 2
    for _ in range(3):
        look(funding)
    assert len(venue.asked) == 2, "a venue in trouble is not asked at each pass"
    venue.is_silent = False
    venue.now_ns += EAGER_PAUSE_NS
    look(funding)
    assert [row[3] for row in shard.taken] == [1, 2]
    look(funding)
    assert len(venue.asked) == 3, "it is not time yet"


def test_two_looks_at_a_time_book_nothing_twice():
    venue, shard, funding = desk()
    funding.resume(RunPast(None, began_ns=BEGIN_NS))
    venue.rows = [payment(number, after_s=number * 28_800) for number in range(1, 6)]
    answer, answering = venue.funding_since, asyncio.Event()

    async def later(since_ns):
        rows = await answer(since_ns)
        await answering.wait()
        return rows

    async def main():
        both = asyncio.gather(funding.look(), funding.look(at_once=True))
        await asyncio.sleep(0)
        answering.set()
        await both

    venue.funding_since = later
    asyncio.run(main())
    assert [row[3] for row in shard.taken] == [1, 2, 3, 4, 5]
    assert len(venue.asked) == 2


def test_it_looks_every_five_minutes_and_for_a_minute_after_the_venue_told_every_ten_seconds():
    venue, _, funding = desk()
    seen = []
    for second in range(0, 700, 5):
        venue.now_ns = BEGIN_NS + second * S
        if second == 400:
            funding.hear()
        before = len(venue.asked)
        look(funding)
        seen += [second] * (len(venue.asked) - before)
    assert (PAUSE_NS, EAGER_NS, EAGER_PAUSE_NS) == (300 * S, 60 * S, 10 * S)
    assert seen == [0, 300, 400, 410, 420, 430, 440, 450]


def test_one_that_is_listed_late_is_still_found_and_what_is_old_is_not_asked_for():
    venue, shard, funding = desk()
    look(funding)
    for hour in range(1, 6):
        venue.rows.append(payment(hour, after_s=3_600 * hour))
        look(funding, at_once=True)
    venue.rows.append(payment(99, after_s=3_600 * 5 - 3_000))
    look(funding, at_once=True)
    assert sorted(row[3] for row in shard.taken) == [1, 2, 3, 4, 5, 99]
    assert venue.asked[-1] == BEGIN_NS + 5 * 3_600 * S - OVERLAP_NS


def test_the_next_life_knows_what_was_booked_and_asks_for_what_was_not():
    venue, shard, funding = desk()
    venue.rows = [payment(1), payment(2, after_s=2), payment(3, after_s=9_000)]
    past = RunPast(None, began_ns=BEGIN_NS, funding={1: BEGIN_NS + S})
    venue.now_ns = BEGIN_NS + 10_000 * S
    funding.resume(past)
    look(funding)
    assert [row[3] for row in shard.taken] == [2, 3]
    _, shard, funding = desk(venue)
    look(funding)
    assert shard.taken == [], "a new run begins with the venue's balance: what was paid before is in it"


def test_on_spot_nobody_is_asked():
    venue, _, funding = desk(Venue(positions=False))
    look(funding, at_once=True)
    assert venue.asked == []
