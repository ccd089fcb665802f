"""Truth table of the risk predicate: each rule alone decides, and of several broken rules the first is the verdict.

A scene is an order that every rule passes. Each rule has one switch that breaks that rule and no other. The table: no
switch, each one, every pair and every three of them, for entries and for exits.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.risk.filters import Filters
from bot4._core.risk.limits import RiskGate, RiskOpKind, verdict_of
from bot4._core.risk.op_dtype import RISK_OP_DTYPE
from bot4._core.risk.rules import RiskVerdict

S = 10**9
NOW = 100 * S
BUY, SELL = 0, 1
REDUCE_ONLY = 2

# Rules in their order, with the switch of each.
SWITCHES: list[tuple[str, dict[str, Any]]] = [
    ("RISK_WRONG_INSTRUMENT", {"intent": {"instrument": 9}}),
    ("RISK_MALFORMED", {"intent": {"tif": 7}}),
    ("RISK_REJECT_LATCH", {"latches": 6}),
    ("RISK_DRAWDOWN_LATCH", {"latches": 1}),
    ("RISK_NO_EQUITY", {"equity": False}),
    ("RISK_REDUCE_ONLY", {}),
    ("RISK_UNKNOWN_OUTCOME", {"unknown": True}),
    ("RISK_ORDER_QTY", {"limits": {"max_order_lots": 9}}),
    ("RISK_UNUSUAL_QTY", {"limits": {"unusual_multiple": 2}}),
    ("RISK_NO_REFERENCE", {"reference_ns": None}),
    ("RISK_STALE_REFERENCE", {"reference_ns": NOW - 4 * S}),
    ("RISK_PRICE_BAND", {"limits": {"band_ppm": 999}}),
    ("RISK_ORDER_NOTIONAL", {"limits": {"max_order_notional": 9_999}}),
    ("RISK_POSITION", {"limits": {"max_long_lots": 63, "max_short_lots": 0}}),
    ("RISK_OPEN_ORDERS", {"limits": {"max_open_orders": 2}}),
    ("FILTER_LOT_SIZE", {"filters": {"min_qty_lots": 11}}),
    ("RISK_DUPLICATE", {"limits": {"duplicate_window_ns": 2 * S}}),
    ("RISK_ORDER_RATE", {"limits": {"burst": 2}}),
]
ORDER = [name for name, _ in SWITCHES]
ENTRIES_ONLY = {
    "RISK_DRAWDOWN_LATCH",
    "RISK_NO_EQUITY",
    "RISK_UNKNOWN_OUTCOME",
    "RISK_UNUSUAL_QTY",
    "RISK_ORDER_NOTIONAL",
    "RISK_POSITION",
    "RISK_OPEN_ORDERS",
}
EXITS_ONLY = {"RISK_REDUCE_ONLY"}


def verdict_of_scene(broken: tuple[str, ...], *, is_exit: bool, order_type: int = 0) -> str:
    """Build the scene with some rules broken and check its order once.

    Long 50 lots; two orders are open, sent a second ago: one of 2 lots, and one of 10 that equals the one to check.
    """
    switches = [switch for name, switch in SWITCHES if name in broken]
    scene = {key: value for switch in switches for key, value in switch.items() if key in ("equity", "unknown")}
    limits = {key: value for switch in switches for key, value in switch.get("limits", {}).items()}
    filters = {key: value for switch in switches for key, value in switch.get("filters", {}).items()}
    stamps = [switch["reference_ns"] for switch in switches if "reference_ns" in switch]
    # Two orders of 12 lots are open: an exit of 10 more does not fit into 21.
    position = 21 if is_exit and "RISK_REDUCE_ONLY" in broken else 50
    side = SELL if is_exit else BUY
    gate = RiskGate(
        filters=Filters(**filters),
        **{
            "instrument": 0, "max_order_lots": 100, "max_order_notional": 10**6, "max_long_lots": 1000,
            "max_short_lots": 1000, "band_ppm": 1000, "max_reference_age_ns": 3 * S, "unusual_multiple": 0,
            "unusual_warmup_orders": 1, "max_open_orders": 3, "duplicate_window_ns": 0, "orders_per_period": 1,
            "period_ns": 1000 * S, "burst": 3, "reserve_tokens": 0,
        } | limits,
    )  # fmt: skip
    checked = {"side": side, "type": order_type, "price_ticks": 1001 if order_type == 0 else 0, "qty_lots": 10}
    rows: list[tuple[RiskOpKind, dict[str, int], dict[str, int]]] = [
        (RiskOpKind.OP_SENT, {"now_ns": NOW - S}, checked | {"qty_lots": lots}) for lots in (2, 10)
    ]
    rows.append((RiskOpKind.OP_STRAY_FILL, {"side": BUY, "value": position}, {}))
    if scene.get("equity", True):
        rows.append((RiskOpKind.OP_EQUITY, {"value": 10**6}, {}))
    if scene.get("unknown"):
        rows.append((RiskOpKind.OP_UNKNOWN, {"side": side}, {}))
    reference_ns = NOW - S if not stamps else None if None in stamps else stamps[0]
    if reference_ns is not None:
        rows.append((RiskOpKind.OP_REFERENCE, {"now_ns": reference_ns, "value": 1000}, {}))
    fields = {key: value for switch in switches for key, value in switch.get("intent", {}).items()}
    order = checked | fields | {"flags": REDUCE_ONLY if is_exit else 0}
    rows.append((RiskOpKind.OP_CHECK, {"now_ns": NOW}, order))
    ops, intents = np.zeros(len(rows), RISK_OP_DTYPE), np.zeros(len(rows), INTENT_DTYPE)
    for i, (kind, op, intent) in enumerate(rows):
        ops[i]["kind"] = kind
        for name, value in op.items():
            ops[i][name] = value
        for name, value in intent.items():
            intents[i][name] = value
    gate.restore_latches(latches=sum(switch.get("latches", 0) for switch in switches), equity_peak=None)
    return verdict_of(int(gate.run(ops, intents)[-1])).name


def expected(broken: tuple[str, ...], *, is_exit: bool, market: bool) -> str:
    skipped = ENTRIES_ONLY if is_exit else EXITS_ONLY
    if market:
        skipped = skipped | {"RISK_PRICE_BAND"}
        if is_exit:
            skipped |= {"RISK_NO_REFERENCE", "RISK_STALE_REFERENCE"}
    holds = [name for name in ORDER if name in broken and name not in skipped]
    if "RISK_NO_REFERENCE" in holds:
        holds = [name for name in holds if name != "RISK_STALE_REFERENCE"]
    return min(holds, key=ORDER.index) if holds else "RISK_OK"


def test_the_table_names_every_verdict_of_the_predicate() -> None:
    named = {name for name in ORDER if name.startswith("RISK_")} | {"RISK_OK"}
    assert named == {verdict.name for verdict in RiskVerdict}


@pytest.mark.parametrize("order_type", [0, 1], ids=["limit", "market"])
@pytest.mark.parametrize("is_exit", [False, True], ids=["entry", "exit"])
def test_the_first_broken_rule_is_the_verdict(*, is_exit: bool, order_type: int) -> None:
    table = [broken for count in range(4) for broken in combinations(ORDER, count)]
    assert len(table) == 1 + 18 + 153 + 816
    for broken in table:
        verdict = verdict_of_scene(broken, is_exit=is_exit, order_type=order_type)
        assert verdict == expected(broken, is_exit=is_exit, market=order_type == 1), broken


def test_a_switch_that_breaks_nothing_would_be_seen() -> None:
    assert verdict_of_scene(("RISK_ORDER_QTY",), is_exit=False) == "RISK_ORDER_QTY"
    assert verdict_of_scene((), is_exit=False) == "RISK_OK"
    assert {expected((name,), is_exit=False, market=False) for name in ORDER} == {"RISK_OK", *ORDER} - EXITS_ONLY
