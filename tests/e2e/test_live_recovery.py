"""`bot4 run --live` is killed by SIGKILL while its orders are out, and the next one of that data directory goes on.

The judge is the served exchange's own ledger: every order once, every trade once, balances to the last unit.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from builders.killed_run import EXTRA, journal, killed
from builders.live_process import Exchange, judge, run


@pytest.fixture
def exchange():
    served = Exchange()
    yield served
    served.close()


def test_a_killed_run_is_gone_on_with_and_ends_at_the_exchanges_own_ledger(tmp_path, exchange):
    left = [killed(tmp_path, exchange) for _ in range(2)]
    assert all(ledger["openOrders"] for ledger in left), "it was killed with orders out"
    done = run(tmp_path, exchange, "--duration", "6", *EXTRA)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert any("went on after a run that had not ended" in note for note in summary["notes"]), summary["notes"]
    orders, _ = judge(tmp_path, exchange, summary)
    assert orders > len(left[-1]["orders"]), "it trades again"
    with closing(sqlite3.connect(tmp_path / "data" / "bot4.sqlite")) as store:
        runs = store.execute("SELECT run_id, status FROM runs").fetchall()
        epochs = {name.split("-")[1] for (name,) in store.execute("SELECT client_order_id FROM orders")}
    assert [status for _, status in runs] == ["finished"], "one run of three lives"
    assert len(epochs) == 3, "each life names its orders with an epoch of its own"
    look_at_the_journal(tmp_path, orders)
    fresh = run(tmp_path, exchange, "--duration", "2", *EXTRA)
    assert fresh.returncode == 0, fresh.stderr
    assert not any("went on" in note for note in json.loads(fresh.stdout)["notes"])


def look_at_the_journal(tmp_path, orders):
    """What was just written, by the commands that look at it."""
    whole = json.loads(journal(tmp_path, "verify", "--json"))
    assert len(whole["epochs"]) == 3
    assert whole["place"] == "binance spot custom"
    assert "whole" in journal(tmp_path, "verify")
    rows = [json.loads(line) for line in journal(tmp_path, "show", "--kind", "intent", "--json").splitlines()]
    assert len([row for row in rows if row["action"] == "place"]) >= orders
    assert all(row["symbol"] == "BTCUSDT" and float(row["price"]) > 0 for row in rows)
    assert len(journal(tmp_path, "show", "--last", "5").splitlines()) == 5
    state = json.loads(journal(tmp_path, "replay", "--config", str(tmp_path / "bot4.toml"), "--json"))
    assert state["lanes"][0]["working_orders"] == 0
    assert "the same state" in state["snapshots"]["shard-0.snapshot"]


def test_a_run_on_something_else_is_refused_until_the_killed_one_is_accounted_for(tmp_path, exchange):
    killed(tmp_path, exchange)
    other = run(tmp_path, exchange, "--duration", "2", "--symbol", "ETHUSDT", *EXTRA)
    assert other.returncode == 78, other.stderr
    assert "did not end: it traded BTCUSDT" in other.stderr
    done = run(tmp_path, exchange, "--duration", "2", *EXTRA)
    assert done.returncode == 0, done.stderr
    judge(tmp_path, exchange, json.loads(done.stdout))


def test_a_damaged_journal_of_a_killed_run_refuses_to_start(tmp_path, exchange):
    killed(tmp_path, exchange)
    (journal,) = (tmp_path / "data" / "runs").glob("*/shard-0.journal")
    content = bytearray(journal.read_bytes())
    content[300] ^= 1
    journal.write_bytes(content)
    done = run(tmp_path, exchange, "--duration", "2", *EXTRA)
    assert done.returncode == 74, done.stderr
    assert "cannot be read" in done.stderr
    assert "at byte" in done.stderr
