from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

class FilterVerdict(IntEnum):
    FILTER_OK = 0
    FILTER_PRICE_FILTER = 32
    FILTER_LOT_SIZE = 33
    FILTER_MARKET_LOT_SIZE = 34
    FILTER_MAX_NUM_ORDERS = 35
    FILTER_MAX_POSITION = 36
    FILTER_PERCENT_PRICE = 37
    FILTER_PERCENT_PRICE_BY_SIDE = 38
    FILTER_MIN_NOTIONAL = 39
    FILTER_NOTIONAL = 40
    FILTER_NO_REFERENCE = 41

def binance_filter_fields(
    filters: Iterable[Mapping[str, Any]], tick_size: str, lot_size: str
) -> dict[str, int | bool]: ...

class Filters:
    def __init__(
        self,
        *,
        min_price_ticks: int = 0,
        max_price_ticks: int = 0,
        price_step_ticks: int = 0,
        min_qty_lots: int = 0,
        max_qty_lots: int = 0,
        qty_step_lots: int = 0,
        market_min_qty_lots: int = 0,
        market_max_qty_lots: int = 0,
        market_qty_step_lots: int = 0,
        percent_price: bool = False,
        percent_price_by_side: bool = False,
        bid_down_ppm: int = 0,
        bid_up_ppm: int = 0,
        ask_down_ppm: int = 0,
        ask_up_ppm: int = 0,
        min_notional_ticklots: int = 0,
        max_notional_ticklots: int = 0,
        notional_is_legacy: bool = False,
        min_applies_to_market: bool = True,
        max_applies_to_market: bool = False,
        max_num_orders: int = 0,
        max_position_lots: int = 0,
    ) -> None: ...
    @classmethod
    def from_binance(cls, filters: Iterable[Mapping[str, Any]], *, tick_size: str, lot_size: str) -> Self: ...
    def check(
        self,
        *,
        side: int,
        order_type: int,
        price_ticks: int,
        qty_lots: int,
        reference_ticks: int,
        trigger_ticks: int = 0,
        open_orders: int = 0,
        long_exposure_lots: int = 0,
    ) -> str: ...
    def check_many(
        self,
        intents: NDArray[np.void],
        reference_ticks: NDArray[np.int64],
        open_orders: NDArray[np.int64],
        long_exposure_lots: NDArray[np.int64],
    ) -> NDArray[np.int32]: ...
    @property
    def min_notional_ticklots(self) -> int: ...
    @property
    def max_notional_ticklots(self) -> int: ...
