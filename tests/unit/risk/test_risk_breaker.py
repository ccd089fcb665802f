"""What the circuit breaker promises whoever sends orders, told one by one."""

from __future__ import annotations

import re
import threading
from typing import Any

import numpy as np
import pytest
from builders.breakers import S, make

from bot4._core.risk.breaker import BreakerOpKind
from bot4._core.risk.circuit import BreakerAction, BreakerPhase, BreakerReason
from bot4._core.risk.op_dtype import BREAKER_OP_DTYPE

MARKET_REASONS = [
    BreakerReason.TRIP_LATENCY,
    BreakerReason.TRIP_ERROR_RATE,
    BreakerReason.TRIP_REJECTS,
    BreakerReason.TRIP_PROBE,
    BreakerReason.TRIP_STALE,
    BreakerReason.TRIP_MANUAL,
    BreakerReason.TRIP_LOSS,
]


def test_a_closed_breaker_admits_and_readmits() -> None:
    breaker = make()
    ticket = breaker.admit(0)
    assert ticket != 0
    assert breaker.readmit(ticket)
    assert not breaker.readmit(0)
    assert breaker.action == 0


def test_after_kill_nothing_passes_until_a_reset_and_nothing_old_ever() -> None:
    breaker = make()
    entry, leaving = breaker.admit(0), breaker.admit_reduce()
    breaker.kill()
    assert breaker.killed
    assert breaker.latched
    assert (breaker.admit(0), breaker.admit_reduce()) == (0, 0)
    assert not breaker.readmit(entry)
    assert not breaker.readmit(leaving)
    for now_ns in range(0, 10**15, 10**14):
        breaker.tick(now_ns)
        breaker.record_success(now_ns)
    assert breaker.killed
    assert breaker.reset(seen=breaker.word, now_ns=1)
    assert not breaker.readmit(entry)
    assert not breaker.readmit(leaving)
    assert breaker.readmit(breaker.admit(1))


def test_a_reset_needs_the_word_the_operator_looked_at() -> None:
    breaker = make()
    breaker.kill()
    seen = breaker.word
    breaker.kill()
    assert not breaker.reset(seen=seen, now_ns=0)
    assert breaker.killed
    assert breaker.reset(seen=breaker.word, now_ns=0)


def test_a_restart_after_a_kill_starts_killed() -> None:
    breaker = make(killed=True)
    assert breaker.admit(0) == 0
    assert breaker.action & BreakerAction.BREAKER_CANCEL_RESTING


def test_an_order_is_refused_at_the_socket_though_the_breaker_closed_again_since() -> None:
    breaker = make(probes=1, successes=1)
    ticket = breaker.admit(0)
    breaker.trip(BreakerReason.TRIP_LATENCY, 0)
    breaker.tick(5 * S)
    assert breaker.readmit(breaker.admit(5 * S))
    breaker.record_success(5 * S)
    assert breaker.phase == BreakerPhase.BREAKER_CLOSED
    assert not breaker.readmit(ticket)
    assert breaker.counters()["dropped"] == 1


@pytest.mark.parametrize("reason", MARKET_REASONS)
def test_exits_pass_while_open_for_a_market_reason_but_never_while_killed(reason: BreakerReason) -> None:
    breaker = make()
    breaker.trip(reason, 0)
    assert breaker.admit(1) == 0
    ticket = breaker.admit_reduce()
    assert breaker.readmit(ticket)
    breaker.kill()
    assert not breaker.readmit(ticket)
    assert breaker.admit_reduce() == 0


def test_a_journal_failure_blocks_exits_too_and_latches() -> None:
    breaker = make()
    ticket = breaker.admit_reduce()
    breaker.record_journal_failure(0)
    assert breaker.admit_reduce() == 0
    assert not breaker.readmit(ticket)
    breaker.tick(10**6 * S)
    assert breaker.phase == BreakerPhase.BREAKER_OPEN
    assert breaker.latched


def test_an_entry_ticket_does_not_pass_as_an_exit() -> None:
    breaker = make(probes=3)
    breaker.trip(BreakerReason.TRIP_LATENCY, 0)
    breaker.tick(5 * S)
    entry = breaker.admit(5 * S)
    breaker.trip(BreakerReason.TRIP_LATENCY, 5 * S)
    assert not breaker.readmit(entry)


def test_an_exit_admitted_while_open_still_goes_after_the_cool_down() -> None:
    breaker = make()
    breaker.trip(BreakerReason.TRIP_LATENCY, 0)
    ticket = breaker.admit_reduce()
    breaker.tick(5 * S)
    assert breaker.phase == BreakerPhase.BREAKER_HALF_OPEN
    assert breaker.readmit(ticket)


