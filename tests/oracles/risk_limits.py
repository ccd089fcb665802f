"""Slow twin of the risk gate: the rules in their order, each a function of plain Python values, exact."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from oracles.risk_filters import BUY, LIMIT, MARKET, SELL, TwinFilters
from oracles.risk_token_bucket import TwinBucket

PLACE, CANCEL, CANCEL_ALL = 0, 1, 2
POST_ONLY, REDUCE_ONLY = 1, 2
OK = "RISK_OK"
LOTS_MAX, ORDER_LOTS_MAX = 1 << 60, 1 << 50
RING = 64
DEFAULTS: dict[str, Any] = {
    "notional_is_qty": False,
    "exits_need_reference": False,
    "max_open_orders": 20,
    "band_ppm": 20_000,
    "max_reference_age_ns": 3_000_000_000,
    "unusual_multiple": 10,
    "unusual_warmup_orders": 20,
    "ewma_shift": 4,
    "max_drawdown_ppm": 150_000,
    "duplicate_window_ns": 250_000_000,
    "max_reject_run": 5,
    "max_exit_reject_run": 10,
    "orders_per_period": 10,
    "period_ns": 1_000_000_000,
    "burst": 20,
    "reserve_tokens": 4,
}


class TwinGate:
    """State as a few integers and lists; `check` walks `RULES`."""

    def __init__(self, *, filters: TwinFilters | None = None, **limits: Any) -> None:
        self.limits = DEFAULTS | limits
        self.filters = filters or TwinFilters()
        self.bucket = TwinBucket(
            tokens=self.limits["orders_per_period"], period_ns=self.limits["period_ns"], burst=self.limits["burst"]
        )
        self.latches: set[str] = set()
        self.equity_peak: int | None = None
        self.position = 0
        self.open_lots = [0, 0]
        self.unknown = [0, 0]
        self.open_orders = 0
        self.reference: tuple[int, int] | None = None
        self.recent: list[tuple[int, int, int, int]] = []
        self.mean_scaled = 0
        self.entries_sent = 0
        self.reject_code: int | None = None
        self.reject_run = 0

    # The rules: True when the order keeps them.

    def right_instrument(self, order: dict[str, int], _: int) -> bool:
        return order["instrument"] == self.limits["instrument"]

    def well_formed(self, order: dict[str, int], _: int) -> bool:
        limit = order["type"] == LIMIT
        post_only_rests = not order["flags"] & POST_ONLY or (limit and order["tif"] == 0)
        return (
            order["side"] in (BUY, SELL)
            and order["type"] in (LIMIT, MARKET)
            and order["tif"] in (0, 1, 2)
            and order["flags"] in (0, 1, 2, 3)
            and post_only_rests
            and 0 < order["qty_lots"] <= ORDER_LOTS_MAX
            and (not limit or 0 < order["price_ticks"] <= LOTS_MAX)
        )

    def no_reject_latch(self, order: dict[str, int], _: int) -> bool:
        return ("exit_rejects" if self.is_exit(order) else "rejects") not in self.latches

    def no_drawdown_latch(self, order: dict[str, int], _: int) -> bool:
        return self.is_exit(order) or "drawdown" not in self.latches

    def equity_known(self, order: dict[str, int], _: int) -> bool:
        return self.is_exit(order) or not self.limits["max_drawdown_ppm"] or self.equity_peak is not None

    def reduces(self, order: dict[str, int], _: int) -> bool:
        if not self.is_exit(order):
            return True
        held = self.position if order["side"] == SELL else -self.position
        return held > 0 and order["qty_lots"] + self.open_lots[order["side"]] <= held

    def outcome_known(self, order: dict[str, int], _: int) -> bool:
        return self.is_exit(order) or self.unknown[order["side"]] == 0

    def qty_allowed(self, order: dict[str, int], _: int) -> bool:
        return order["qty_lots"] <= self.limits["max_order_lots"]

    def qty_usual(self, order: dict[str, int], _: int) -> bool:
        multiple = self.limits["unusual_multiple"]
        if self.is_exit(order) or not multiple or self.entries_sent < self.limits["unusual_warmup_orders"]:
            return True
        return order["qty_lots"] <= Fraction(self.mean_scaled, 1 << 10) * multiple

    def reference_known(self, order: dict[str, int], _: int) -> bool:
        return self.reference is not None or self.needs_no_reference(order)

    def reference_fresh(self, order: dict[str, int], now_ns: int) -> bool:
        return self.fresh_price(now_ns) is not None or self.needs_no_reference(order)

    def in_band(self, order: dict[str, int], now_ns: int) -> bool:
        reference = self.fresh_price(now_ns)
        if order["type"] == MARKET or reference is None:
            return True
        return abs(Fraction(order["price_ticks"] - reference, reference)) <= Fraction(self.limits["band_ppm"], 10**6)

    def notional_allowed(self, order: dict[str, int], now_ns: int) -> bool:
        if self.is_exit(order):
            return True
        price = self.fresh_price(now_ns) if order["type"] == MARKET else order["price_ticks"]
        assert price is not None
        amount = order["qty_lots"] * (1 if self.limits["notional_is_qty"] else price)
        return amount <= self.limits["max_order_notional"]

    def position_allowed(self, order: dict[str, int], _: int) -> bool:
        if self.is_exit(order):
            return True
        side = order["side"]
        after = (self.position if side == BUY else -self.position) + self.open_lots[side] + order["qty_lots"]
        return after <= self.limits["max_long_lots" if side == BUY else "max_short_lots"]

    def open_orders_allowed(self, order: dict[str, int], _: int) -> bool:
        return self.is_exit(order) or self.open_orders + 1 <= self.limits["max_open_orders"]

    def not_duplicate(self, order: dict[str, int], now_ns: int) -> bool:
        key = self.fingerprint(order)
        newer_than = now_ns - self.limits["duplicate_window_ns"]
        return not any(seen[0] > newer_than and seen[1:] == key for seen in self.recent[-RING:])

    def rate_allowed(self, order: dict[str, int], now_ns: int) -> bool:
        return self.bucket.at(now_ns) >= (1 if self.is_exit(order) else 1 + self.limits["reserve_tokens"])

    # By name, so that a control may override one.
    RULES: tuple[tuple[str, str], ...] = (
        ("RISK_WRONG_INSTRUMENT", "right_instrument"),
        ("RISK_MALFORMED", "well_formed"),
        ("RISK_REJECT_LATCH", "no_reject_latch"),
        ("RISK_DRAWDOWN_LATCH", "no_drawdown_latch"),
        ("RISK_NO_EQUITY", "equity_known"),
        ("RISK_REDUCE_ONLY", "reduces"),
        ("RISK_UNKNOWN_OUTCOME", "outcome_known"),
        ("RISK_ORDER_QTY", "qty_allowed"),
        ("RISK_UNUSUAL_QTY", "qty_usual"),
        ("RISK_NO_REFERENCE", "reference_known"),
        ("RISK_STALE_REFERENCE", "reference_fresh"),
        ("RISK_PRICE_BAND", "in_band"),
        ("RISK_ORDER_NOTIONAL", "notional_allowed"),
        ("RISK_POSITION", "position_allowed"),
        ("RISK_OPEN_ORDERS", "open_orders_allowed"),
        ("FILTER", ""),
        ("RISK_DUPLICATE", "not_duplicate"),
        ("RISK_ORDER_RATE", "rate_allowed"),
    )

    @staticmethod
    def is_exit(order: dict[str, int]) -> bool:
        return bool(order["flags"] & REDUCE_ONLY)

    def needs_no_reference(self, order: dict[str, int]) -> bool:
        return self.is_exit(order) and order["type"] == MARKET and not self.limits["exits_need_reference"]

    def fresh_price(self, now_ns: int) -> int | None:
        if self.reference is None or not 0 <= now_ns - self.reference[1] <= self.limits["max_reference_age_ns"]:
            return None
        return self.reference[0]

    @staticmethod
    def fingerprint(order: dict[str, int]) -> tuple[int, int, int]:
        return order["side"], 0 if order["type"] == MARKET else order["price_ticks"], order["qty_lots"]

    def filter_verdict(self, order: dict[str, int], now_ns: int) -> str:
        name = self.filters.check(
            side=order["side"],
            order_type=order["type"],
            price_ticks=order["price_ticks"],
            qty_lots=order["qty_lots"],
            trigger_ticks=order["trigger_ticks"],
            reference_ticks=self.fresh_price(now_ns) or 0,
            open_orders=self.open_orders,
            long_exposure_lots=self.position + self.open_lots[BUY],
        )
        return OK if name in ("OK", "NO_REFERENCE") else "FILTER_" + name

    def check(self, order: dict[str, int], now_ns: int) -> str:
        if not self.right_instrument(order, now_ns):
            return "RISK_WRONG_INSTRUMENT"
        if order["action"] != PLACE:
            return OK if order["action"] in (CANCEL, CANCEL_ALL) else "RISK_MALFORMED"
        for name, method in self.RULES:
            if not method:
                verdict = self.filter_verdict(order, now_ns)
                if verdict != OK:
                    return verdict
            elif not getattr(self, method)(order, now_ns):
                return name
        return OK

    # What changes the state.

    def sent(self, order: dict[str, int], now_ns: int) -> None:
        if order["action"] != PLACE:
            return
        self.open_lots[order["side"]] += order["qty_lots"]
        self.open_orders += 1
        if not self.is_exit(order):
            scaled = order["qty_lots"] << 10
            step = (scaled - self.mean_scaled) >> self.limits["ewma_shift"]
            self.mean_scaled = scaled if self.entries_sent == 0 else self.mean_scaled + step
            self.entries_sent += 1
        stamp = max([now_ns, *(seen[0] for seen in self.recent[-1:])])
        self.recent.append((stamp, *self.fingerprint(order)))
        self.bucket.charge(1, now_ns)

    def submit(self, order: dict[str, int], now_ns: int) -> str:
        verdict = self.check(order, now_ns)
        if verdict == OK:
            self.sent(order, now_ns)
        return verdict

    def stray_fill(self, side: int, lots: int) -> None:
        self.position += lots if side == BUY else -lots

    def fill(self, side: int, lots: int) -> None:
        self.stray_fill(side, lots)
        self.open_lots[side] -= lots

    def closed(self, side: int, unfilled: int, *, by_reject: bool, code: int) -> None:
        self.open_lots[side] -= unfilled
        self.open_orders -= 1
        if not by_reject:
            self.reject_run = 0
            return
        self.reject_run = self.reject_run + 1 if self.reject_run and self.reject_code == code else 1
        self.reject_code = code
        if self.reject_run >= self.limits["max_reject_run"]:
            self.latches.add("rejects")
        if self.reject_run >= self.limits["max_exit_reject_run"]:
            self.latches.add("exit_rejects")

    def accepted(self) -> None:
        self.reject_run = 0

    def apply_reference(self, ticks: int, ts_ns: int) -> None:
        self.reference = (ticks, ts_ns) if 0 < ticks <= LOTS_MAX else None

    def apply_equity(self, equity: int) -> None:
        self.equity_peak = equity if self.equity_peak is None else max(self.equity_peak, equity)
        limit = Fraction(self.limits["max_drawdown_ppm"], 10**6)
        if limit and (equity <= 0 or self.equity_peak - equity >= self.equity_peak * limit):
            self.latches.add("drawdown")

    def reset(self, bits: int) -> None:
        if bits & 1:
            self.latches.discard("drawdown")
            self.equity_peak = None
        if bits & 2:
            self.latches.discard("rejects")
        if bits & 4:
            self.latches.discard("exit_rejects")
        if bits & 6:
            self.reject_run = 0

    def snapshot(self) -> dict[str, Any]:
        bits = {"drawdown": 1, "rejects": 2, "exit_rejects": 4}
        return {
            "latches": sum(bits[name] for name in self.latches),
            "position_lots": self.position,
            "open_buy_lots": self.open_lots[BUY],
            "open_sell_lots": self.open_lots[SELL],
            "unknown_buys": self.unknown[BUY],
            "unknown_sells": self.unknown[SELL],
            "open_orders": self.open_orders,
            "sent_orders": self.entries_sent,
            "qty_mean_scaled": self.mean_scaled,
            "equity_peak": self.equity_peak,
            "reject_run": self.reject_run,
        }
