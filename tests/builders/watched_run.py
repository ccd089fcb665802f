"""`bot4 run --live` with its watchdog, in processes of their own, and orders that rest until somebody cancels them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from decimal import Decimal

from builders.live_process import MAIN, RESTING, SETTINGS, environment

AFTER_S = 1.5
GRACE_S = 15.0  # of a busy machine: to notice, ask and cancel


class Live:
    """`bot4 run --live` in a process of its own, with orders out."""

    def __init__(self, folder, exchange, *, watchdog_after_s=AFTER_S, code=MAIN, policy=RESTING, options=(), **extra):
        self.folder, self.exchange = folder, exchange
        config = folder / "bot4.toml"
        watched = f"watchdog_after_ms = {round(watchdog_after_s * 1_000)}"
        config.write_text(SETTINGS.format(**exchange.at).replace("watchdog_after_ms = 0", watched) + policy)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "run", "--venue", "binance", "--live", "--config", str(config), "--data-dir",
             str(folder / "data"), "--quiet", "--json", "-", "--set", "live.venue_timeout_ms=500", *options],
            env=environment(**extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.until(self.open_orders)

    def open_orders(self):
        ledger = self.exchange.ledger()
        names = {row["orderId"]: row["clientOrderId"] for row in ledger["orders"]}
        return [names[number] for number in ledger["openOrders"]]

    def until(self, condition, seconds=60.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def gone_within(self, seconds, *, but=()):
        """Whether no order but `but` is open by then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if set(self.open_orders()) <= set(but):
                return True
            time.sleep(0.05)
        return False

    def said(self):
        path = self.folder / "data" / "watchdog.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def wait_for(self, *words, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not set(words) <= {line["what"] for line in self.said()}:
            assert time.monotonic() < deadline, (self.said(), self.process.poll())
            time.sleep(0.05)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err
        return json.loads(out)


def canceled(exchange):
    return {row["clientOrderId"] for row in exchange.ledger()["orders"] if row["status"] == "CANCELED"}


def canceled_by_watchdog(live):
    return {name for line in live.said() if line["what"] == "canceled" for name in line["orders"]}


def held(exchange):
    """What the account has of bitcoin beyond what it began with, by the exchange's own trades."""
    moved = Decimal(0)
    for trade in exchange.ledger()["trades"]:
        moved += Decimal(trade["qty"]) * (1 if trade["isBuyer"] else -1)
        moved -= Decimal(trade["commission"]) if trade["commissionAsset"] == "BTC" else 0
    return moved
