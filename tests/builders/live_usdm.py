"""``bot4 run --market usdm --live`` against ``bot4 exchange --futures``, each a process, and the judge at its end."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from decimal import Decimal

from builders.exchange_process import exchange_process
from builders.live_process import EAGER, MAIN, environment, finish, told

OPENING = Decimal(1_000_000)
KEYS = {"BOT4_API_KEY": "alicekey", "BOT4_API_SECRET": "alicesecret"}
SETTINGS = """
[live]
consent = "real orders"
endpoint = "custom"
watchdog_after_ms = 0
rest_url = "{futures_rest}"
ws_api_url = "{futures_ws_api}"
user_stream_url = "{futures_ws}/private/ws"
reconcile_interval_ms = 1000
timeout_ms = 1500
[venues.binance]
usdm_rest_url = "{futures_rest}"
usdm_ws_url = "{futures_ws}"
"""


@contextmanager
def futures_exchange():
    """Start an exchange with perpetuals; yield its addresses."""
    with exchange_process("--seed", "7", "--futures") as (_, at):
        yield at


def start_usdm(tmp_path, at, *arguments, policy=EAGER, watchdog_after_ms=0) -> subprocess.Popen:
    """Start a live run on the perpetuals; its summary comes on its output."""
    config = tmp_path / "bot4.toml"
    watched = SETTINGS.replace("watchdog_after_ms = 0", f"watchdog_after_ms = {watchdog_after_ms}")
    config.write_text(watched.format(**at) + policy)
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "run", "--venue", "binance", "--market", "usdm", "--live", "--config",
         str(config), "--data-dir", str(tmp_path / "data"), "--quiet", "--json", "-", *arguments],
        env=environment(**KEYS), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run_usdm(tmp_path, at, *arguments) -> subprocess.CompletedProcess:
    return finish(start_usdm(tmp_path, at, *arguments))


def assert_wallet(theirs: dict) -> None:
    """The wallet is what was deposited, profits and fees, and the position what was bought and sold."""
    held = sum((Decimal(t["qty"]) * (1 if t["buyer"] else -1) for t in theirs["trades"]), Decimal(0))
    assert [Decimal(row["positionAmt"]) for row in theirs["positions"]] == ([held] if held else [])
    wallet = OPENING + sum(Decimal(t["realizedPnl"]) - Decimal(t["commission"]) for t in theirs["trades"])
    assert Decimal(theirs["wallet"]) == wallet


def judge_usdm(ours, theirs, summary):
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
    assert_wallet(theirs)
    held = sum((Decimal(t["qty"]) * (1 if t["buyer"] else -1) for t in theirs["trades"]), Decimal(0))
    assert Decimal(summary["instruments"][0]["position"]) == held


__all__ = ["assert_wallet", "futures_exchange", "judge_usdm", "run_usdm", "start_usdm", "told"]
