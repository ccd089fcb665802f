"""The venue's filters: names, formulas at their bounds, and what an exchangeInfo symbol becomes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.risk.filters import Filters, FilterVerdict, binance_filter_fields

BTCUSDT: list[dict[str, Any]] = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
    {"filterType": "ICEBERG_PARTS", "limit": 10},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "107.44127405", "stepSize": "0.00000000"},
    {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": "5",
        "bidMultiplierDown": "0.2",
        "askMultiplierUp": "5",
        "askMultiplierDown": "0.2",
        "avgPriceMins": 5,
    },
    {
        "filterType": "NOTIONAL",
        "minNotional": "5.00000000",
        "applyMinToMarket": True,
        "maxNotional": "9000000.00000000",
        "applyMaxToMarket": False,
        "avgPriceMins": 5,
    },
    {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    {"filterType": "MAX_POSITION", "maxPosition": "10.00000000"},
]
TICK, LOT = "0.01", "0.00001"


def check(filters: Filters, **order: int) -> str:
    base = {"side": 0, "order_type": 0, "price_ticks": 6_000_000, "qty_lots": 100, "reference_ticks": 6_000_000}
    return filters.check(**(base | order))


def test_an_exchange_info_symbol_becomes_ticks_and_lots() -> None:
    assert binance_filter_fields(BTCUSDT, TICK, LOT) == {
        "min_price_ticks": 1,
        "max_price_ticks": 100_000_000,
        "price_step_ticks": 1,
        "min_qty_lots": 1,
        "max_qty_lots": 900_000_000,
        "qty_step_lots": 1,
        "market_min_qty_lots": 0,
        "market_max_qty_lots": 10_744_127,
        "market_qty_step_lots": 0,
        "bid_down_ppm": 200_000,
        "bid_up_ppm": 5_000_000,
        "ask_down_ppm": 200_000,
        "ask_up_ppm": 5_000_000,
        "percent_price": True,
        "percent_price_by_side": True,
        "min_notional_ticklots": 50_000_000,
        "max_notional_ticklots": 90_000_000_000_000,
        "min_applies_to_market": True,
        "max_applies_to_market": False,
        "max_num_orders": 200,
        "max_position_lots": 1_000_000,
    }


@pytest.mark.parametrize(
    ("order", "name"),
    [
        ({}, "OK"),
        ({"price_ticks": 0}, "PRICE_FILTER"),
        ({"price_ticks": 100_000_001}, "PRICE_FILTER"),
        ({"trigger_ticks": 100_000_001}, "PRICE_FILTER"),
        ({"trigger_ticks": -1}, "PRICE_FILTER"),
        ({"qty_lots": 0}, "LOT_SIZE"),
        ({"qty_lots": 900_000_001}, "LOT_SIZE"),
        ({"order_type": 1, "qty_lots": 10_744_128}, "MARKET_LOT_SIZE"),
        ({"open_orders": 200}, "MAX_NUM_ORDERS"),
        ({"open_orders": 199}, "OK"),
        ({"long_exposure_lots": 999_901}, "MAX_POSITION"),
        ({"long_exposure_lots": 999_900}, "OK"),
        ({"long_exposure_lots": 999_901, "side": 1}, "OK"),
        ({"price_ticks": 30_000_001}, "PERCENT_PRICE_BY_SIDE"),
        ({"price_ticks": 1_199_999}, "PERCENT_PRICE_BY_SIDE"),
        ({"price_ticks": 30_000_000}, "OK"),
        ({"reference_ticks": 0}, "NO_REFERENCE"),
        ({"qty_lots": 8}, "NOTIONAL"),
        ({"qty_lots": 9}, "OK"),
        ({"order_type": 1, "qty_lots": 8}, "NOTIONAL"),
        ({"order_type": 1, "reference_ticks": 0}, "NO_REFERENCE"),
        ({"qty_lots": 15_000_001, "side": 1}, "NOTIONAL"),
        ({"order_type": 1, "qty_lots": 10_744_127, "reference_ticks": 90_000_000, "side": 1}, "OK"),
    ],
)
def test_each_filter_holds_to_the_tick_and_lot(order: dict[str, int], name: str) -> None:
    assert check(Filters.from_binance(BTCUSDT, tick_size=TICK, lot_size=LOT), **order) == name


def test_legacy_and_futures_shapes_keep_their_names() -> None:
    spot = [{"filterType": "MIN_NOTIONAL", "minNotional": "10", "applyToMarket": False, "avgPriceMins": 5}]
    futures = [{"filterType": "MIN_NOTIONAL", "notional": "100"}, {"filterType": "MAX_NUM_ORDERS", "limit": 1}]
    band = [{"filterType": "PERCENT_PRICE", "multiplierUp": "1.1500", "multiplierDown": "0.8500"}]
    assert check(Filters.from_binance(spot, tick_size="1", lot_size="1"), price_ticks=3, qty_lots=3) == "MIN_NOTIONAL"
    assert check(Filters.from_binance(spot, tick_size="1", lot_size="1"), order_type=1, qty_lots=1) == "OK"
    assert check(Filters.from_binance(futures, tick_size="1", lot_size="1"), qty_lots=1, open_orders=1) == (
        "MAX_NUM_ORDERS"
    )
    assert check(Filters.from_binance(band, tick_size="1", lot_size="1"), price_ticks=6_900_001) == "PERCENT_PRICE"


@pytest.mark.parametrize(
    ("side", "price_ticks", "name"),
    [(0, 1, "OK"), (0, 6_300_000, "OK"), (0, 6_300_001, "PERCENT_PRICE"),
     (1, 9_000_000, "OK"), (1, 5_700_000, "OK"), (1, 5_699_999, "PERCENT_PRICE")],
)  # fmt: skip
def test_the_futures_percent_price_bounds_buys_from_above_and_sells_from_below_alone(side, price_ticks, name) -> None:
    band = [{
        "filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4",
    }]  # fmt: skip
    filters = Filters.from_binance(band, tick_size="1", lot_size="1")
    assert check(filters, side=side, price_ticks=price_ticks) == name


def test_a_notional_between_two_integers_rounds_to_the_venues_side() -> None:
    rule = [{
        "filterType": "NOTIONAL", "minNotional": "0.5", "maxNotional": "2.5",
        "applyMinToMarket": True, "applyMaxToMarket": True,
    }]  # fmt: skip
    filters = Filters.from_binance(rule, tick_size="1", lot_size="1")
    assert (filters.min_notional_ticklots, filters.max_notional_ticklots) == (1, 2)
    assert [check(filters, price_ticks=1, qty_lots=lots) for lots in (1, 2, 3)] == ["OK", "OK", "NOTIONAL"]


def test_every_filter_is_off_when_all_bounds_are_zero() -> None:
    assert check(Filters(), price_ticks=1, qty_lots=1, reference_ticks=0, open_orders=10**6) == "OK"


def test_a_product_beyond_64_bits_is_compared_exactly() -> None:
    big = 1 << 60
    for limit, name in ((big * big, "OK"), (big * big - 1, "NOTIONAL")):
        assert check(Filters(max_notional_ticklots=limit), price_ticks=big, qty_lots=big) == name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Filters(min_qty_lots=-1), "min_qty_lots must be between 0 and 2**60, was -1"),
        (lambda: Filters(max_num_orders=1 << 31), "max_num_orders must be between 0 and 2**31 - 1"),
        (lambda: Filters(min_notional_ticklots=1 << 126), "min_notional_ticklots must be between 0 and 2**126"),
        (lambda: Filters.from_binance(BTCUSDT, tick_size="0.03", lot_size=LOT), "minPrice must be a multiple of 0.03"),
        (lambda: check(Filters(), side=2), "side and order_type must be 0 or 1, were 2 and 0"),
        (
            lambda: Filters().check_many(np.zeros(2, INTENT_DTYPE), *[np.zeros(1, np.int64)] * 3),
            "every column must have 2 rows",
        ),
    ],
)
def test_a_broken_call_names_value_and_rule(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_verdicts_carry_the_venues_names() -> None:
    names = {verdict.name.removeprefix("FILTER_") for verdict in FilterVerdict}
    venue = {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "MAX_NUM_ORDERS", "MAX_POSITION", "PERCENT_PRICE"}
    assert names == venue | {"PERCENT_PRICE_BY_SIDE", "MIN_NOTIONAL", "NOTIONAL", "OK", "NO_REFERENCE"}
