"""Slow twin of the exchange's checks before any money is looked at: shapes, filters, counts, lists."""

from __future__ import annotations

from typing import Any

from bot4._core.sim.exchange_types import ExchangeVerdict as V
from oracles.risk_filters import TwinFilters

LIMIT, MARKET, LIMIT_MAKER, STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT = range(7)
GTC, IOC, FOK, GTD = range(4)
PRICED = (LIMIT, LIMIT_MAKER, STOP_LOSS_LIMIT, TAKE_PROFIT_LIMIT)
STOPS = (STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT)
LOSSES = (STOP_LOSS, STOP_LOSS_LIMIT)
MAX_LOTS, MAX_TICKS = 1 << 42, 1 << 40
BUY = 0


TIFS = {MARKET: (GTC,), STOP_LOSS: (GTC,), TAKE_PROFIT: (GTC,), LIMIT_MAKER: (GTC, GTD)}


def shape(row: dict[str, int], symbol: Any, now_ns: int) -> int:
    """The first rule of shape that a row breaks; symbol and account exist."""
    kind, tif, lots, iceberg = row["type"], row["tif"], row["qty_lots"], row["iceberg_lots"]
    by_quote = kind == MARKET and row["quote_atoms"] != 0
    expiry_holds = row["expire_ns"] > now_ns if tif == GTD else row["expire_ns"] == 0
    price_holds = 0 < row["price_ticks"] <= MAX_TICKS if kind in PRICED else row["price_ticks"] == 0
    stop_in_range = 0 <= row["stop_ticks"] <= MAX_TICKS and 0 <= row["trailing_bips"] < 10_000
    waits = row["stop_ticks"] > 0 or row["trailing_bips"] > 0
    amount_holds = (
        row["quote_atoms"] > 0 and lots == 0 if by_quote else row["quote_atoms"] == 0 and 0 < lots <= MAX_LOTS
    )
    iceberg_holds = iceberg == 0 or (0 < iceberg <= lots and kind in PRICED and tif in (GTC, GTD))
    broken = [
        (symbol.status != 0, V.VERDICT_NOT_TRADING),
        (row["side"] > 1, V.VERDICT_BAD_SIDE),
        (kind > TAKE_PROFIT_LIMIT, V.VERDICT_BAD_TYPE),
        (row["flags"] & 1, V.VERDICT_REDUCE_ONLY),
        (row["flags"] > 15, V.VERDICT_BAD_FLAGS),
        (tif not in TIFS.get(kind, (GTC, IOC, FOK, GTD)), V.VERDICT_BAD_TIF),
        (not expiry_holds, V.VERDICT_BAD_EXPIRY),
        (row["stp"] > 5, V.VERDICT_BAD_STP),
        (row["stp"] not in symbol.stp_modes, V.VERDICT_STP_NOT_ALLOWED),
        (not price_holds, V.VERDICT_BAD_PRICE),
        (not stop_in_range or waits != (kind in STOPS), V.VERDICT_BAD_STOP),
        (not amount_holds, V.VERDICT_BAD_QUANTITY),
        (not iceberg_holds, V.VERDICT_BAD_ICEBERG),
    ]
    return next((verdict for is_broken, verdict in broken if is_broken), V.VERDICT_OK)


