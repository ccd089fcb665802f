"""`bot4 run --market usdm --live` on `bot4 exchange --futures` in another process ends at that exchange's ledger."""

from __future__ import annotations

import json
import threading
from decimal import Decimal

import pytest
from builders.live_process import administer
from builders.live_usdm import futures_exchange, judge_usdm, run_usdm, told

FAULTS = {"order_timeouts": 0.3, "order_timeout_s": 0.5, "drop_diffs": 0.05}


@pytest.fixture
def exchange():
    with futures_exchange() as at:
        yield at


def test_a_live_run_ends_at_the_exchanges_own_ledger(tmp_path, exchange):
    later = threading.Timer(3.5, administer, (exchange, "faults", FAULTS))  # orders are under way
    later.start()
    done = run_usdm(tmp_path, exchange, "--duration", "7")
    later.join()
    assert done.returncode == 0, done.stderr
    summary, ours = json.loads(done.stdout), told(tmp_path)
    theirs = administer(exchange, "ledger")["futures"]["accounts"]["alice"]
    judge_usdm(ours, theirs, summary)
    assert len(theirs["orders"]) > 0
    assert len(theirs["trades"]) > 0
    assert any(note.startswith("real orders on binance") for note in summary["notes"])
    # The judge's control: a trade less, a fee more, another position are each noticed.
    for planted in (
        {"trades": theirs["trades"][:-1]},
        {"wallet": str(Decimal(theirs["wallet"]) + Decimal("0.00000001"))},
        {"positions": [{"positionAmt": "0.777"}]},
    ):
        with pytest.raises(AssertionError):
            judge_usdm(ours, theirs | planted, summary)
