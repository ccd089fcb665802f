"""The live gateway under a lease: what leaves without it, what a leader does that lost it, whose orders it touches."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from builders.live_desk import LOT, TAKING, Desk, until
from builders.tiny_venue import TinyVenue

from bot4.application.live.leading import LedAdmission
from bot4.domain.order_id import client_order_id


class HandLead:
    """A lease held by hand."""

    epoch, fence_until_s, notes = 3, 0.0, ()

    def __init__(self):
        self.sends, self.why, self.lost, self.beats, self.is_resting = True, None, False, [], False

    def may_send(self):
        return self.sends

    def why_closed(self):
        return self.why

    def is_lost(self):
        return self.lost

    def beat(self, *, is_ready):
        self.beats.append(is_ready)

    def rest(self):
        self.is_resting = True


def led(body, *, is_asked=True):
    """Run `body` on a desk under a lease; `is_asked` is whether that is looked at before a write."""

    async def main():
        async with TinyVenue() as venue:
            lead = HandLead()
            desk = Desk(venue, lead=lead, admission=partial(_admission, lead) if is_asked else None)
            try:
                await body(desk, lead)
            finally:
                desk.gateway.stop()
                await desk.task

    asyncio.run(asyncio.wait_for(main(), 40))


def _admission(lead, breaker):
    return LedAdmission(breaker, lead)


async def a_lease_that_ran_out_sends_nothing(desk, lead):
    await desk.ready()
    resting = desk.shard.place(qty_lots=LOT)
    await until(lambda: "ack" in desk.shard.told(resting))
    lead.sends = False  # the process was stopped and goes on: nothing else has noticed yet
    late = desk.shard.place(qty_lots=LOT, price_ticks=TAKING)
    await until(lambda: {"dropped", "ack"} & set(desk.shard.told(late)))
    assert desk.shard.told(late) == ["dropped"]
    assert [order.client_id for order in desk.venue.exchange.orders] == [desk.name(resting)]
    desk.shard.cancel(resting)
    await until(lambda: "canceled" in desk.shard.told(resting))


def test_an_order_whose_lease_has_run_out_is_dropped_and_cancellations_go():
    led(a_lease_that_ran_out_sends_nothing)


def test_a_gateway_that_does_not_look_at_its_lease_is_caught():
    with pytest.raises(AssertionError):
        led(a_lease_that_ran_out_sends_nothing, is_asked=False)


def test_the_gate_is_closed_while_the_lease_is_not_held_and_opens_again_with_it():
    async def body(desk, lead):
        await desk.ready()
        lead.why = "the lease has run out"
        await until(lambda: not desk.shard.gate_is_open)
        assert "lease" in desk.gateway.status.gate
        lead.why = None
        await until(lambda: desk.shard.gate_is_open)
        assert not desk.halts

    led(body)


def test_a_leader_that_lost_its_lease_ends_and_touches_no_order_of_the_next_one():
    async def body(desk, lead):
        await desk.ready()
        own = desk.shard.place(qty_lots=LOT)
        await until(lambda: "ack" in desk.shard.told(own))
        desk.venue.exchange.place(order_of(epoch=4))
        lead.lost = True
        await until(lambda: desk.halts)
        desk.shard.cancel(own)
        await until(lambda: "canceled" in desk.shard.told(own))
        assert desk.venue.exchange.orders[1].is_open
        assert not lead.is_resting, "a run that was halted does not hold the lease to its end"

    led(body)


def test_an_order_of_a_newer_epoch_ends_trading_and_is_not_touched():
    async def body(desk, lead):
        del lead
        await desk.ready()
        desk.venue.exchange.place(order_of(epoch=4))
        await until(lambda: desk.halts)
        assert "of a leader after this one" in desk.halts[0]
        await asyncio.sleep(0.3)
        assert desk.venue.exchange.orders[0].is_open

    led(body)


def test_an_order_of_an_older_epoch_that_shows_up_late_is_canceled_and_trading_goes_on():
    async def body(desk, lead):
        del lead
        await desk.ready()
        desk.venue.exchange.place(order_of(epoch=2))
        await until(lambda: desk.venue.exchange.orders[0].status == "CANCELED")
        await asyncio.sleep(0.3)
        assert not desk.halts
        assert desk.shard.gate_is_open

    led(body)


def test_a_venue_that_does_not_answer_is_no_sign_of_life_though_its_connection_is_up():
    async def body(desk, lead):
        await desk.ready()
        await until(lambda: lead.beats[-1:] == [True])
        desk.spot.answers = never
        await until(lambda: lead.beats[-1:] == [False])
        assert desk.spot.why_not_ready() is None

    led(body)


def test_an_end_in_order_keeps_the_lease_until_everything_is_written():
    leads = []

    async def body(desk, lead):
        await desk.ready()
        leads.append(lead)

    led(body)
    assert leads[0].is_resting


async def never():
    await asyncio.sleep(30)


def order_of(*, epoch):
    return {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "90",
        "newClientOrderId": client_order_id(epoch, 77),
    }  # fmt: skip
