"""A live run that is killed while an order of it rests at the served exchange, and its journal as commands show it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from builders.live_process import MAIN, environment, start

EXTRA = ["--set", "live.venue_timeout_ms=500"]


def killed(tmp_path, exchange, *, after_s=0.0, timeout_s=60.0, arguments=()):
    """Start a run, wait until an order of it rests at the exchange (and `after_s` more), and kill it there."""
    before = len(exchange.ledger()["orders"])
    process = start(tmp_path, exchange, *EXTRA, *arguments)
    deadline = time.monotonic() + timeout_s
    while True:
        ledger = exchange.ledger()
        if ledger["openOrders"] and len(ledger["orders"]) > before:
            time.sleep(after_s)
            process.send_signal(signal.SIGSTOP)  # what it hears from now on it does not write down any more
            ledger = exchange.ledger()
            if ledger["openOrders"]:
                break
            process.send_signal(signal.SIGCONT)
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, "no order came to rest"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL
    return exchange.ledger() | {"openOrders": ledger["openOrders"]}


def journal(tmp_path, *arguments):
    command = [sys.executable, "-c", MAIN, "journal", arguments[0], str(tmp_path / "data"), *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout
