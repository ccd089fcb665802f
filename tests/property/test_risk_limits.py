"""The compiled risk gate against its plain-Python twin, over whole sessions of orders, fills, closes and clocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import risk_limits
from oracles.risk_draws import assert_caught, draws
from oracles.risk_filters import TwinFilters
from oracles.risk_limits import TwinGate

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.risk.filters import Filters
from bot4._core.risk.limits import RiskGate, RiskOpKind, verdict_of
from bot4._core.risk.op_dtype import RISK_OP_DTYPE

MS = 10**6
Row = tuple[RiskOpKind, dict[str, int], dict[str, int]]


def draw_limits(rng: Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Limits that a session of `Session` meets often, and filters."""
    burst = rng.choice([2, 5, 20])
    limits = {
        "instrument": 3,
        "max_order_lots": rng.choice([12, 100]),
        "max_order_notional": rng.choice([9000, 10**6]),
        "max_long_lots": rng.choice([20, 60, 10**6]),
        "max_short_lots": rng.choice([0, 20, 10**6]),
        "notional_is_qty": rng.random() < 0.2,
        "exits_need_reference": rng.random() < 0.3,
        "max_open_orders": rng.choice([2, 5, 20]),
        "band_ppm": rng.choice([10_000, 50_000]),
        "max_reference_age_ns": rng.choice([50 * MS, 2000 * MS]),
        "unusual_multiple": rng.choice([0, 1, 3]),
        "unusual_warmup_orders": rng.choice([1, 3]),
        "ewma_shift": rng.choice([0, 2, 4]),
        "max_drawdown_ppm": rng.choice([0, 100_000, 333_333]),
        "duplicate_window_ns": rng.choice([0, 1, 30 * MS, 250 * MS]),
        "max_reject_run": rng.choice([1, 2]),
        "max_exit_reject_run": rng.choice([2, 3]),
        "orders_per_period": rng.choice([5, 50]),
        "period_ns": 1000 * MS,
        "burst": burst,
        "reserve_tokens": rng.randrange(min(burst, 3)),
    }
    filters = {"min_qty_lots": rng.choice([0, 2]), "qty_step_lots": rng.choice([0, 2])} if rng.random() < 0.5 else {}
    if rng.random() < 0.3:
        filters |= {"percent_price": True, "bid_up_ppm": 1_020_000, "ask_down_ppm": 980_000, "max_num_orders": 4}
    if rng.random() < 0.3:
        filters |= {"min_notional_ticklots": 3000}
    return limits, filters


