"""The watchdog by itself: a made-up run, a made-up venue, and time that passes when it is told to."""

from __future__ import annotations

import asyncio

import pytest

from bot4.adapters.storage.heartbeat import BeatState, HeartbeatWriter, read_beat
from bot4.application.live import watchdog as module
from bot4.application.live.watchdog import Pulse, Watchdog
from bot4.domain.order_id import client_order_id
from bot4.ports.canceller import CancelOutcome, OpenOrder

OWN, EARLIER, LATER = client_order_id(5, 1), client_order_id(4, 9), client_order_id(6, 1)


class World:
    """A run that moves as long as `moves_until_s`, and a venue; a tenth of a second passes at each look."""

    def __init__(self, *orders, moves_until_s=1.0, dies_s=1e9, over_s=1e9, back_s=1e9, misses=0):
        self.now, self.orders, self.misses = 0.0, list(orders), misses
        self.moves_until_s, self.dies_s, self.over_s, self.back_s = moves_until_s, dies_s, over_s, back_s
        self.log: list[str] = []
        self.late: list[tuple[float, OpenOrder]] = []
        self.filled: list[OpenOrder] = []  # each before its cancellation

    def pulse(self):
        moves = self.now < self.moves_until_s or self.now >= self.back_s
        steps = round(self.now * 10) if moves else round(self.moves_until_s * 10)
        return Pulse(
            (steps, steps), is_armed=True, is_over=self.now >= self.over_s, is_alive=self.now < self.dies_s
        )  # fmt: skip

    async def refresh(self):
        return True

    async def open_orders(self, symbol):
        if self.misses > 0:
            self.misses -= 1
            return None
        self.orders += [order for at, order in self.late if at <= self.now]
        self.late = [(at, order) for at, order in self.late if at > self.now]
        return [order for order in self.orders if order.symbol == symbol]

    async def cancel(self, order):
        self.orders.remove(order)
        return CancelOutcome.GONE if order in self.filled else CancelOutcome.CANCELED

    def watch(self, monkeypatch, **changes):
        async def sleep(seconds):
            self.now += seconds
            assert self.now < 1_000, self.log

        monkeypatch.setattr(module.asyncio, "sleep", sleep)
        fields = {
            "pulse": self.pulse, "canceller": self, "symbols": ["BTCUSDT"], "epoch": 5, "after_s": 2.0,
            "validity_s": 3.0, "keeps_stops": True, "log": lambda what, **_: self.log.append(what),
            "now_s": lambda: self.now,
        }  # fmt: skip
        dog = Watchdog(**(fields | changes))
        return dog, asyncio.run(dog.watch())


def order(name, *, waits=False, symbol="BTCUSDT"):
    return OpenOrder(symbol, name, waits)


def test_a_run_that_ends_in_order_loses_no_order(monkeypatch):
    world = World(order(OWN), moves_until_s=9.0, over_s=5.0)
    _, is_done = world.watch(monkeypatch)
    assert is_done
    assert world.log == ["watching", "over"]
    assert world.orders == [order(OWN)]


def test_a_dead_run_loses_its_orders_and_those_of_its_earlier_lives_alone(monkeypatch):
    kept = [order(LATER), order("by-hand"), order(client_order_id(5, 2), waits=True)]
    world = World(order(OWN), order(EARLIER), *kept, dies_s=1.0)
    dog, _ = world.watch(monkeypatch)
    assert world.orders == kept
    assert dog.canceled == 2
    assert world.now < 1.0 + 3.0 + 1.0, "a dead run is not waited for"
    assert world.log == ["watching", "fired", "canceled", "clear", "ended"]


def test_one_that_trades_before_its_cancellation_is_not_said_to_be_canceled(monkeypatch):
    world = World(order(OWN), order(EARLIER), dies_s=1.0)
    world.filled = [order(OWN)]
    said = []
    dog, is_done = world.watch(monkeypatch, log=lambda what, **more: said.append((what, more.get("orders"))))
    assert (is_done, dog.canceled, world.orders) == (True, 1, [])
    assert [names for what, names in said if what == "canceled"] == [[EARLIER]]
    lone = World(order(OWN), dies_s=1.0)
    lone.filled = [order(OWN)]
    dog, is_done = lone.watch(monkeypatch)
    assert (is_done, dog.canceled) == (True, 0)
    assert lone.log == ["watching", "fired", "clear", "ended"]


def test_orders_that_wait_for_a_trigger_go_too_where_that_is_configured(monkeypatch):
    world = World(order(OWN, waits=True), dies_s=1.0)
    world.watch(monkeypatch, keeps_stops=False)
    assert world.orders == []


def test_an_order_that_was_on_its_way_is_found_within_its_validity(monkeypatch):
    world = World(order(OWN), dies_s=1.0)
    world.late = [(3.5, order(client_order_id(5, 3)))]
    dog, _ = world.watch(monkeypatch)
    assert dog.canceled == 2
    # The control: who looks once only leaves it.
    once = World(order(OWN), dies_s=1.0)
    once.late = [(3.5, order(client_order_id(5, 3)))]
    dog, _ = once.watch(monkeypatch, validity_s=0.0)
    assert dog.canceled == 1


def test_a_run_that_stands_still_is_fired_at_after_the_limit_and_watched_on_once_it_moves(monkeypatch):
    world = World(order(OWN), moves_until_s=1.0, back_s=4.0, over_s=8.0)
    dog, is_done = world.watch(monkeypatch)
    assert is_done
    assert dog.fired == 1
    assert world.log == ["watching", "fired", "canceled", "moves again", "over"]
    patient = World(order(OWN), moves_until_s=1.0, back_s=4.0, over_s=8.0)
    dog, _ = patient.watch(monkeypatch, after_s=3.5)
    assert dog.fired == 0, "within the limit"


def test_one_figure_that_stands_still_is_enough_though_the_other_moves(monkeypatch):
    world = World(order(OWN), moves_until_s=1.0, over_s=8.0)
    right = world.pulse

    def pulse():
        seen = right()
        return Pulse(
            (seen.progress[0], round(world.now * 10)), is_armed=True, is_over=seen.is_over, is_alive=True
        )  # fmt: skip

    dog, _ = world.watch(monkeypatch, pulse=pulse)
    assert dog.fired >= 1
    assert world.orders == []


@pytest.mark.parametrize(("misses", "is_done"), [(5, True), (10_000, False)])
def test_a_venue_that_does_not_answer_is_asked_again_within_a_bound(monkeypatch, misses, is_done):
    world = World(order(OWN), dies_s=1.0, misses=misses)
    monkeypatch.setattr(module, "_GIVE_UP", 20)
    assert world.watch(monkeypatch)[1] is is_done
    assert (world.orders == []) is is_done
    assert ("failed" in world.log) is not is_done


def test_the_page_shows_what_was_written_and_another_file_is_none(tmp_path):
    assert read_beat(tmp_path) is None
    page = HeartbeatWriter(tmp_path, 7)
    page.write(BeatState.TRADING, 11, 12)
    beat = read_beat(tmp_path)
    assert (beat.epoch, beat.state, beat.shard, beat.gateway) == (7, BeatState.TRADING, 11, 12)
    page.close()
    assert read_beat(tmp_path) == beat, "it outlives its writer"
    (tmp_path / "heartbeat").write_bytes(b"x" * 64)
    assert read_beat(tmp_path) is None
