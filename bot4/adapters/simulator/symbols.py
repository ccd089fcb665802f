"""The markets an exchange opens with: grids, filters, fees and first prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot4.adapters.simulator.wire.decimals import UNIT, format_e8

ORDER_TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """Rules of one spot market; amounts in hundred-millionths.

    Parameters
    ----------
    name, base, quote : str
    tick, step : int
        Grid of prices and of quantities.
    min_price, max_price, min_qty, max_qty, market_max_qty : int
    min_notional, max_notional : int
        Of an order, in quote.
    band_down, band_up : int
        Hundredths of the reference price that a limit price may lie between.
    first_price : int
        Where the background market begins.
    maker_fee, taker_fee : int
        Of what a trade gives, hundred-millionths of it: 100,000 is 0.1 %.
    max_orders, max_algo_orders, max_order_lists, max_amends, max_iceberg_orders, iceberg_parts : int
    trailing_min, trailing_max : int
        Basis points.

    """

    name: str
    base: str
    quote: str
    tick: int
    step: int
    min_price: int
    max_price: int
    min_qty: int
    max_qty: int
    market_max_qty: int
    min_notional: int
    max_notional: int
    first_price: int
    band_down: int = 20
    band_up: int = 500
    maker_fee: int = 100_000
    taker_fee: int = 100_000
    max_orders: int = 200
    max_algo_orders: int = 5
    max_order_lists: int = 20
    max_amends: int = 10
    max_iceberg_orders: int = 100
    iceberg_parts: int = 100
    trailing_min: int = 10
    trailing_max: int = 2_000

    def filters(self) -> list[dict[str, Any]]:
        """Return the filters as exchangeInfo shows them."""
        up, down = f"{self.band_up / 100:g}", f"{self.band_down / 100:g}"
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": format_e8(self.min_price),
                "maxPrice": format_e8(self.max_price),
                "tickSize": format_e8(self.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": format_e8(self.min_qty),
                "maxQty": format_e8(self.max_qty),
                "stepSize": format_e8(self.step),
            },
            {"filterType": "ICEBERG_PARTS", "limit": self.iceberg_parts},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": format_e8(0),
                "maxQty": format_e8(self.market_max_qty),
                "stepSize": format_e8(0),
            },
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": self.trailing_min,
                "maxTrailingAboveDelta": self.trailing_max,
                "minTrailingBelowDelta": self.trailing_min,
                "maxTrailingBelowDelta": self.trailing_max,
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": up,
                "bidMultiplierDown": down,
                "askMultiplierUp": up,
                "askMultiplierDown": down,
                "avgPriceMins": 5,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": format_e8(self.min_notional),
                "applyMinToMarket": True,
                "maxNotional": format_e8(self.max_notional),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": self.max_orders},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": self.max_order_lists},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": self.max_algo_orders},
            {"filterType": "MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": self.max_iceberg_orders},
            {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": self.max_amends},
        ]

    def to_exchange_info(self, status: str) -> dict[str, Any]:
        """Return the entry of exchangeInfo."""
        return {
            "symbol": self.name,
            "status": status,
            "baseAsset": self.base,
            "baseAssetPrecision": 8,
            "quoteAsset": self.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(ORDER_TYPES),
            "icebergAllowed": True,
            "ocoAllowed": True,
            "otoAllowed": True,
            "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": True,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "pegInstructionsAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": self.filters(),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "NONE",
            "allowedSelfTradePreventionModes": list(STP_MODES),
        }


_E3 = UNIT // 1_000
_E4 = UNIT // 10_000
_E5 = UNIT // 100_000

DEFAULT_SYMBOLS = (
    Symbol(
        name="BTCUSDT",
        base="BTC",
        quote="USDT",
        tick=UNIT // 100,
        step=_E5,
        min_price=UNIT // 100,
        max_price=1_000_000 * UNIT,
        min_qty=_E5,
        max_qty=9_000 * UNIT,
        market_max_qty=100 * UNIT,
        min_notional=5 * UNIT,
        max_notional=9_000_000 * UNIT,
        first_price=60_000 * UNIT,
    ),
    Symbol(
        name="ETHUSDT",
        base="ETH",
        quote="USDT",
        tick=UNIT // 100,
        step=_E4,
        min_price=UNIT // 100,
        max_price=1_000_000 * UNIT,
        min_qty=_E4,
        max_qty=9_000 * UNIT,
        market_max_qty=1_500 * UNIT,
        min_notional=5 * UNIT,
        max_notional=9_000_000 * UNIT,
        first_price=3_000 * UNIT,
    ),
    Symbol(
        name="ETHBTC",
        base="ETH",
        quote="BTC",
        tick=_E5,
        step=_E3,
        min_price=_E5,
        max_price=922_327 * UNIT // 10,
        min_qty=_E3,
        max_qty=100_000 * UNIT,
        market_max_qty=1_500 * UNIT,
        min_notional=_E4,
        max_notional=9_000_000 * UNIT,
        first_price=UNIT // 20,
    ),
)
