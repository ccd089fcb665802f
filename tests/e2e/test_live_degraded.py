"""Every part of a live run that is looked after fails once or more: the run goes on and ends at the ledger."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from builders.live_process import EAGER, SETTINGS, Exchange, environment, judge

from bot4.application.live.degraded import Degraded

PLANTED = """
import sys
def plant(owner, name, skip, times):
    right, calls = getattr(owner, name), []
    def wrong(self, *args, **named):
        calls.append(1)
        if skip < len(calls) <= skip + times:
            raise RuntimeError(f"planted in {name}")
        return right(self, *args, **named)
    setattr(owner, name, wrong)
from bot4.application.records.projector import Projector
from bot4.adapters.venues.live_run import LiveRun
from bot4.application.orders.reconciliation import Reconciler
from bot4.application.orders.board import OrderBoard
from bot4.application.session.guard import RunGuard
from bot4.adapters.venues.binance.account import BinanceAccount
from bot4.entrypoints.embedding import QuietDisplay
plant(Projector, "catch_up", 5, 3)
plant(QuietDisplay, "show", 5, 2)
plant(LiveRun, "_tend", 100, 1)
plant(Reconciler, "run", 2, 1)
plant(OrderBoard, "take_report", 3, 1)
plant(RunGuard, "look", 10, 5)
plant(BinanceAccount, "why_not_ready", 25, 1)
from bot4.entrypoints.cli.main import main; main()
"""


@pytest.fixture
def exchange():
    served = Exchange()
    yield served
    served.close()


def test_a_run_whose_parts_all_fail_once_goes_on_and_ends_at_the_exchanges_own_ledger(tmp_path, exchange):
    config = tmp_path / "bot4.toml"
    config.write_text(SETTINGS.format(**exchange.at) + EAGER)
    done = subprocess.run(
        [sys.executable, "-c", PLANTED, "run", "--venue", "binance", "--live", "--config", str(config), "--data-dir",
         str(tmp_path / "data"), "--quiet", "--json", "-", "--duration", "8"],
        env=environment(), capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    orders, _ = judge(tmp_path, exchange, summary)
    assert orders > 0
    notes = "\n".join(summary["notes"])
    for name in ("catch_up", "show", "_tend", "run", "take_report", "look", "why_not_ready"):
        assert f"planted in {name}" in notes, notes


def test_what_fails_is_tried_again_later_and_a_run_over_a_recording_ends_instead(monkeypatch):
    now, notes, calls = [0.0], [], []
    monkeypatch.setattr("bot4.application.live.degraded.time.monotonic", lambda: now[0])

    def fails():
        calls.append(now[0])
        raise RuntimeError("gone")

    soft = Degraded(notes, is_tolerant=True)
    for tenth in range(100):
        now[0] = tenth / 10
        soft.attempt("the store", fails)
    assert len(calls) == 6, "0.25, 0.5, 1, 2 and 5 s later"
    assert notes == ["the store failed and is tried again: gone"]
    with pytest.raises(RuntimeError):
        Degraded(notes, is_tolerant=False).attempt("the store", fails)
