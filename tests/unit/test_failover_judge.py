"""The judge of failovers: what differs between a run's tables and the exchange's ledger, and in which way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
import soak
from builders.failover_judge import judge
from builders.failover_pair import Outcome

ORDER = {"clientOrderId": "b4-1-7-2", "status": "FILLED", "origQty": "0.5", "executedQty": "0.5"}
TRADE = {"id": 3, "symbol": "ETHUSDT", "price": "100", "qty": "0.5", "quoteQty": "50", "commission": "0.001",
         "commissionAsset": "ETH", "isBuyer": True}  # fmt: skip
OURS = ("b4-1-7-2", "filled", "0.5", "0.5")
FILL = ("ETHUSDT", 3, "100", "0.5", "0.001", "ETH")
BALANCES = {"USDT": soak.OPENING["USDT"] - 50, "BTC": soak.OPENING["BTC"], "ETH": Decimal("0.499")}


def judged(folder, *, orders=(OURS,), fills=(FILL,), balances=(), ledger_orders=(ORDER,), **changed):
    with closing(sqlite3.connect(folder / "bot4.sqlite", isolation_level=None)) as store:
        store.execute("CREATE TABLE orders (client_order_id, status, qty, filled_qty)")
        store.execute("CREATE TABLE fills (symbol, trade_id, price, qty, fee, fee_asset)")
        store.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", orders)
        store.executemany("INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?)", fills)
    shown = {asset: {"free": str(free), "locked": "0"} for asset, free in (BALANCES | dict(balances)).items()}
    ledger = {"orders": ledger_orders, "trades": [TRADE], "openOrders": [], "balances": shown} | changed
    outcome = Outcome()
    judge(outcome, ledger, folder)
    return outcome.stray, outcome.lost, outcome.doubled


def test_what_agrees_counts_as_nothing(tmp_path):
    assert judged(tmp_path) == (0, 0, 0)
    assert str(Outcome(1.5, held_s={"BTCUSDT": 7.0})).startswith(" 1.50 s")


@pytest.mark.parametrize(
    ("changed", "counted"),
    [
        ({"orders": ()}, (1, 0, 0)),
        ({"openOrders": [ORDER]}, (1, 0, 0)),
        ({"ledger_orders": [ORDER, ORDER]}, (0, 0, 1)),
        ({"orders": (OURS, ("b4-1-9-0", "sent", "1", "0"))}, (0, 1, 0)),
        ({"orders": (OURS, ("b4-1-9-0", "dropped", "1", "0"))}, (0, 0, 0)),
        ({"orders": (("b4-1-7-2", "filled", "0.5", "0.4"),)}, (0, 1, 0)),
        ({"fills": ()}, (0, 1, 0)),
        ({"fills": (FILL, FILL)}, (0, 0, 1)),
        ({"balances": {"ETH": Decimal("0.5")}}, (0, 1, 0)),
    ],
)
def test_whatever_differs_is_counted(tmp_path, changed, counted):
    assert judged(tmp_path, **changed) == counted
