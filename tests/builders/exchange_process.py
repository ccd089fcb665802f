"""``bot4 exchange`` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from builders.measuring import unmeasured

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = (
    "alice:alicekey:alicesecret:USDT=1000000,BTC=100,ETH=1000",
    "bob:bobkey:bobsecret:USDT=1000000,BTC=100,ETH=1000",
)


@contextmanager
def exchange_process(*options: str, environment: dict[str, str] | None = None, measured: bool = False):
    """Start an exchange; yield the process and what it printed. It must end by SIGTERM with 0.

    `measured` where the exchange is what is tested, and not whom it serves.
    """
    variables = os.environ | (environment or {})
    command = [sys.executable, "-c", "from bot4.entrypoints.cli.main import main; main()", "exchange", *options]
    for account in ACCOUNTS:
        command += ["--account", account]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=ROOT, env=variables if measured else unmeasured(variables), text=True
    ) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
