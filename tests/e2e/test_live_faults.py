"""Every fault the exchange knows, one after another, under one live run in a process of its own: spot, then futures.

After each of them, while the run trades on, its tables have to become equal to the exchange's own ledger: every trade,
every order that has ended, and balances that are what the trades have moved. The end is judged once more, with nothing
left open. What compares is shown a wrong ledger, and must say so.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest
from builders.live_process import Exchange, administer, assert_balances, differs, finish, judge, start, told
from builders.live_usdm import assert_wallet, futures_exchange, judge_usdm, start_usdm

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
SPOT_FAULT_S, FUTURES_FAULT_S = 1.6, 1.0
PATIENCE_S = 60.0
ORDERS_MIN, TRADES_MIN = 10, 5


def test_the_turns_hold_every_fault_there_is():
    told_of = {name for fault in ON_FUTURES.values() for name in fault}
    assert told_of == {field.name for field in msgspec.structs.fields(FaultSettings)}


def wait_equal(tmp_path, account, money_holds) -> None:
    """Wait until the run's tables hold what the exchange's ledger does, both taken at a moment when nothing moved."""
    until, why = time.monotonic() + PATIENCE_S, "never at rest"
    while time.monotonic() < until:
        before, ours, theirs = account(), told(tmp_path), account()
        if (before["trades"], before["orders"]) == (theirs["trades"], theirs["orders"]):
            why = differs(ours, theirs)
            if not why:
                money_holds(theirs)
                return
        time.sleep(0.05)
    raise AssertionError(why)


class Turns(NamedTuple):
    """An exchange, its account as its ledger has it, what is to happen to it, and what its balances must hold to."""

    at: dict[str, str]
    account: Callable[[], dict]
    faults: dict[str, dict]
    fault_s: float
    money_holds: Callable[[dict], None]


def in_turn(tmp_path, process, turns: Turns) -> None:
    """Plant one fault after another under a run that trades; after each it has to become equal to the ledger."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and not turns.account()["trades"]:
        time.sleep(0.1)
    for name, fault in turns.faults.items():
        administer(turns.at, "faults", fault)
        time.sleep(turns.fault_s)
        administer(turns.at, "faults", {})
        try:
            wait_equal(tmp_path, turns.account, turns.money_holds)
        except AssertionError as error:
            raise AssertionError(f"after: {name}: {error}") from error
        assert process.poll() is None, f"ended after: {name}"
    until = time.monotonic() + PATIENCE_S  # a busy machine may have left it little to do it with
    while len((account := turns.account())["orders"]) <= ORDERS_MIN or len(account["trades"]) <= TRADES_MIN:
        assert process.poll() is None, "ended after all of them"
        assert time.monotonic() < until, f"{len(account['orders'])} orders, {len(account['trades'])} trades"
        time.sleep(0.1)


def through_all(tmp_path, process, turns: Turns) -> dict:
    """Let a run meet its faults, end it by a signal, and return what it tells of itself."""
    try:
        in_turn(tmp_path, process, turns)
        process.terminate()
        done = finish(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "interrupted"
    return summary


def test_a_live_run_is_equal_to_the_exchanges_own_ledger_after_every_fault_and_at_its_end(tmp_path):
    exchange = Exchange()
    try:
        process = start(tmp_path, exchange, "--duration", "600")
        turns = Turns(exchange.at, exchange.ledger, TURNS, SPOT_FAULT_S, assert_balances)
        summary = through_all(tmp_path, process, turns)
        orders, fills = judge(tmp_path, exchange, summary)
        assert_the_judge_sees(told(tmp_path), exchange.ledger())
    finally:
        exchange.close()
    assert orders > ORDERS_MIN
    assert fills > TRADES_MIN


def test_a_live_run_on_futures_is_equal_to_the_ledger_after_every_fault_and_at_its_end(tmp_path):
    with futures_exchange() as at:

        def account():
            return administer(at, "ledger")["futures"]["accounts"]["alice"]

        process = start_usdm(tmp_path, at, "--duration", "600")
        turns = Turns(at, account, ON_FUTURES, FUTURES_FAULT_S, assert_wallet)
        summary = through_all(tmp_path, process, turns)
        theirs = account()
    judge_usdm(told(tmp_path), theirs, summary)
    assert len(theirs["orders"]) > ORDERS_MIN
    assert len(theirs["trades"]) > TRADES_MIN


def assert_the_judge_sees(ours, ledger) -> None:
    """What compares says nothing of the true ledger, and something of one that is wrong in one place."""
    assert differs(ours, ledger) == ""
    lost_fill, other_fee, other_fill, doubled = (copy.deepcopy(ledger) for _ in range(4))
    lost_fill["trades"].pop()
    other_fee["trades"][0]["commission"] = "0.00000001"
    other_fill["orders"][-1]["executedQty"] = "123"
    doubled["trades"].append(doubled["trades"][-1])
    for wrong in (lost_fill, other_fee, other_fill, doubled):
        assert differs(ours, wrong)
    moved = copy.deepcopy(ledger)
    moved["balances"]["USDT"]["free"] = "1.00000000"
    with pytest.raises(AssertionError):
        assert_balances(moved)
