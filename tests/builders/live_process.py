"""``bot4 run --live`` against ``bot4 exchange``, each a process of its own, and the judge at the end of it.

The judge compares what the runs left in their tables with what the exchange's administration tells: every order once
and at its end, every trade once with price, quantity and fee, nothing left open, and balances to the last unit.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from decimal import Decimal

from builders.measuring import unmeasured

MAIN = "from bot4.entrypoints.cli.main import main; main()"
KEY, SECRET = "livekey", "CANARY-live-5ecr3t"
OPENING = {"USDT": Decimal(100_000), "BTC": Decimal(10)}
SETTINGS = """
[live]
consent = "real orders"
endpoint = "custom"
watchdog_after_ms = 0
rest_url = "{rest}"
ws_api_url = "{ws_api}"
reconcile_interval_ms = 1000
timeout_ms = 1500
[venues.binance]
rest_url = "{rest}"
ws_url = "{ws}"
"""
_POLICY = """
[strategy]
weights = {{ depth_imbalance_5 = 1.0 }}
scales = {{ depth_imbalance_5 = 1.0 }}
enter_score = {enter}
take_score = {take}
exit_score = {leave}
cooldown_ms = {cooldown_ms}
passive_ttl_ms = {ttl_ms}
[risk]
orders_per_s = 5
orders_burst = 10
"""
# Trades often, and small: what a live run under test decides by.
EAGER = _POLICY.format(enter=0.05, take=0.6, leave=0.02, cooldown_ms=300, ttl_ms=700)
# Its orders rest until somebody cancels them.
RESTING = _POLICY.format(enter=0.02, take=1.0, leave=0.01, cooldown_ms=100, ttl_ms=60_000)


def environment(**extra: str) -> dict[str, str]:
    """What a live run needs of its environment, and nothing of bot4's from the one of the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOT4_")}
    return kept | {"BOT4_LIVE_CONSENT": "real orders", "BOT4_API_KEY": KEY, "BOT4_API_SECRET": SECRET} | extra


def administer(at: dict[str, str], path: str, body: dict | None = None) -> dict:
    """Ask the exchange's administration, or tell it `body`."""
    request = urllib.request.Request(  # noqa: S310 - an address of this machine
        f"{at['admin']}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {at['admin_token']}", "Content-Type": "application/json"},
        method="GET" if body is None else "PUT",
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - an address of this machine
        return json.load(answer)


class Exchange:
    """The served exchange in a process of its own."""

    def __init__(self, *accounts):
        account = f"live:{KEY}:{SECRET}:" + ",".join(f"{asset}={amount}" for asset, amount in OPENING.items())
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                MAIN,
                "exchange",
                "--port",
                "0",
                "--seed",
                "7",
                *(accounts or ("--account", account)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=unmeasured(environment()),
        )
        self.at = json.loads(self.process.stdout.readline())

    def admin(self, path: str, body: dict | None = None) -> dict:
        return administer(self.at, path, body)

    def ledger(self) -> dict:
        return self.admin("ledger")["accounts"]["live"]

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


def start(tmp_path, exchange, *arguments, policy=EAGER, settings="", **extra) -> subprocess.Popen:
    """Start a live run; its summary comes on its output."""
    config = tmp_path / "bot4.toml"
    config.write_text(SETTINGS.format(**exchange.at) + policy + settings)
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "run", "--venue", "binance", "--live", "--config", str(config), "--data-dir",
         str(tmp_path / "data"), "--quiet", "--json", "-", *arguments],
        env=environment(**extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen, patience_s: float = 110) -> subprocess.CompletedProcess:
    """Wait for a run's end; one that does not end is killed."""
    with process:
        try:
            out, err = process.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def run(tmp_path, exchange, *arguments, settings="", **extra) -> subprocess.CompletedProcess:
    return finish(start(tmp_path, exchange, *arguments, settings=settings, **extra))


