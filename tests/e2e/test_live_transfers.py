"""A deposit while a run lies killed: the next start halts and names it, and goes on with it where its user says so.

The served exchange moves money from outside and tells nobody; its own ledger is the judge of what was traded.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
from builders.killed_run import EXTRA, journal, killed
from builders.live_process import Exchange, differs, run, told


@pytest.fixture
def exchange():
    served = Exchange()
    yield served
    served.close()


def move(exchange, asset, amount):
    exchange.admin("transfer", {"account": "live", "asset": asset, "amount": amount})


def go_on(tmp_path, exchange, *arguments, duration_s=2):
    return run(tmp_path, exchange, "--duration", str(duration_s), *EXTRA, *arguments)


def test_a_deposit_of_the_pause_halts_each_start_until_it_is_accepted(tmp_path, exchange):
    killed(tmp_path, exchange)
    move(exchange, "USDT", "2500.5")
    move(exchange, "BTC", "-1.25")
    too_soon = go_on(tmp_path, exchange, "--accept-balances")
    assert too_soon.returncode == 78, too_soon.stderr
    assert "not settled: start without" in too_soon.stderr
    for _ in range(2):  # the control: without the word it halts, and the second start begins no new run either
        halted = go_on(tmp_path, exchange, duration_s=20)  # it halts as soon as it has compared
        assert halted.returncode == 70, halted.stderr
        (line,) = [line for line in halted.stderr.splitlines() if "trading ended" in line]
        assert "start again with --accept-balances" in line
        assert line.index("balance of BTC: the venue has ") < line.index("balance of USDT: the venue has ")
    before = len(exchange.ledger()["orders"])
    killed(tmp_path, exchange, arguments=["--accept-balances"])  # it trades, and what was accepted outlives it
    done = go_on(tmp_path, exchange)
    assert done.returncode == 0, done.stderr
    assert any("went on after a run that had not ended" in note for note in json.loads(done.stdout)["notes"])
    ledger = exchange.ledger()
    assert differs(told(tmp_path), ledger) == ""
    assert len(ledger["orders"]) > before
    assert ledger["openOrders"] == []
    look_at_the_journal(tmp_path)
    once_more = go_on(tmp_path, exchange, "--accept-balances")
    assert once_more.returncode == 78, "it cannot be left in a start script"
    assert "no run waits for it" in once_more.stderr
    with closing(sqlite3.connect(tmp_path / "data" / "bot4.sqlite")) as store:
        assert store.execute("SELECT status FROM runs").fetchall() == [("finished",)], "one run of all these lives"


def look_at_the_journal(tmp_path):
    rows = [json.loads(row) for row in journal(tmp_path, "show", "--kind", "opening", "--json").splitlines()]
    accepted = {row["accepted"]: Decimal(row["venue"]) - Decimal(row["books"]) for row in rows if "accepted" in row}
    assert accepted == {"BTC": Decimal("-1.25"), "USDT": Decimal("2500.5")}
    assert "whole" in journal(tmp_path, "verify")
    assert "the same state" in journal(tmp_path, "replay", "--config", str(tmp_path / "bot4.toml"))
