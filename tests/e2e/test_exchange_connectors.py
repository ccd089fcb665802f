"""The official connectors of before the SDKs, unchanged, on the served exchange.

Their module is called ``binance``, as python-binance's is, so each needs a folder of its own: BOT4_CONNECTORS names
what holds ``spot`` and ``usdm``, made by ``pip install --target FOLDER/spot binance-connector`` and
``pip install --target FOLDER/usdm binance-futures-connector``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders.exchange_process import exchange_process

CLIENTS = Path(__file__).parent / "clients"
FOLDER = Path(os.environ.get("BOT4_CONNECTORS") or "/nonexistent")
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="BOT4_CONNECTORS names no folder with binance-connector and binance-futures-connector"
)


@pytest.fixture(scope="module")
def exchange():
    with exchange_process("--seed", "7", "--limits", "binance", "--futures") as (_, addresses):
        yield addresses


def did(kind: str, *arguments: str) -> dict:
    """What a client says it did; it must end with 0."""
    done = subprocess.run(
        [sys.executable, str(CLIENTS / f"connector_{kind}.py"), *arguments, "alicekey", "alicesecret"],
        env=os.environ | {"PYTHONPATH": str(FOLDER / kind)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_spot_loads_streams_places_changes_cancels_and_reconciles(exchange):
    assert did("spot", exchange["rest"], exchange["ws"], exchange["ws_api"]) == {
        "symbols": ["BTCUSDT", "ETHUSDT", "ETHBTC"], "open": True, "changed": ["SUCCESS", "SUCCESS"],
        "canceled": "CANCELED", "refused": -2011, "bought": "FILLED", "trades": 0.01, "balances": True,
        "streamed": True, "by websocket": "NEW", "canceled by websocket": "CANCELED",
    }  # fmt: skip


def test_futures_load_stream_place_change_cancel_and_reconcile(exchange):
    assert did("usdm", exchange["futures_rest"], exchange["futures_ws"]) == {
        "symbols": ["BTCUSDT", "ETHUSDT"], "leverage": 9, "open": True, "changed": "0.020", "canceled": "CANCELED",
        "refused": -2011, "position": ["-0.010"], "trades": 0.02, "streamed": True,
        "income": ["COMMISSION", "REALIZED_PNL", "TRANSFER"],
    }  # fmt: skip
