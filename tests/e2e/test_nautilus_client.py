"""A live node of nautilus_trader, unchanged, against the served exchange.

Runs where nautilus_trader is installed beside bot4, or with the interpreter that BOT4_NAUTILUS_PYTHON names: the
library is large and pins much, so it may be kept in an environment of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import urllib.request
from decimal import Decimal
from pathlib import Path

import pytest
from builders.exchange_process import exchange_process

NODE = Path(__file__).parent / "clients" / "nautilus_node.py"
HERE = importlib.util.find_spec("nautilus_trader") is not None
PYTHON = os.environ.get("BOT4_NAUTILUS_PYTHON") or (sys.executable if HERE else "")


def ledger(at: dict[str, str]) -> dict:
    """Return the exchange's own truth."""
    headers = {"Authorization": f"Bearer {at['admin_token']}"}
    request = urllib.request.Request(at["admin"] + "/ledger", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


@pytest.mark.skipif(not PYTHON, reason="nautilus_trader is not installed: pip install 'bot4[clients]'")
def test_a_node_streams_places_cancels_and_buys_as_the_ledger_says():
    with exchange_process("--seed", "7", "--limits", "binance", "--legacy-listen-key") as (_, at):
        done = subprocess.run(
            [PYTHON, str(NODE), at["rest"], at["rest"].replace("http", "ws"), "alicekey", "alicesecret"],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        said = json.loads(done.stdout.splitlines()[-1])
        assert {"quotes", "deltas", "OrderAccepted", "OrderCanceled", "OrderFilled"} <= set(said["seen"]), done.stdout
        account = ledger(at)["accounts"]["alice"]
    (trade,) = account["trades"]
    assert [order["status"] for order in account["orders"]] == ["CANCELED", "FILLED"]
    theirs = said["filled"]
    assert (theirs["trade_id"], Decimal(theirs["qty"]), Decimal(theirs["price"]), Decimal(theirs["fee"])) == (
        str(trade["id"]), Decimal(trade["qty"]), Decimal(trade["price"]), Decimal(trade["commission"])
    )  # fmt: skip
