"""Every fault the exchange knows, one after another, under one live run in a process of its own: spot, then futures.

The run has to end in order at the exchange's own ledger, whatever came: that is what the judge compares.
"""

from __future__ import annotations

import json
import threading
import time

import msgspec
import pytest
from builders.live_process import Exchange, administer, judge, run
from builders.live_usdm import futures_exchange, judge_usdm, run_usdm, told

from bot4.adapters.simulator.faults.settings import FaultSettings

TURNS = {
    "diffs are lost": {"drop_diffs": 0.3},
    "diffs come twice": {"duplicate_diffs": 0.4},
    "diffs change places": {"reorder_diffs": 0.4},
    "diffs are late": {"delay_diffs": 0.4, "diff_delay_ms": 300},
    "streams are mute": {"mute_streams": True},
    "user events are mute": {"mute_users": True},
    "pongs are not heard": {"miss_pongs": True, "ping_period_s": 0.5, "pong_timeout_s": 1.0},
    "sockets are cut": {"disconnect_every_s": 1.0},
    "nobody answers": {"outage_s": 1.0},
    "limits and bans": {"refuse": 1, "ban_s": 1.0},
    "orders time out, carried out": {"order_timeouts": 0.5, "order_timeout_s": 0.3},
    "answers are lost": {"lost_answers": 0.4},
    "orders are slow": {"order_delay_ms": 150},
    "the clock is ahead": {"clock_skew_ms": 300},
    "the server is about to go": {"shutdown_notice": True},
    "connections are old": {"connection_age_s": 1.0},
    "fills are slow": {"slow_fills": 0.8},
    "fills come in crumbs": {"partial_fill_storm": 5},
    "trading is halted": {"halt": True},
    "all at once": {"chaos_seed": 3, "chaos_period_s": 0.5},
}
ON_FUTURES = TURNS | {"the mark price is off": {"mark_shift_bps": 40}}
FAULT_S, CALM_S, SPARE_S = 1.6, 0.8, 8
FUTURES_FAULT_S, FUTURES_CALM_S, FUTURES_SPARE_S = 1.0, 0.4, 7


def test_the_turns_hold_every_fault_there_is():
    told_of = {name for fault in ON_FUTURES.values() for name in fault}
    assert told_of == {field.name for field in msgspec.structs.fields(FaultSettings)}


def in_turn(at, trades, turns, pace, had: list[str]) -> None:
    """Wait until orders trade, then plant one fault after another, with a calm after each."""
    fault_s, calm_s = pace
    until = time.monotonic() + 60
    while time.monotonic() < until and not trades():
        time.sleep(0.1)
    for name, fault in turns.items():
        administer(at, "faults", fault)
        time.sleep(fault_s)
        administer(at, "faults", {})
        had.append(name)
        time.sleep(calm_s)


@pytest.fixture
def exchange():
    served = Exchange()
    yield served
    served.close()


def test_a_live_run_through_every_fault_in_turn_ends_at_the_exchanges_own_ledger(tmp_path, exchange):
    had: list[str] = []
    given = (exchange.at, lambda: exchange.ledger()["trades"], TURNS, (FAULT_S, CALM_S), had)
    planter = threading.Thread(target=in_turn, args=given)
    planter.start()
    duration_s = len(TURNS) * (FAULT_S + CALM_S) + SPARE_S
    done = run(tmp_path, exchange, "--duration", f"{duration_s:.0f}")
    planter.join()
    assert done.returncode == 0, f"{done.stderr}\nafter {had}"
    summary = json.loads(done.stdout)
    assert summary["status"] == "finished"
    orders, fills = judge(tmp_path, exchange, summary)
    assert had == list(TURNS)
    assert orders > 10
    assert fills > 5


def test_a_live_run_on_futures_through_every_fault_in_turn_ends_at_its_positions(tmp_path):
    had: list[str] = []
    with futures_exchange() as at:

        def account():
            return administer(at, "ledger")["futures"]["accounts"]["alice"]

        given = (at, lambda: account()["trades"], ON_FUTURES, (FUTURES_FAULT_S, FUTURES_CALM_S), had)
        planter = threading.Thread(target=in_turn, args=given)
        planter.start()
        duration_s = len(ON_FUTURES) * (FUTURES_FAULT_S + FUTURES_CALM_S) + FUTURES_SPARE_S
        done = run_usdm(tmp_path, at, "--duration", f"{duration_s:.0f}")
        planter.join()
        assert done.returncode == 0, f"{done.stderr}\nafter {had}"
        summary, theirs = json.loads(done.stdout), account()
    assert summary["status"] == "finished"
    judge_usdm(told(tmp_path), theirs, summary)
    assert had == list(ON_FUTURES)
    assert len(theirs["orders"]) > 10
    assert len(theirs["trades"]) > 5
