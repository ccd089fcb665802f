"""The loops behind the figures move every record they say they move, and the stress harness accounts for all."""

from __future__ import annotations

import threading

import pytest

from bot4._core.mem import timing
from bot4._core.mem.lossy_ring import LossyRing
from bot4._core.mem.mpmc_ring import MpmcRing, MpmcWordRing
from bot4._core.mem.object_pool import ObjectPool
from bot4._core.mem.spsc_ring import SpscRing, SpscWordRing
from bot4._core.mem.stress import StressReport, main, stress_pool, stress_ring
from bot4._core.mem.waiter import Waiter

TURNS = 1_000
SUM = TURNS * (TURNS - 1) // 2


@pytest.mark.parametrize("readers", [None, Waiter("park")])
def test_one_thread_loops_of_spsc_rings_pop_what_they_pushed(readers):
    assert timing.spsc_words(SpscWordRing(8), TURNS, readers) == SUM
    assert timing.spsc_events(SpscRing(8), TURNS, readers) == SUM


def test_one_thread_loops_of_the_other_rings_pop_what_they_pushed():
    ring = LossyRing(8)
    assert timing.mpmc_words(MpmcWordRing(8), TURNS) == SUM
    assert timing.mpmc_events(MpmcRing(8), TURNS) == SUM
    assert timing.lossy_events(ring, ring.cursor(), TURNS) == SUM


def test_pool_loops_have_every_release_accepted():
    pool = ObjectPool(200)
    cache = pool.cache()
    assert timing.pool_hot(cache, TURNS) == 0
    assert timing.pool_cold(cache, 150, TURNS) == 0
    assert pool.statistics()["acquired"] == TURNS + 150 * (TURNS // 150)


def test_two_thread_loops_move_every_word():
    ring = SpscWordRing(8)
    sender = threading.Thread(target=timing.send_words, args=(ring, TURNS))
    sender.start()
    assert timing.receive_words(ring, TURNS) == SUM
    sender.join()


@pytest.mark.parametrize("batch", [1, 16])
def test_two_thread_loops_move_every_event(batch):
    ring = SpscRing(8)
    sender = threading.Thread(target=timing.send_events, args=(ring, TURNS, batch))
    sender.start()
    timing.receive_events(ring, TURNS, batch)
    sender.join()
    assert ring.statistics()["popped"] == TURNS


def test_event_loops_refuse_a_batch_out_of_range():
    for loop in (timing.send_events, timing.receive_events):
        with pytest.raises(ValueError, match="batch must be from 1 to 64, was 65"):
            loop(SpscRing(8), 1, 65)


@pytest.mark.parametrize(
    ("make", "ping", "echo"),
    [
        (SpscWordRing, timing.ping_words, timing.echo_words),
        (MpmcWordRing, timing.ping_shared_words, timing.echo_shared_words),
    ],
)
def test_round_trip_sends_every_word_back(make, ping, echo):
    there, back = make(8), make(8)
    other = threading.Thread(target=echo, args=(there, back, 100))
    other.start()
    ping(there, back, 100)
    other.join()
    assert there.statistics()["popped"] == back.statistics()["popped"] == 100


@pytest.mark.parametrize("kind", ["spsc_event", "spsc_word", "mpmc_event", "mpmc_word", "lossy"])
def test_harness_accounts_for_every_record(kind):
    report = stress_ring(kind, 4, records=2_000, capacity=64)
    assert (report.records, report.forbidden) == (2_000, 0)
    assert "ok" in str(report)


def test_harness_accounts_for_every_pool_record():
    for strict in (False, True):
        assert stress_pool(4, rounds=200, capacity=64, strict=strict).forbidden == 0


def test_harness_command_runs_every_kind(capsys):
    assert main(["--records", "1000", "--threads", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 15


def test_report_names_what_was_forbidden():
    report = StressReport("ring", 2, 10, 1, 2, 3, 4, 5, 0.0, 1.0, {})
    assert report.forbidden == 15
    assert report.rate_per_s == 0
    assert "lost=1 doubled=2 reordered=3 torn=4 stuck=5" in str(report)
