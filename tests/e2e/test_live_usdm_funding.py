"""Funding of real positions: what the exchange took is on the run's own account, once, though it was killed."""

from __future__ import annotations

import json
import signal
import time
from decimal import Decimal

import numpy as np
import pytest
from builders.exchange_process import exchange_process
from builders.live_process import administer, finish
from builders.live_usdm import start_usdm

from bot4._core.engine.control import ControlCode
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind

PATIENCE_S = 60.0
HOLDS = """
import bot4


class Holds(bot4.Strategy):
    timer_interval_ns = 100_000_000

    def on_timer(self, market):
        if market.bid_ticks and not market.order_count and not market.position_lots:
            market.buy(20, market.ask_ticks + 500, tif="ioc")
"""


@pytest.fixture
def exchange():
    with exchange_process("--seed", "7", "--futures", "--funding-interval", "4") as (_, at):
        yield at


def payments(at) -> dict[int, tuple[int, Decimal]]:
    """When, and what was paid, by the number the exchange gave it."""
    rows = administer(at, "ledger")["futures"]["accounts"]["alice"]["incomes"]
    return {
        int(row["tranId"]): (int(row["time"]), -Decimal(row["income"]))
        for row in rows
        if row["incomeType"] == "FUNDING_FEE"
    }


def holding(tmp_path, at, more: int):
    """Start a run that holds a position; return it once the exchange has settled `more` times."""
    (tmp_path / "holds.py").write_text(HOLDS)
    wanted = len(payments(at)) + more
    run = start_usdm(tmp_path, at, "--strategy", f"{tmp_path / 'holds.py'}:Holds", "--set", "live.venue_timeout_ms=500")
    deadline = time.monotonic() + PATIENCE_S
    while len(payments(at)) < wanted:
        assert run.poll() is None, run.stderr.read()
        assert time.monotonic() < deadline, "nothing was settled"
        time.sleep(0.02)
    return run


def booked(path) -> list[tuple[int, int, int]]:
    """Number, time in milliseconds and atoms of each payment on record."""
    with JournalReader(path) as reader:
        rows = [np.frombuffer(row.payload, EVENT_DTYPE)[0] for row in reader if row.kind == JournalKind.JOURNAL_CONTROL]
    paid = [row for row in rows if row["a"] == int(ControlCode.CONTROL_FUNDING_PAID)]
    return [(int(row["d"]), int(row["c"]) // 1_000_000, int(row["e"])) for row in paid]


def test_what_the_exchange_took_is_booked_once_over_two_lives(tmp_path, exchange):
    with holding(tmp_path, exchange, 1) as killed:  # most likely before it has asked for the payment
        killed.send_signal(signal.SIGKILL)
    before = payments(exchange)
    assert before
    run = holding(tmp_path, exchange, 2)
    run.send_signal(signal.SIGTERM)
    done = finish(run)
    assert done.returncode == 0, done.stderr
    summary, theirs = json.loads(done.stdout), payments(exchange)
    ours = booked(summary["journal"])
    numbers = [number for number, *_ in ours]
    assert len(set(numbers)) == len(numbers), "none is booked twice"
    assert set(before) < set(numbers), "that of the killed run, and of the next"
    last_ms = max(at_ms for _, at_ms, _ in ours)
    assert set(numbers) == {number for number, (at_ms, _) in theirs.items() if at_ms <= last_ms}, "none is missing"
    paid = sum(theirs[number][1] for number in numbers)
    assert Decimal(summary["funding_by_asset"]["USDT"]) == paid != 0
    atom = paid / sum(atoms for *_, atoms in ours)
    assert [theirs[number] for number in numbers] == [(at_ms, atoms * atom) for _, at_ms, atoms in ours]
