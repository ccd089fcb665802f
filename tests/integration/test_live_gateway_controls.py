"""The judge of the live gateway is tested: one that sends again or counts twice or believes too early must fail it."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from builders.live_desk import LOT, TAKING, on_desk, until

from bot4.adapters.venues.binance.spot import BinanceSpot
from bot4.domain import order_life
from bot4.ports.venue_outcome import Unknown


def scenario(events="", fault="", pieces=2):
    """One taking and one resting order under faults."""

    async def body(desk):
        desk.venue.faults.events = events
        desk.venue.faults.place = [fault] if fault else []
        desk.venue.exchange.pieces = pieces
        first = desk.shard.place(qty_lots=LOT, price_ticks=TAKING)
        await until(lambda: len(desk.shard.told(first)) >= 2)
        await until(lambda: not desk.gateway.board.unsettled(), 3.0)
        await asyncio.sleep(0.3)  # what the stream still has to say
        assert not desk.halts

    return lambda: on_desk(body)


def test_a_gateway_that_sends_again_is_caught(monkeypatch):
    place = BinanceSpot.place

    async def blindly(self, request, **options):
        outcome = await place(self, request, **options)
        if isinstance(outcome, Unknown):
            outcome = await place(self, request)
        return outcome

    monkeypatch.setattr(BinanceSpot, "place", blindly)
    with pytest.raises(AssertionError):
        scenario(fault="ack-lost")()


def test_a_gateway_that_counts_a_trade_twice_is_caught(monkeypatch):
    def forgetful(life, evidence):
        return order_life.advance(dataclasses.replace(life, trade_ids=frozenset()), evidence)

    monkeypatch.setattr("bot4.application.orders.board.advance", forgetful)
    with pytest.raises(AssertionError):
        scenario(events="duplicate")()


def test_a_gateway_that_does_not_check_the_cumulative_quantity_is_caught(monkeypatch):
    def credulous(life, evidence):
        if isinstance(evidence, order_life.Seen):
            evidence = dataclasses.replace(evidence, filled_lots=life.filled_lots)
        return order_life.advance(life, evidence)

    # Without the sweep over all trades, the cumulative quantity alone has to notice: it does, and then it must not.
    monkeypatch.setattr("bot4.application.orders.reconciliation.Reconciler._look_at_trades", _nothing)
    scenario(events="lose", fault="ack-lost")()
    monkeypatch.setattr("bot4.application.orders.board.advance", credulous)
    with pytest.raises(AssertionError):
        scenario(events="lose", fault="ack-lost")()


async def _nothing(*_):
    return None