def told(tmp_path) -> dict[str, list[tuple]]:
    """What a run has put into its tables."""
    with closing(sqlite3.connect(f"file:{tmp_path}/data/bot4.sqlite?mode=ro", uri=True, timeout=10)) as store:
        orders = store.execute("SELECT client_order_id, status, qty, filled_qty FROM orders").fetchall()
        fills = store.execute("SELECT trade_id, price, qty, fee, fee_asset FROM fills ORDER BY trade_id").fetchall()
    return {"orders": orders, "fills": fills}


def differs(ours: dict[str, list[tuple]], theirs: dict) -> str:
    """Compare every trade and every order that has ended; return the first difference in words, or nothing."""
    names = ("price", "qty", "commission")
    trades = [(row["id"], *(Decimal(row[name]) for name in names), row["commissionAsset"]) for row in theirs["trades"]]
    fills = [(t, *map(Decimal, (p, q, f)), a) for t, p, q, f, a in ours["fills"]]
    if trades != fills:
        return f"{len(fills)} fills of {len(trades)} trades: {sorted(set(trades) ^ set(fills))[:3]}"
    known = {name: (status, Decimal(qty), Decimal(filled)) for name, status, qty, filled in ours["orders"]}
    for row in theirs["orders"]:
        is_open = row["status"] in {"NEW", "PARTIALLY_FILLED"}
        true = (row["status"].lower(), Decimal(row["origQty"]), Decimal(row["executedQty"]))
        if not is_open and known.get(row["clientOrderId"]) != true:
            return f"order {row['clientOrderId']}: {known.get(row['clientOrderId'])} is {true}"
    return ""


def judge(tmp_path, exchange, summary) -> tuple[int, int]:
    """Compare; returns how many orders and trades there were."""
    ledger = exchange.ledger()
    assert ledger["openOrders"] == []
    assert summary["open_orders_left"] == 0
    with closing(sqlite3.connect(tmp_path / "data" / "bot4.sqlite")) as store:
        orders = store.execute("SELECT client_order_id, status, qty, filled_qty FROM orders").fetchall()
        fills = store.execute("SELECT trade_id, price, qty, fee, fee_asset FROM fills ORDER BY trade_id").fetchall()
    assert [(row["id"], *(Decimal(row[name]) for name in ("price", "qty", "commission")), row["commissionAsset"])
            for row in ledger["trades"]] == [(t, *map(Decimal, (p, q, f)), a) for t, p, q, f, a in fills]  # fmt: skip
    theirs = {row["clientOrderId"]: row for row in ledger["orders"]}
    assert len(theirs) == len(ledger["orders"]), "an order was sent twice"
    ours = {name: (status, Decimal(qty), Decimal(filled)) for name, status, qty, filled in orders}
    for name, row in theirs.items():
        status, qty, filled = ours[name]
        assert (status, qty, filled) == (
            row["status"].lower(), Decimal(row["origQty"]), Decimal(row["executedQty"])
        )  # fmt: skip
    assert {status for name, (status, _, _) in ours.items() if name not in theirs} <= {
        "dropped", "rejected", "absent"
    }  # fmt: skip
    charged: dict[str, Decimal] = {}
    for trade in ledger["trades"]:
        asset, commission = trade["commissionAsset"], Decimal(trade["commission"])
        charged[asset] = charged.get(asset, Decimal()) + commission
    shown = {asset: Decimal(paid) for asset, paid in summary["fees_by_asset"].items()}
    assert shown == {asset: paid for asset, paid in charged.items() if paid}
    assert_balances(ledger)
    return len(theirs), len(fills)


def assert_balances(ledger: dict) -> None:
    """Balances are what was deposited and what every trade has moved, to the last unit."""
    for asset, opening in OPENING.items():
        moved = opening
        for trade in ledger["trades"]:
            sign = 1 if trade["isBuyer"] else -1
            moved += sign * (Decimal(trade["qty"]) if asset == "BTC" else -Decimal(trade["quoteQty"]))
            moved -= Decimal(trade["commission"]) if trade["commissionAsset"] == asset else 0
        held = ledger["balances"].get(asset, {"free": "0", "locked": "0"})
        assert Decimal(held["free"]) + Decimal(held["locked"]) == moved
