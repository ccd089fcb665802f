"""A run's tables beside the exchange's own ledger: what is astray, lost or doubled."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from decimal import Decimal

import soak

STOPPED_HERE = frozenset({"dropped", "rejected", "absent"})


def judge(outcome, ledger, data) -> None:
    """Count into `outcome`."""
    with contextlib.closing(sqlite3.connect(data / "bot4.sqlite")) as store:
        orders = {
            row[0]: row[1:] for row in store.execute("SELECT client_order_id, status, qty, filled_qty FROM orders")
        }
        fills = store.execute("SELECT symbol, trade_id, price, qty, fee, fee_asset FROM fills").fetchall()
    theirs = Counter(row["clientOrderId"] for row in ledger["orders"])
    outcome.orders, outcome.fills = len(theirs), len(fills)
    outcome.doubled += sum(times - 1 for times in theirs.values())
    outcome.stray += sum(name not in orders for name in theirs) + len(ledger["openOrders"])
    sent = {name for name, (status, _, _) in orders.items() if status not in STOPPED_HERE}
    outcome.lost += len(sent - set(theirs))
    for row in ledger["orders"]:
        status, qty, filled = orders.get(row["clientOrderId"], ("", "0", "0"))
        same = (row["status"].lower(), Decimal(row["origQty"]), Decimal(row["executedQty"]))
        outcome.lost += row["clientOrderId"] in orders and (status, Decimal(qty), Decimal(filled)) != same
    booked = Counter((symbol, trade) for symbol, trade, *_ in fills)
    outcome.doubled += sum(times - 1 for times in booked.values())
    ours = {(symbol, trade, Decimal(p), Decimal(q), Decimal(fee), asset) for symbol, trade, p, q, fee, asset in fills}
    made = {
        (
            row["symbol"],
            row["id"],
            *(Decimal(row[key]) for key in ("price", "qty", "commission")),
            row["commissionAsset"],
        )
        for row in ledger["trades"]
    }
    outcome.lost += len(ours ^ made)
    _judge_balances(outcome, ledger)


def _judge_balances(outcome, ledger) -> None:
    moved: Counter = Counter()
    for row in ledger["trades"]:
        sign = 1 if row["isBuyer"] else -1
        moved[row["symbol"].removesuffix("USDT")] += sign * Decimal(row["qty"])
        moved["USDT"] -= sign * Decimal(row["quoteQty"])
        moved[row["commissionAsset"]] -= Decimal(row["commission"])
    for asset, amount in (soak.OPENING | {"ETH": Decimal(0)}).items():
        held = ledger["balances"].get(asset, {"free": "0", "locked": "0"})
        outcome.lost += Decimal(held["free"]) + Decimal(held["locked"]) != amount + moved[asset]
