"""What trips the circuit breaker, how it is probed, and how often it may trip."""

from __future__ import annotations

import numpy as np
import pytest
from builders.breakers import S, make

from bot4._core.risk.breaker import BreakerOpKind
from bot4._core.risk.circuit import BreakerAction, BreakerPhase, BreakerReason
from bot4._core.risk.op_dtype import BREAKER_OP_DTYPE


def test_the_error_rate_trips_from_enough_samples_only_and_forgets_the_window_before() -> None:
    breaker = make(error_ppm=500_000, min_samples=4, window_ns=8 * S)
    for _ in range(3):
        breaker.record_failure(0)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    breaker.record_success(8 * S)
    breaker.record_failure(8 * S)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    breaker.record_success(8 * S)
    breaker.record_failure(8 * S)
    assert breaker.reason == BreakerReason.TRIP_ERROR_RATE


def test_a_late_sample_counts_in_the_slot_that_took_its_place() -> None:
    breaker = make(error_ppm=1_000_000, min_samples=2, window_ns=8 * S)
    breaker.record_failure(8 * S)
    breaker.record_failure(0)
    assert breaker.reason == BreakerReason.TRIP_ERROR_RATE


@pytest.mark.untraced
def test_a_full_slot_keeps_its_rate() -> None:
    breaker = make(error_ppm=900_000, min_samples=1, window_ns=8 * S)
    ops = np.zeros(300_000, BREAKER_OP_DTYPE)
    ops["kind"] = BreakerOpKind.BREAKER_OP_SUCCESS
    ops["kind"][1::2] = BreakerOpKind.BREAKER_OP_FAILURE
    breaker.run(ops)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    ops["kind"] = BreakerOpKind.BREAKER_OP_FAILURE
    breaker.run(ops)
    assert breaker.reason == BreakerReason.TRIP_ERROR_RATE


def test_only_slow_answers_in_a_row_trip() -> None:
    breaker = make(latency_limit_ns=100, latency_run=2)
    for latency_ns in (100, 99, 100, 99):
        breaker.record_latency(latency_ns, 0)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    breaker.record_latency(100, 0)
    breaker.record_latency(10**12, 0)
    assert breaker.reason == BreakerReason.TRIP_LATENCY


def test_rejects_in_a_row_trip_and_a_success_ends_the_run() -> None:
    breaker = make(reject_run=3)
    for _ in range(2):
        breaker.record_reject(0)
    breaker.record_success(0)
    for _ in range(2):
        breaker.record_reject(0)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    breaker.record_reject(0)
    assert breaker.reason == BreakerReason.TRIP_REJECTS


def test_silent_market_data_trips_and_keeps_it_open_until_data_comes() -> None:
    breaker = make(stale_ns=5 * S)
    breaker.record_market(10 * S)
    breaker.tick(15 * S)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    breaker.tick(15 * S + 1)
    assert breaker.reason == BreakerReason.TRIP_STALE
    breaker.tick(1000 * S)
    assert breaker.phase == BreakerPhase.BREAKER_OPEN
    breaker.record_market(1000 * S)
    breaker.tick(1000 * S)
    assert breaker.phase == BreakerPhase.BREAKER_HALF_OPEN


def test_data_that_never_came_is_stale_from_the_first_tick_on() -> None:
    breaker = make(stale_ns=5 * S)
    breaker.tick(100 * S)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    breaker.tick(106 * S)
    assert breaker.reason == BreakerReason.TRIP_STALE


def test_a_loss_within_the_window_trips_and_an_older_one_does_not_count() -> None:
    breaker = make(max_loss_atoms=1000, loss_window_ns=8 * S)
    breaker.tick(0)
    breaker.record_loss(900, 0)
    for second in range(1, 9):
        breaker.tick(second * S)
    breaker.record_loss(999, 8 * S)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    breaker.record_loss(1, 8 * S)
    assert breaker.reason == BreakerReason.TRIP_LOSS
    assert breaker.action & BreakerAction.BREAKER_FLATTEN


