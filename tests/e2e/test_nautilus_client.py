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


def node(market: str, rest: str, sockets: str) -> dict:
    """Run a node to its end; return what it saw."""
    done = subprocess.run(
        [PYTHON, str(NODE), market, rest, sockets, "alicekey", "alicesecret"],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert {"quotes", "deltas", "OrderAccepted", "OrderCanceled", "OrderFilled"} <= set(said["seen"]), done.stdout
    assert not {"OrderRejected", "OrderDenied", "OrderCancelRejected"} & set(said["seen"]), done.stdout
    return said


def figures(fills: list[dict], fee: str = "fee", trade_id: str = "trade_id") -> list[tuple]:
    return [(str(one[trade_id]), *(Decimal(one[name]) for name in ("qty", "price", fee))) for one in fills]


@pytest.mark.skipif(not PYTHON, reason="nautilus_trader is not installed: pip install 'bot4[clients]'")
def test_a_node_streams_places_cancels_and_buys_as_the_ledger_says():
    with exchange_process("--seed", "7", "--limits", "binance", "--legacy-listen-key") as (_, at):
        said = node("spot", at["rest"], at["rest"].replace("http", "ws"))
        account = ledger(at)["accounts"]["alice"]
    assert [order["status"] for order in account["orders"]] == ["CANCELED", "FILLED"]
    assert figures(said["filled"]) == figures(account["trades"], "commission", "id")
    assert account["trades"]


@pytest.mark.skipif(not PYTHON, reason="nautilus_trader is not installed: pip install 'bot4[clients]'")
def test_a_node_on_futures_opens_a_position_and_closes_it_as_the_ledger_says():
    with exchange_process("--seed", "7", "--limits", "binance", "--futures") as (_, at):
        said = node("usdm", at["futures_rest"], at["futures_ws"])
        account = ledger(at)["futures"]["accounts"]["alice"]
    assert [order["status"] for order in account["orders"]] == ["CANCELED", "FILLED", "FILLED"]
    assert figures(said["filled"]) == figures(account["trades"], "commission", "id")
    assert (said["positions"][0], said["positions"][-1]) == ("PositionOpened 0.01", "PositionClosed 0")
    assert not account["positions"]