def test_actions_follow_the_policy_table() -> None:
    block, cancel = BreakerAction.BREAKER_BLOCK_ENTRIES, BreakerAction.BREAKER_CANCEL_RESTING
    flatten, latch = BreakerAction.BREAKER_FLATTEN, BreakerAction.BREAKER_LATCH
    expected = {
        BreakerReason.TRIP_LATENCY: block | cancel,
        BreakerReason.TRIP_ERROR_RATE: block | cancel,
        BreakerReason.TRIP_REJECTS: block,
        BreakerReason.TRIP_PROBE: block | cancel,
        BreakerReason.TRIP_STALE: block | cancel,
        BreakerReason.TRIP_MANUAL: block | cancel | latch,
        BreakerReason.TRIP_LOSS: block | cancel | flatten,
        BreakerReason.TRIP_JOURNAL: block | cancel | latch | BreakerAction.BREAKER_BLOCK_EXITS,
    }
    for reason, actions in expected.items():
        breaker = make()
        assert breaker.trip(reason, 0)
        assert breaker.action == actions
        assert breaker.latched == bool(actions & latch)


def test_a_policy_may_be_changed_reason_by_reason() -> None:
    blocked = BreakerAction.BREAKER_BLOCK_ENTRIES | BreakerAction.BREAKER_BLOCK_EXITS
    breaker = make(policy={BreakerReason.TRIP_STALE: blocked})
    breaker.trip(BreakerReason.TRIP_STALE, 0)
    assert breaker.action == blocked
    assert breaker.admit_reduce() == 0
    assert breaker.counters()["refused_exits"] == 1


def test_a_stronger_reason_replaces_a_weaker_one_and_never_the_other_way_round() -> None:
    breaker = make()
    breaker.trip(BreakerReason.TRIP_STALE, 0)
    assert not breaker.trip(BreakerReason.TRIP_LATENCY, 0)
    assert breaker.trip(BreakerReason.TRIP_LOSS, 0)
    assert breaker.trip(BreakerReason.TRIP_MANUAL, 0)
    assert (breaker.reason, breaker.latched) == (BreakerReason.TRIP_LOSS, True)
    assert not breaker.trip(BreakerReason.TRIP_MANUAL, 0)


def test_generations_only_grow_and_no_ticket_is_zero() -> None:
    breaker = make(probes=1, successes=1)
    seen = [breaker.generation]
    for i in range(20):
        breaker.trip(BreakerReason.TRIP_LATENCY, i * 10**4 * S)
        breaker.kill()
        breaker.reset(seen=breaker.word, now_ns=i * 10**4 * S)
        assert breaker.admit(i * 10**4 * S) != 0
        seen.append(breaker.generation)
    assert seen == list(range(1, 62, 3))


def test_many_admissions_are_those_of_one_after_the_other() -> None:
    """Through a trip, the cool-down and its probes."""
    now_ns = np.array([0, 1, 2, 6 * S, 6 * S + 1, 6 * S + 2, 12 * S], np.int64)
    one, many = make(), make()
    for breaker in (one, many):
        breaker.admit(0)
        breaker.trip(BreakerReason.TRIP_MANUAL, 0)
    expected = [one.admit(int(at_ns)) for at_ns in now_ns]
    assert many.admit_many(now_ns).tolist() == expected
    assert many.word == one.word
    assert expected[0] == 0


@pytest.mark.untraced
def test_a_kill_from_another_thread_ends_a_long_batch_of_admissions() -> None:
    breaker = make()
    now_ns = np.zeros(3_000_000, np.int64)
    done: list[np.ndarray] = []
    sender = threading.Thread(target=lambda: done.extend(breaker.admit_many(now_ns) for _ in range(3)))
    sender.start()
    breaker.kill()
    sender.join()
    admitted = np.concatenate(done) != 0
    # Once refused, always refused: no admission slips in after the kill.
    assert not admitted[int(np.argmin(admitted)) :].any() or admitted.all()
    assert breaker.admit(0) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"error_ppm": -1}, "error_ppm must be between 0 and 1000000, was -1"),
        ({"probes": 256}, "probes must be between 1 and 255, was 256"),
        ({"probes": 1, "successes": 2}, "successes must be between 1 and 1, was 2"),
        ({"cooldown_ns": 5, "cooldown_max_ns": 4}, "cooldown_max_ns must be between 5"),
        ({"window_ns": 7}, "window_ns must be between 8"),
        ({"policy": {10: 1}}, "one of TRIP_LATENCY to TRIP_JOURNAL, was 10"),
        ({"policy": {BreakerReason.TRIP_KILL: 1}}, "one of TRIP_LATENCY to TRIP_JOURNAL"),
        ({"policy": {1: 4}}, "with BREAKER_BLOCK_ENTRIES, was 4"),
        ({"policy": {1: 11}}, "must not flatten and block exits at once, was 11"),
    ],
)
def test_a_setting_out_of_range_names_value_and_rule(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**change)


def test_a_broken_call_is_named() -> None:
    breaker = make()
    with pytest.raises(ValueError, match="now_ns must not be negative, was -1"):
        breaker.tick(-1)
    with pytest.raises(ValueError, match="reason must be between 1 and 8, was 9"):
        breaker.trip(9, 0)
    ops = np.zeros(1, BREAKER_OP_DTYPE)
    ops[0]["kind"] = BreakerOpKind.BREAKER_OP_READMIT
    with pytest.raises(ValueError, match="row 0 must be a valid BreakerOp"):
        breaker.run(ops)