def filters(row: dict[str, int], symbol: Any, reference: int, position_lots: int) -> int:
    """The first of the symbol's filters that an order breaks."""
    rules = dict(symbol.filters)
    if reference == 0 and not row["quote_atoms"]:
        rules |= {"percent_price": False, "min_applies_to_market": False, "max_applies_to_market": False}
    rules["max_num_orders"] = 0
    twin = TwinFilters(**rules)
    if row["quote_atoms"]:
        ticklots = row["quote_atoms"] // symbol.quote_atoms
        too_small = twin.rule("min_applies_to_market") and ticklots < twin.rule("min_notional_ticklots")
        most = twin.rule("max_notional_ticklots") if twin.rule("max_applies_to_market") else 0
        if too_small or (most and ticklots > most):
            return V.VERDICT_MIN_NOTIONAL if twin.rule("notional_is_legacy") else V.VERDICT_NOTIONAL
    else:
        name = twin.check(
            order_type=0 if row["type"] in PRICED else 1,
            side=row["side"],
            price_ticks=row["price_ticks"],
            trigger_ticks=row["stop_ticks"],
            qty_lots=row["qty_lots"],
            reference_ticks=reference,
            open_orders=0,
            long_exposure_lots=position_lots,
        )
        if name != "OK":
            return V["VERDICT_" + name]
    if row["iceberg_lots"]:
        low, high, step = twin.range_of("", "qty")
        if row["iceberg_lots"] < low or (high and row["iceberg_lots"] > high) or (step and row["iceberg_lots"] % step):
            return V.VERDICT_LOT_SIZE
        parts = -(-row["qty_lots"] // row["iceberg_lots"])
        if symbol.limits.get("max_iceberg_parts") and parts > symbol.limits["max_iceberg_parts"]:
            return V.VERDICT_ICEBERG_PARTS
    if row["trailing_bips"]:
        way = "above" if (row["type"] in LOSSES) == (row["side"] == BUY) else "below"
        most = symbol.limits.get(f"max_trailing_{way}_bips", 0)
        if row["trailing_bips"] < symbol.limits.get(f"min_trailing_{way}_bips", 0) or 0 < most < row["trailing_bips"]:
            return V.VERDICT_TRAILING_DELTA
    return V.VERDICT_OK


def counts(
    rows: list[dict[str, int]],
    symbol: Any,
    mine: list[Any],
    everywhere: list[Any],
    *,
    lists: tuple[int, int],
    house: Any,
) -> int:
    """Limits on open orders: `mine` on this symbol, `everywhere` on all; `lists` likewise; `house`: exchange limits."""
    algos = sum(row["type"] in STOPS for row in rows)
    icebergs = sum(row["iceberg_lots"] > 0 for row in rows)
    wanted = {"orders": len(rows), "algo_orders": algos, "iceberg_orders": icebergs, "order_lists": len(rows) > 1}
    for scope, orders, held_lists, limits in (
        ("", mine, lists[0], {**symbol.limits, "max_orders": symbol.filters.get("max_num_orders", 0)}),
        ("EXCHANGE_", everywhere, lists[1], house),
    ):
        held = {
            "orders": len(orders),
            "algo_orders": sum(order.type in STOPS for order in orders),
            "iceberg_orders": sum(order.iceberg_lots > 0 for order in orders),
            "order_lists": held_lists,
        }
        for what, more in wanted.items():
            limit = limits.get("max_" + what, 0)
            if limit and more and held[what] + more > limit:
                return V[f"VERDICT_{scope}MAX_NUM_{what.upper()}"]
    return V.VERDICT_OK


def pair(a: dict[str, int], b: dict[str, int], last: int) -> int:
    """Whether two legs make an OCO; `last` is 0 where it does not matter yet."""
    if a["side"] != b["side"] or a["qty_lots"] != b["qty_lots"]:
        return V.VERDICT_BAD_LIST
    stops = [leg for leg in (a, b) if leg["type"] in LOSSES]
    profits = [leg for leg in (a, b) if leg["type"] in (LIMIT_MAKER, TAKE_PROFIT, TAKE_PROFIT_LIMIT)]
    if len(stops) != 1 or len(profits) != 1:
        return V.VERDICT_LIST_TYPES
    stop = stops[0]["stop_ticks"]
    target = profits[0]["price_ticks" if profits[0]["type"] == LIMIT_MAKER else "stop_ticks"]
    if not stop or not target:
        return V.VERDICT_OK
    low, high = (target, stop) if a["side"] == BUY else (stop, target)
    if low >= high or (last and not low < last < high):
        return V.VERDICT_LIST_PRICES
    return V.VERDICT_OK
