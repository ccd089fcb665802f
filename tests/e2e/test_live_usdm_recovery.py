"""A live run on futures is killed by SIGKILL while its orders are out; the next one goes on and ends at the ledger."""

from __future__ import annotations

import json
import signal
import time
from decimal import Decimal

import pytest
from builders.live_process import administer
from builders.live_usdm import futures_exchange, judge_usdm, run_usdm, start_usdm, told

EXTRA = ["--set", "live.venue_timeout_ms=500"]


@pytest.fixture
def exchange():
    with futures_exchange() as at:
        yield at


def ledger(at):
    return administer(at, "ledger")["futures"]["accounts"]["alice"]


def is_watched(tmp_path):
    log = tmp_path / "data" / "watchdog.log"
    return log.exists() and '"watching"' in log.read_text()


def killed(tmp_path, at, *, watchdog_after_ms=0, timeout_s=60.0):
    """Start a run, wait until it has traded and an order of it rests at the exchange, and kill it."""
    before = len(ledger(at)["orders"])
    process = start_usdm(tmp_path, at, *EXTRA, watchdog_after_ms=watchdog_after_ms)
    deadline = time.monotonic() + timeout_s
    while True:
        now = ledger(at)
        is_ready = is_watched(tmp_path) or not watchdog_after_ms
        if now["openOrders"] and now["trades"] and len(now["orders"]) > before and is_ready:
            break
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "no order came to rest"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL
    return ledger(at)


def test_a_killed_run_on_futures_is_gone_on_with_and_ends_at_position_and_wallet_of_the_exchange(tmp_path, exchange):
    left = [killed(tmp_path, exchange) for _ in range(2)]
    done = run_usdm(tmp_path, exchange, "--duration", "6", *EXTRA)
    assert done.returncode == 0, done.stderr
    summary, ours, theirs = json.loads(done.stdout), told(tmp_path), ledger(exchange)
    assert any("went on after a run that had not ended" in note for note in summary["notes"]), summary["notes"]
    judge_usdm(ours, theirs, summary)
    assert len(theirs["orders"]) > len(left[-1]["orders"]), "it trades again"
    assert len({name.split("-")[1] for name, *_ in ours["orders"]}) == 3, "an epoch for each life"
    # The judge's control: a trade less, another wallet.
    for planted in ({"trades": theirs["trades"][:-1]}, {"wallet": str(Decimal(theirs["wallet"]) + 1)}):
        with pytest.raises(AssertionError):
            judge_usdm(ours, theirs | planted, summary)


def test_the_watchdog_of_a_killed_run_on_futures_cancels_its_orders(tmp_path, exchange):
    killed(tmp_path, exchange, watchdog_after_ms=1_500)
    deadline = time.monotonic() + 15.0  # the venue's own countdown ends after 20 s at the earliest
    while ledger(exchange)["openOrders"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    log = tmp_path / "data" / "watchdog.log"
    while '"ended"' not in log.read_text():
        assert time.monotonic() < deadline + 30.0
        time.sleep(0.1)
    done = run_usdm(tmp_path, exchange, "--duration", "3", *EXTRA)
    assert done.returncode == 0, done.stderr
    judge_usdm(told(tmp_path), ledger(exchange), json.loads(done.stdout))
