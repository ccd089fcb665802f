"""`control.flatten_on_kill` of a live run: a kill closes what is held, at the exchange, then refuses all orders."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from decimal import Decimal

from builders.live_process import EAGER, Exchange, judge
from builders.watched_run import Live, held

LEAST = Decimal(5)  # the venue takes no order of less, in dollars
DEADLINE_S = 10.0  # after which the kill follows whatever is left


def was_killed(live):
    """Whether the run has followed its switch: then its audit trail says so."""
    with closing(sqlite3.connect(live.folder / "data" / "bot4.sqlite")) as store:
        return store.execute("SELECT count(*) FROM commands WHERE kind = 'SwitchMoved'").fetchone()[0] == 1


def value(exchange):
    ledger = exchange.ledger()
    return abs(held(exchange)) * Decimal(ledger["trades"][-1]["price"]) if ledger["trades"] else Decimal(0)


def test_a_kill_closes_the_position_first_where_that_is_configured(tmp_path):
    exchange = Exchange()
    options = ["--set", "control.flatten_on_kill=true"]
    live = Live(tmp_path, exchange, watchdog_after_s=0, policy=EAGER, options=options)
    live.until(lambda: value(exchange) > LEAST)
    (tmp_path / "data" / "kill").touch()
    asked_s = time.monotonic()
    live.until(lambda: was_killed(live))
    took_s = time.monotonic() - asked_s
    assert took_s < DEADLINE_S - 2.0, "what is left is less than the venue takes: nothing more is waited for"
    assert live.gone_within(5.0)
    sent, left = len(exchange.ledger()["orders"]), held(exchange)
    time.sleep(1.0)
    assert len(exchange.ledger()["orders"]) == sent, "no order after it"
    summary = live.end()
    judge(tmp_path, exchange, summary)
    assert summary["breaker"] == "killed"
    assert held(exchange) == left
    assert value(exchange) < LEAST
    exchange.close()