class Session:
    """Rows that can happen one after the other: keeps the open orders of the twin it drives."""

    def __init__(self, rng: Random, twin: TwinGate) -> None:
        self.rng = rng
        self.twin = twin
        self.now_ns = 10**18
        self.open: list[tuple[int, int]] = []

    def order(self) -> dict[str, int]:
        rng = self.rng
        order_type = rng.choice([0, 0, 0, 1])
        return {
            "instrument": rng.choice([3] * 19 + [4]),
            "action": rng.choice([0] * 19 + [1, 2, 3]),
            "side": rng.choice([0] * 10 + [1] * 10 + [2]),
            "type": rng.choice([order_type] * 19 + [2]),
            "tif": rng.choice([0, 1, 2] * 7 + [3]),
            "flags": rng.choice([0] * 8 + [2] * 8 + [1, 3, 4]),
            "price_ticks": rng.choice([1000, 1000, 990, 1010, 1011, 1050, 951, 0]),
            "qty_lots": rng.choice([2, 4, 10, 10, 12, 13, 5, 0, -1, 1 << 50, (1 << 50) + 1]),
            "trigger_ticks": rng.choice([0] * 9 + [-1]),
        }

    def rows(self, length: int) -> list[tuple[Row, str]]:
        """Rows with the twin's verdicts."""
        kinds = [
            RiskOpKind.OP_SUBMIT, RiskOpKind.OP_CHECK, RiskOpKind.OP_SENT, RiskOpKind.OP_FILL, RiskOpKind.OP_STRAY_FILL,
            RiskOpKind.OP_CLOSED, RiskOpKind.OP_ACCEPTED, RiskOpKind.OP_UNKNOWN, RiskOpKind.OP_KNOWN,
            RiskOpKind.OP_REFERENCE, RiskOpKind.OP_EQUITY, RiskOpKind.OP_RESET,
        ]  # fmt: skip
        weights = [30, 4, 1, 10, 2, 8, 1, 1, 2, 8, 4, 1]
        done: list[tuple[Row, str]] = [(row, risk_limits.OK) for row in (self.reference(), self.equity())]
        while len(done) < length:
            self.now_ns += self.rng.choice([0, MS, MS, 10 * MS, 60 * MS, 300 * MS, -MS])
            done.append(self.step(self.rng.choices(kinds, weights)[0]))
        return done

    def reference(self) -> Row:
        price = self.rng.choice([1000] * 9 + [1001, 0])
        stamp = self.now_ns + self.rng.choice([0] * 9 + [1])
        self.twin.apply_reference(price, stamp)
        return RiskOpKind.OP_REFERENCE, {"value": price, "now_ns": stamp}, {}

    def equity(self) -> Row:
        value = self.rng.choice([10**12, 10**12 + 7, 9 * 10**11, 9 * 10**11 + 1, 2 * (10**12) // 3, 10**9])
        value = value if self.rng.random() < 0.98 else -value
        self.twin.apply_equity(value)
        return RiskOpKind.OP_EQUITY, {"value": value}, {}

    def step(self, kind: RiskOpKind) -> tuple[Row, str]:
        """A row of that kind, or a reference where it cannot happen now."""
        if kind in (RiskOpKind.OP_SUBMIT, RiskOpKind.OP_CHECK):
            return self.checked(kind)
        rows = {
            RiskOpKind.OP_SENT: self.unchecked,
            RiskOpKind.OP_FILL: self.fill,
            RiskOpKind.OP_STRAY_FILL: self.stray_fill,
            RiskOpKind.OP_CLOSED: self.closed,
            RiskOpKind.OP_ACCEPTED: self.accepted,
            RiskOpKind.OP_UNKNOWN: self.unknown,
            RiskOpKind.OP_KNOWN: self.known,
            RiskOpKind.OP_EQUITY: self.equity,
            RiskOpKind.OP_RESET: self.reset,
        }
        return rows.get(kind, self.reference)(), risk_limits.OK

    def checked(self, kind: RiskOpKind) -> tuple[Row, str]:
        order = self.order()
        verdict = (self.twin.check if kind == RiskOpKind.OP_CHECK else self.twin.submit)(order, self.now_ns)
        if kind == RiskOpKind.OP_SUBMIT and verdict == risk_limits.OK and order["action"] == 0:
            self.open.append((order["side"], order["qty_lots"]))
        return (kind, {"now_ns": self.now_ns}, order), verdict

    def unchecked(self) -> Row:
        order = self.order() | {"side": self.rng.randrange(2), "type": 0, "qty_lots": self.rng.choice([2, 10])}
        self.twin.sent(order, self.now_ns)
        if order["action"] == 0:
            self.open.append((order["side"], order["qty_lots"]))
        return RiskOpKind.OP_SENT, {"now_ns": self.now_ns}, order

    def fill(self) -> Row:
        left = [i for i, (_, lots) in enumerate(self.open) if lots]
        if not left:
            return self.closed()
        side, lots = self.open.pop(self.rng.choice(left))
        filled = self.rng.randrange(1, lots + 1) if lots < 100 else lots
        self.twin.fill(side, filled)
        self.open.append((side, lots - filled))
        return RiskOpKind.OP_FILL, {"side": side, "value": filled}, {}

    def stray_fill(self) -> Row:
        op = {"side": self.rng.randrange(2), "value": self.rng.choice([1, 10])}
        self.twin.stray_fill(op["side"], op["value"])
        return RiskOpKind.OP_STRAY_FILL, op, {}

    def closed(self) -> Row:
        if not self.open:
            return self.reference()
        side, lots = self.open.pop(self.rng.randrange(len(self.open)))
        by_reject, code = self.rng.random() < 0.5, self.rng.choice([-2010, -1013])
        self.twin.closed(side, lots, by_reject=by_reject, code=code)
        return RiskOpKind.OP_CLOSED, {"side": side, "value": lots, "by_reject": by_reject, "code": code}, {}

    def accepted(self) -> Row:
        self.twin.accepted()
        return RiskOpKind.OP_ACCEPTED, {}, {}

    def unknown(self) -> Row:
        side = self.rng.randrange(2)
        self.twin.unknown[side] += 1
        return RiskOpKind.OP_UNKNOWN, {"side": side}, {}

    def known(self) -> Row:
        if not any(self.twin.unknown):
            return self.reference()
        side = int(self.twin.unknown[1] > 0)
        self.twin.unknown[side] -= 1
        return RiskOpKind.OP_KNOWN, {"side": side}, {}

    def reset(self) -> Row:
        bits = self.rng.randrange(8)
        self.twin.reset(bits)
        return RiskOpKind.OP_RESET, {"code": bits}, {}


def compiled(limits, filters, rows: list[Row]) -> tuple[list[str], dict[str, Any]]:
    gate = RiskGate(filters=Filters(**filters), **limits)
    ops, intents = np.zeros(len(rows), RISK_OP_DTYPE), np.zeros(len(rows), INTENT_DTYPE)
    for i, (kind, op, order) in enumerate(rows):
        ops[i]["kind"] = kind
        for name, value in op.items():
            ops[i][name] = value
        for name, value in order.items():
            intents[i][name] = value
    verdicts = [verdict_of(int(verdict)).name for verdict in gate.run(ops, intents)]
    return verdicts, gate.snapshot()


def shift_unknown(twin: TwinGate, side: int, by: int) -> None:
    twin.unknown[side] += by


def calls_of(twin: TwinGate) -> dict[RiskOpKind, Callable[[Any, Any], Any]]:
    """What each row calls, with its arguments and its order."""
    return {
        RiskOpKind.OP_SUBMIT: lambda op, order: twin.submit(order, op["now_ns"]),
        RiskOpKind.OP_CHECK: lambda op, order: twin.check(order, op["now_ns"]),
        RiskOpKind.OP_SENT: lambda op, order: twin.sent(order, op["now_ns"]),
        RiskOpKind.OP_FILL: lambda op, _: twin.fill(op["side"], op["value"]),
        RiskOpKind.OP_STRAY_FILL: lambda op, _: twin.stray_fill(op["side"], op["value"]),
        RiskOpKind.OP_CLOSED: lambda op, _: twin.closed(
            op["side"], op["value"], by_reject=bool(op["by_reject"]), code=op["code"]
        ),
        RiskOpKind.OP_ACCEPTED: lambda *_: twin.accepted(),
        RiskOpKind.OP_UNKNOWN: lambda op, _: shift_unknown(twin, op["side"], 1),
        RiskOpKind.OP_KNOWN: lambda op, _: shift_unknown(twin, op["side"], -1),
        RiskOpKind.OP_REFERENCE: lambda op, _: twin.apply_reference(op["value"], op["now_ns"]),
        RiskOpKind.OP_EQUITY: lambda op, _: twin.apply_equity(op["value"]),
        RiskOpKind.OP_RESET: lambda op, _: twin.reset(op["code"]),
    }


def replay(twin_type: type[TwinGate], limits, filters, rows: list[Row]) -> tuple[list[str], dict[str, Any]]:
    """What a (planted) twin answers to rows that another twin drew."""
    twin = twin_type(filters=TwinFilters(**filters), **limits)
    calls = calls_of(twin)
    verdicts = [calls[kind](op, order) or risk_limits.OK for kind, op, order in rows]
    return verdicts, twin.snapshot()


def check_gate(run, seed: int, length: int) -> set[str]:
    """`run` gives verdicts and the final state for (limits, filters, rows); both equal the twin's."""
    rng = draws(seed)
    limits, filters = draw_limits(rng)
    twin = TwinGate(filters=TwinFilters(**filters), **limits)
    done = Session(rng, twin).rows(length)
    verdicts, snapshot = run(limits, filters, [row for row, _ in done])
    assert verdicts == [verdict for _, verdict in done]
    assert twin.snapshot().items() <= snapshot.items()
    return set(verdicts)


@given(seed=st.integers(0, 2**32 - 1), length=st.integers(3, 60))
def test_gate_gives_the_twins_verdicts_over_any_session(seed: int, length: int) -> None:
    check_gate(compiled, seed, length)


def check_ring(run, seed: int, length: int) -> set[str]:
    """Far more orders than the duplicate ring holds, in a burst or spread over windows; `run` as in `check_gate`."""
    rng = draws(seed)
    limits = {
        "instrument": 3, "max_order_lots": 100, "max_order_notional": 10**9, "max_long_lots": 10**6,
        "max_short_lots": 10**6, "max_open_orders": 10**6, "unusual_multiple": 0, "max_drawdown_ppm": 0,
        "max_reference_age_ns": 1 << 60, "duplicate_window_ns": 40 * MS, "orders_per_period": 1, "burst": 1,
        "reserve_tokens": 0,
    }  # fmt: skip
    twin = TwinGate(**limits)
    now_ns = 10**18
    rows: list[Row] = [(RiskOpKind.OP_REFERENCE, {"value": 1000, "now_ns": now_ns}, {})]
    verdicts = [risk_limits.OK]
    twin.apply_reference(1000, now_ns)
    quiet = rng.choice([0.05, 0.5])
    distinct = rng.choice([4, 15])
    for _ in range(length):
        now_ns += rng.choice([MS, 13 * MS, 40 * MS]) if rng.random() < quiet else 0
        order = dict.fromkeys(("action", "side", "type", "tif", "flags", "trigger_ticks"), 0)
        order |= {"instrument": 3, "side": rng.randrange(2), "type": rng.randrange(2), "qty_lots": rng.randrange(1, 4)}
        order["price_ticks"] = 1000 + rng.randrange(distinct)
        kind = rng.choice([RiskOpKind.OP_SENT, RiskOpKind.OP_CHECK])
        rows.append((kind, {"now_ns": now_ns}, order))
        if kind == RiskOpKind.OP_SENT:
            twin.sent(order, now_ns)
            verdicts.append(risk_limits.OK)
        else:
            verdicts.append(twin.check(order, now_ns))
    assert run(limits, {}, rows)[0] == verdicts
    return set(verdicts)


@given(seed=st.integers(0, 2**32 - 1), length=st.integers(1, 200))
def test_duplicates_are_found_in_a_ring_that_went_round(seed: int, length: int) -> None:
    check_ring(compiled, seed, length)


def test_the_drawn_rings_hold_duplicates_and_others() -> None:
    seen = set().union(*(check_ring(compiled, seed, 200) for seed in range(20)))
    assert {"RISK_DUPLICATE", "RISK_ORDER_RATE"} <= seen


@pytest.mark.parametrize("slots", [56, 63, 65, 72])
def test_a_ring_of_another_size_is_caught(slots: int) -> None:
    class Planted(TwinGate):
        def not_duplicate(self, order, now_ns):
            newer_than = now_ns - self.limits["duplicate_window_ns"]
            key = self.fingerprint(order)
            return not any(seen[0] > newer_than and seen[1:] == key for seen in self.recent[-slots:])

    assert_caught(lambda seed: check_ring(partial(replay, Planted), seed, 200))


def test_the_drawn_sessions_reach_every_rule() -> None:
    seen = set().union(*(check_gate(compiled, seed, 60) for seed in range(300)))
    rules = {name for name, method in TwinGate.RULES if method} | {"RISK_OK"}
    assert rules <= seen
    assert {"FILTER_LOT_SIZE", "FILTER_PERCENT_PRICE", "FILTER_MIN_NOTIONAL", "FILTER_NOTIONAL"} & seen


@pytest.mark.parametrize("rule", [name for name, method in TwinGate.RULES if method])
def test_a_gate_without_one_of_the_rules_is_caught(rule: str) -> None:
    class Planted(TwinGate):
        RULES = tuple((name, "passes" if name == rule else method) for name, method in TwinGate.RULES)

        def passes(self, *_):
            return True

        def right_instrument(self, order, now_ns):
            return rule == "RISK_WRONG_INSTRUMENT" or super().right_instrument(order, now_ns)

        def fresh_price(self, now_ns):
            # A gate that lets a missing reference pass still has to put something in its place: the fault itself.
            skips = rule in ("RISK_NO_REFERENCE", "RISK_STALE_REFERENCE")
            return super().fresh_price(now_ns) or (1000 if skips else None)

        def sent(self, order, now_ns):
            if order["side"] < 2:
                super().sent(order, now_ns)

    assert_caught(lambda seed: check_gate(partial(replay, Planted), seed, 60))


def test_a_replay_of_the_twin_itself_agrees() -> None:
    for seed in range(20):
        check_gate(partial(replay, TwinGate), seed, 60)


class _CountsNoOpenOrders(TwinGate):
    def position_allowed(self, order, now_ns):
        self.open_lots, held = [0, 0], self.open_lots
        allowed = super().position_allowed(order, now_ns)
        self.open_lots = held
        return allowed


class _FillUnlatches(TwinGate):
    def accepted(self):
        super().accepted()
        self.latches.discard("rejects")


class _RejectCodesCountTogether(TwinGate):
    def closed(self, side, unfilled, *, by_reject, code):
        super().closed(side, unfilled, by_reject=by_reject, code=0 if by_reject else code)


class _FutureReferenceIsFresh(TwinGate):
    def fresh_price(self, now_ns):
        return super().fresh_price(max(now_ns, self.reference[1]) if self.reference else now_ns)


class _DrawdownOffByOne(TwinGate):
    def apply_equity(self, equity):
        super().apply_equity(equity + 1)


class _ExitsLearnQty(TwinGate):
    def sent(self, order, now_ns):
        super().sent(order | {"flags": 0}, now_ns)


class _ExitIgnoresOpenExits(TwinGate):
    def reduces(self, order, now_ns):
        held, self.open_lots = self.open_lots, [0, 0]
        kept = super().reduces(order, now_ns)
        self.open_lots = held
        return kept


@pytest.mark.parametrize(
    "planted",
    [
        _CountsNoOpenOrders,
        _FillUnlatches,
        _RejectCodesCountTogether,
        _FutureReferenceIsFresh,
        _DrawdownOffByOne,
        _ExitsLearnQty,
        _ExitIgnoresOpenExits,
    ],
)
def test_a_planted_fault_in_the_state_is_caught(planted: type[TwinGate]) -> None:
    assert_caught(lambda seed: check_gate(partial(replay, planted), seed, 60))
