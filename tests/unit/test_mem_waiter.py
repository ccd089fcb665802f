"""Waiting for a record, for room, and inside an event loop."""

from __future__ import annotations

import asyncio
import threading
import time

import numpy as np
import pytest

from bot4._core.mem.intent_ring import SpscIntentRing
from bot4._core.mem.mpmc_ring import MpmcRing, MpmcWordRing
from bot4._core.mem.records import EVENT_DTYPE, INTENT_DTYPE, WORD_DTYPE
from bot4._core.mem.spsc_ring import SpscRing, SpscWordRing
from bot4._core.mem.waiter import Waiter

RINGS = [
    (SpscRing, EVENT_DTYPE),
    (SpscIntentRing, INTENT_DTYPE),
    (SpscWordRing, WORD_DTYPE),
    (MpmcRing, EVENT_DTYPE),
    (MpmcWordRing, WORD_DTYPE),
]
any_ring = pytest.mark.parametrize(("make", "dtype"), RINGS, ids=lambda value: getattr(value, "__name__", ""))
any_strategy = pytest.mark.parametrize("strategy", ["spin", "yield", "park"])


@any_strategy
@any_ring
def test_wait_on_an_empty_ring_ends_at_its_timeout(make, dtype, strategy):
    begin = time.monotonic()
    assert make(4).wait(Waiter(strategy, spins=8, yields=2), timeout_s=0.01) is False
    assert time.monotonic() - begin >= 0.01


@any_strategy
@any_ring
def test_wait_returns_at_once_when_there_is_a_record(make, dtype, strategy):
    ring = make(4)
    ring.push(np.zeros(1, dtype))
    assert ring.wait(Waiter(strategy), timeout_s=0) is True


@any_strategy
@any_ring
def test_waiting_consumer_is_woken_by_a_push(make, dtype, strategy):
    ring, readers = make(4), Waiter(strategy, spins=8, yields=2)
    found = []
    consumer = threading.Thread(target=lambda: found.append(ring.wait(readers, timeout_s=30)))
    consumer.start()
    while strategy == "park" and readers.statistics()["parks"] == 0:
        time.sleep(0.001)
    ring.push(np.zeros(1, dtype))
    readers.notify()
    consumer.join(30)
    assert found == [True]


@any_strategy
@any_ring
def test_backpressure_waits_for_room_and_pushes_everything_in_order(make, dtype, strategy):
    ring = make(4)
    room, readers = Waiter(strategy, spins=8, yields=2), Waiter(strategy, spins=8, yields=2)
    sent = np.zeros(500, dtype)
    sent.view(np.uint64).reshape(500, -1)[:, 0] = range(500)
    pushed = []
    producer = threading.Thread(target=lambda: pushed.append(ring.push_wait(sent, room, readers, timeout_s=30)))
    producer.start()
    taken = []
    while len(taken) < 500 and ring.wait(readers, timeout_s=30):
        taken += ring.pop(3, room).view(np.uint64).reshape(-1, dtype.itemsize // 8)[:, 0].tolist()
    producer.join(30)
    assert pushed == [500]
    assert taken == list(range(500))


@any_ring
def test_backpressure_gives_up_at_its_timeout_and_counts_what_is_left_as_rejected(make, dtype):
    ring = make(4)
    assert ring.push_wait(np.zeros(7, dtype), Waiter("park", spins=4, yields=1), timeout_s=0.005) == 4
    assert ring.statistics()["rejected"] == 3


def test_event_loop_is_woken_without_polling():
    ring, readers = SpscRing(16), Waiter("park")
    taken = []

    async def consume(count):
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        # The token is taken in the callback: the descriptor stays readable, and the callback is called, until then.
        loop.add_reader(readers.fileno(), lambda: readers.acknowledge() and woken.set())
        while len(taken) < count:
            if ring.arm(readers):
                await woken.wait()
                woken.clear()
            taken.extend(ring.pop(16)["recv_ns"].tolist())
        loop.remove_reader(readers.fileno())

    def produce():
        for number in range(200):
            event = np.zeros(1, EVENT_DTYPE)
            event["recv_ns"] = number
            while not ring.push(event):
                time.sleep(0.0001)
            readers.notify()

    producer = threading.Thread(target=produce)
    producer.start()
    asyncio.run(asyncio.wait_for(consume(200), 30))
    producer.join()
    assert taken == list(range(200))
    assert readers.statistics()["sleepers"] == 0


@any_ring
def test_an_armed_ring_makes_the_descriptor_readable_with_the_next_push(make, dtype):
    ring, readers = make(4), Waiter("park")
    assert ring.arm(readers) is True
    assert readers.acknowledge() is False
    ring.push(np.zeros(1, dtype))
    readers.notify()
    assert readers.acknowledge() is True
    assert len(ring.pop(4)) == 1


@any_ring
def test_arm_refuses_to_sleep_when_there_is_a_record(make, dtype):
    ring, readers = make(4), Waiter("park")
    ring.push(np.zeros(1, dtype))
    assert ring.arm(readers) is False
    assert readers.statistics()["sleepers"] == 0
    assert readers.acknowledge() is False


def test_notify_without_a_sleeper_leaves_no_token():
    readers = Waiter("park")
    readers.notify(5)
    assert readers.acknowledge() is False
    assert readers.statistics() == {"parks": 0, "wakes": 0, "sleepers": 0}


def test_one_notify_wakes_one_sleeper():
    readers = Waiter("park")
    readers.announce()
    readers.announce()
    readers.notify()
    assert readers.acknowledge() is True
    assert readers.acknowledge() is False
    assert readers.statistics()["sleepers"] == 1
    readers.withdraw()
    assert readers.statistics()["sleepers"] == 0


def test_withdraw_takes_the_token_of_a_quicker_notifier():
    readers = Waiter("park")
    readers.announce()
    readers.notify()
    readers.withdraw()
    assert readers.acknowledge() is False


@any_ring
def test_waiter_that_does_not_park_has_no_descriptor_and_cannot_arm(make, dtype):
    with pytest.raises(ValueError, match="only a waiter that parks has a file descriptor"):
        Waiter("spin").fileno()
    with pytest.raises(ValueError, match="must park to wake an event loop"):
        make(2).arm(Waiter("yield"))


def test_waiter_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="strategy must be one of spin, yield, park, was 'sleep'"):
        Waiter("sleep")
    with pytest.raises(ValueError, match="spins must be from 0 to 16777216, was -1"):
        Waiter("spin", spins=-1)
    for timeout in (-1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="timeout_s must be finite and not negative"):
            SpscRing(2).wait(Waiter("yield"), timeout_s=timeout)