def test_without_ticks_losses_add_up_the_safe_way() -> None:
    breaker = make(max_loss_atoms=1000, loss_window_ns=8 * S)
    breaker.record_loss(600, 0)
    breaker.record_loss(400, 10**6 * S)
    assert breaker.reason == BreakerReason.TRIP_LOSS


def test_half_open_admits_its_probes_and_closes_after_their_successes() -> None:
    breaker = make(probes=3, successes=2)
    breaker.trip(BreakerReason.TRIP_LATENCY, 0)
    assert breaker.admit(5 * S - 1) == 0
    tickets = [breaker.admit(5 * S) for _ in range(5)]
    assert [ticket != 0 for ticket in tickets] == [True, True, True, False, False]
    assert len(set(tickets[:3])) == 3
    breaker.record_success(5 * S)
    assert breaker.phase == BreakerPhase.BREAKER_HALF_OPEN
    breaker.record_success(5 * S)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    assert all(breaker.readmit(ticket) for ticket in tickets[:3])
    assert breaker.counters()["closed"] == 1


def test_a_success_without_a_probe_closes_nothing() -> None:
    breaker = make(probes=1, successes=1)
    breaker.trip(BreakerReason.TRIP_LATENCY, 0)
    breaker.tick(5 * S)
    breaker.record_success(5 * S)
    assert breaker.phase == BreakerPhase.BREAKER_HALF_OPEN


@pytest.mark.parametrize("fails", ["record_failure", "record_reject"])
def test_one_failed_probe_opens_it_again(fails: str) -> None:
    breaker = make()
    breaker.trip(BreakerReason.TRIP_LATENCY, 0)
    breaker.admit(5 * S)
    getattr(breaker, fails)(5 * S)
    assert breaker.reason == BreakerReason.TRIP_PROBE


def test_a_probe_that_never_comes_back_opens_it_again_and_none_sent_does_not() -> None:
    breaker = make(probes=2, successes=2, probe_timeout_ns=S)
    breaker.trip(BreakerReason.TRIP_LATENCY, 0)
    breaker.tick(5 * S)
    breaker.tick(50 * S)
    assert breaker.phase == BreakerPhase.BREAKER_HALF_OPEN
    breaker.admit(50 * S)
    breaker.tick(51 * S - 1)
    assert breaker.phase == BreakerPhase.BREAKER_HALF_OPEN
    breaker.tick(51 * S)
    assert breaker.reason == BreakerReason.TRIP_PROBE


def test_refused_attempts_do_not_put_off_the_probes_deadline() -> None:
    breaker = make(probes=1, successes=1, probe_timeout_ns=S)
    breaker.trip(BreakerReason.TRIP_LATENCY, 0)
    assert breaker.admit(5 * S)
    for step in range(10):
        assert breaker.admit(5 * S + step * S // 10) == 0
    breaker.tick(6 * S)
    assert breaker.reason == BreakerReason.TRIP_PROBE


def test_each_trip_of_the_flood_window_doubles_the_cool_down_up_to_its_bound() -> None:
    breaker = make(cooldown_ns=S, cooldown_max_ns=4 * S, probes=1, successes=1, flood_window_ns=800 * S)
    now_ns, waits = 0, []
    for _ in range(4):
        breaker.trip(BreakerReason.TRIP_LATENCY, now_ns)
        start = now_ns
        while not breaker.admit(now_ns):
            now_ns += S // 2
        waits.append((now_ns - start) // S)
        breaker.record_success(now_ns)
    assert waits == [1, 2, 4, 4]


def test_a_flood_of_trips_latches() -> None:
    breaker = make(cooldown_ns=S, probes=1, successes=1, flood_limit=3, flood_window_ns=800 * S)
    now_ns = 0
    for _ in range(3):
        breaker.trip(BreakerReason.TRIP_LATENCY, now_ns)
        now_ns += 10 * S
        if breaker.admit(now_ns):
            breaker.record_success(now_ns)
    assert breaker.latched
    assert breaker.counters()["floods"] == 1
    breaker.tick(10**6 * S)
    assert breaker.phase == BreakerPhase.BREAKER_OPEN
    assert breaker.reset(seen=breaker.word, now_ns=10**6 * S)
    assert breaker.admit(10**6 * S)
