"""An order as the matching engine takes it, made of what a client sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bot4.adapters.simulator.trade import words
from bot4.adapters.simulator.wire.errors import ApiError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.symbols import Symbol

PRICE_FILTER = "Filter failure: PRICE_FILTER"
LOT_SIZE = "Filter failure: LOT_SIZE"


class OrderRow(NamedTuple):
    """An order in the engine's units."""

    side: int
    type: int
    tif: int
    stp: int
    qty_lots: int
    price_ticks: int
    stop_ticks: int
    iceberg_lots: int
    trailing_bips: int
    quote_atoms: int
    client_key: int


def order_row(symbol: Symbol, values: Mapping[str, Any], client_key: int) -> OrderRow:
    """Return the row of an order.

    Parameters
    ----------
    symbol : Symbol
        Whose grid the figures must lie on.
    values : mapping
        Parameters by their plain names, checked.
    client_key : int
        What the engine's reports name it by.

    Raises
    ------
    ApiError
        -1013: a price lies off the grid of prices, a quantity off that of quantities. The engine knows no such ones.

    """
    if "pegPriceType" in values:
        raise refusal(-2010, "Pegged orders are not supported for this symbol.")
    get = values.get
    price, stop_price = get("price"), get("stopPrice")
    quantity, iceberg = get("quantity"), get("icebergQty")
    return OrderRow(
        words.SIDE_NUMBERS[values["side"]],
        words.TYPE_NUMBERS[values["type"]],
        words.TIF_NUMBERS[get("timeInForce", "GTC")],
        words.STP_NUMBERS[get("selfTradePreventionMode", "NONE")],
        0 if quantity is None else _whole(quantity, symbol.step, LOT_SIZE),
        0 if price is None else _whole(price, symbol.tick, PRICE_FILTER),
        0 if stop_price is None else _whole(stop_price, symbol.tick, PRICE_FILTER),
        0 if not iceberg else _whole(iceberg, symbol.step, LOT_SIZE),
        get("trailingDelta", 0),
        get("quoteOrderQty", 0),
        client_key,
    )


def _whole(value: int, grid: int, text: str) -> int:
    count, rest = divmod(value, grid)
    if rest or count == 0:
        raise ApiError(-1013, text)
    return count
