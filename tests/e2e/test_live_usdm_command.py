"""`bot4 run --market usdm --live` on `bot4 exchange --futures` in another process ends at that exchange's ledger."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from decimal import Decimal

import pytest
from builders.exchange_process import exchange_process
from builders.live_process import EAGER, MAIN, administer, environment

OPENING = Decimal(1_000_000)
KEYS = {"BOT4_API_KEY": "alicekey", "BOT4_API_SECRET": "alicesecret"}
SETTINGS = """
[live]
consent = "real orders"
endpoint = "custom"
rest_url = "{futures_rest}"
ws_api_url = "{futures_ws_api}"
user_stream_url = "{futures_ws}/private/ws"
reconcile_interval_ms = 1000
timeout_ms = 1500
[venues.binance]
usdm_rest_url = "{futures_rest}"
usdm_ws_url = "{futures_ws}"
"""


@pytest.fixture
def exchange():
    with exchange_process("--seed", "7", "--futures") as (_, at):
        yield at


def run(tmp_path, at, *arguments):
    config = tmp_path / "bot4.toml"
    config.write_text(SETTINGS.format(**at) + EAGER)
    return subprocess.run(
        [sys.executable, "-c", MAIN, "run", "--venue", "binance", "--market", "usdm", "--live", "--config",
         str(config), "--data-dir", str(tmp_path / "data"), "--quiet", "--json", "-", *arguments],
        env=environment(**KEYS), capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def told(tmp_path) -> dict[str, list[tuple]]:
    """What the run left in its tables."""
    with sqlite3.connect(tmp_path / "data" / "bot4.sqlite") as store:
        orders = store.execute("SELECT client_order_id, status, qty, filled_qty FROM orders").fetchall()
        fills = store.execute("SELECT trade_id, price, qty, fee, fee_asset FROM fills ORDER BY trade_id").fetchall()
    return {"orders": orders, "fills": fills}


def judge(ours, theirs, summary):
    """Compare orders, trades, position and wallet; any difference is an AssertionError."""
    assert theirs["openOrders"] == []
    assert summary["open_orders_left"] == 0
    names = ("price", "qty", "commission")
    trades = [(row["id"], *(Decimal(row[name]) for name in names), row["commissionAsset"]) for row in theirs["trades"]]
    assert trades == [(t, *map(Decimal, (p, q, f)), a) for t, p, q, f, a in ours["fills"]]
    known = {name: (status, Decimal(qty), Decimal(filled)) for name, status, qty, filled in ours["orders"]}
    sent = {row["clientOrderId"]: row for row in theirs["orders"]}
    assert len(sent) == len(theirs["orders"]), "an order was sent twice"
    for name, row in sent.items():
        assert known[name] == (row["status"].lower(), Decimal(row["origQty"]), Decimal(row["executedQty"]))
    held = sum((Decimal(t["qty"]) * (1 if t["buyer"] else -1) for t in theirs["trades"]), Decimal(0))
    assert [Decimal(row["positionAmt"]) for row in theirs["positions"]] == ([held] if held else [])
    assert Decimal(summary["instruments"][0]["position"]) == held
    wallet = OPENING + sum(Decimal(t["realizedPnl"]) - Decimal(t["commission"]) for t in theirs["trades"])
    assert Decimal(theirs["wallet"]) == wallet


FAULTS = {"order_timeouts": 0.3, "order_timeout_s": 0.5, "drop_diffs": 0.05}


def test_a_live_run_ends_at_the_exchanges_own_ledger(tmp_path, exchange):
    later = threading.Timer(3.5, administer, (exchange, "faults", FAULTS))  # orders are under way
    later.start()
    done = run(tmp_path, exchange, "--duration", "7")
    later.join()
    assert done.returncode == 0, done.stderr
    summary, ours = json.loads(done.stdout), told(tmp_path)
    theirs = administer(exchange, "ledger")["futures"]["accounts"]["alice"]
    judge(ours, theirs, summary)
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
            judge(ours, theirs | planted, summary)
