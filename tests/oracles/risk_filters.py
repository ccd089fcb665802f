"""Slow twin of the venue filters: fractions, each filter a function, from the venue's own formulas."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

BUY, SELL = 0, 1
LIMIT, MARKET = 0, 1


def on_grid(value: int, low: int, high: int, step: int) -> bool:
    return value >= low and (high == 0 or value <= high) and (step == 0 or value % step == 0)


class TwinFilters:
    """`check` gives the venue's name of the first filter an order breaks, else OK."""

    def __init__(self, **rules: Any) -> None:
        self.rules = rules

    def rule(self, name: str) -> Any:
        return self.rules.get(name, name == "min_applies_to_market")

    def range_of(self, prefix: str, noun: str) -> tuple[int, int, int]:
        suffix = {"price": "ticks", "qty": "lots"}[noun]
        return (
            self.rule(f"{prefix}min_{noun}_{suffix}"),
            self.rule(f"{prefix}max_{noun}_{suffix}"),
            self.rule(f"{prefix}{noun}_step_{suffix}"),
        )

    def price_filter(self, order: dict[str, int]) -> bool:
        prices = [order["price_ticks"]] if order["order_type"] == LIMIT else []
        prices += [order["trigger_ticks"]] if order["trigger_ticks"] else []
        return all(price > 0 and on_grid(price, *self.range_of("", "price")) for price in prices)

    def lot_size(self, order: dict[str, int]) -> bool:
        return order["qty_lots"] > 0 and on_grid(order["qty_lots"], *self.range_of("", "qty"))

    def market_lot_size(self, order: dict[str, int]) -> bool:
        return order["order_type"] == LIMIT or on_grid(order["qty_lots"], *self.range_of("market_", "qty"))

    def max_num_orders(self, order: dict[str, int]) -> bool:
        limit = self.rule("max_num_orders")
        return limit == 0 or order["open_orders"] + 1 <= limit

    def max_position(self, order: dict[str, int]) -> bool:
        limit = self.rule("max_position_lots")
        return limit == 0 or order["side"] == SELL or order["long_exposure_lots"] + order["qty_lots"] <= limit

    def percent_price(self, order: dict[str, int]) -> bool | None:
        if not self.rule("percent_price") or order["order_type"] == MARKET:
            return True
        reference = order["reference_ticks"]
        if reference <= 0:
            return None
        name = "bid" if order["side"] == BUY else "ask"
        down, up = Fraction(self.rule(f"{name}_down_ppm"), 10**6), Fraction(self.rule(f"{name}_up_ppm"), 10**6)
        return reference * down <= order["price_ticks"] and (up == 0 or order["price_ticks"] <= reference * up)

    def notional(self, order: dict[str, int]) -> bool | None:
        market = order["order_type"] == MARKET
        low, high = self.rule("min_notional_ticklots"), self.rule("max_notional_ticklots")
        low = 0 if market and not self.rule("min_applies_to_market") else low
        high = 0 if market and not self.rule("max_applies_to_market") else high
        if low == 0 and high == 0:
            return True
        if market and order["reference_ticks"] <= 0:
            return None
        amount = (order["reference_ticks"] if market else order["price_ticks"]) * order["qty_lots"]
        return (low == 0 or amount >= low) and (high == 0 or amount <= high)

    def check(self, **order: int) -> str:
        steps = [
            ("PRICE_FILTER", self.price_filter),
            ("LOT_SIZE", self.lot_size),
            ("MARKET_LOT_SIZE", self.market_lot_size),
            ("MAX_NUM_ORDERS", self.max_num_orders),
            ("MAX_POSITION", self.max_position),
            ("PERCENT_PRICE_BY_SIDE" if self.rule("percent_price_by_side") else "PERCENT_PRICE", self.percent_price),
            ("MIN_NOTIONAL" if self.rule("notional_is_legacy") else "NOTIONAL", self.notional),
        ]
        for name, holds in steps:
            held = holds(order)
            if held is None:
                return "NO_REFERENCE"
            if not held:
                return name
        return "OK"
