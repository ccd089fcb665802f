"""Which parameters each order type needs and must not have, and how prices and quantities lie on a contract's grid.

Source: developers.binance.com, USDS-margined futures, "New Order", "New Algo Order", "Error Code" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.futures import kinds
from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.futures.trade import words
from bot4.adapters.simulator.futures.trade.engine import FuturesRow
from bot4.adapters.simulator.trade.words import SIDE_NUMBERS, STP_NUMBERS
from bot4.adapters.simulator.wire.decimals import DECIMALS, UNIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.futures.contracts import Contract

_REQUIRED = {"LIMIT": ("timeInForce", "quantity", "price"), "MARKET": ("quantity",)}
_FORBIDDEN = {"LIMIT": (), "MARKET": ("price", "timeInForce", "goodTillDate", "priceMatch")}
_GTD_LEAST_NS = 600 * 1_000_000_000
_GTD_MOST_NS = 253_402_300_799_000 * 1_000_000
_BIPS_A_PERCENT = 100
_CALLBACK_LEAST, _CALLBACK_MOST = UNIT // 10, 10 * UNIT


def check_order(values: Mapping[str, Any], now_ns: int) -> None:
    """Refuse an order that lacks what its type needs or has what it must not have.

    Raises
    ------
    ApiError
        -1102, -1106, -4120, -5038, -5040.

    """
    kind = values["type"]
    if kind in kinds.ALGO_TYPES:
        raise refusal(-4120)
    is_matched = values.get("priceMatch", "NONE") != "NONE"
    for name in _REQUIRED[kind]:
        if name not in values and not (is_matched and name == "price"):
            raise refusal(-1102, name.lower())
    for name in _FORBIDDEN[kind]:
        if name in values:
            raise refusal(-5038) if name == "priceMatch" else refusal(-1106, name.lower())
    if is_matched and "price" in values:
        raise refusal(-1106, "price")
    for name in ("stopPrice", "callbackRate", "activationPrice"):
        if name in values:
            raise refusal(-1106, name.lower())
    if values.get("closePosition"):
        raise refusal(-4136, kind, "true")
    _check_good_till(values, now_ns)


def check_algo(values: Mapping[str, Any], now_ns: int) -> None:
    """Refuse an algo order that lacks what its type needs or has what it must not have.

    Raises
    ------
    ApiError
        -1102, -1106, -1116, -4136, -4137, -5040.

    """
    kind = values["type"]
    if kind in kinds.PLAIN_TYPES:
        raise refusal(-1116)
    closes = bool(values.get("closePosition"))
    if closes:
        _check_closing(values)
    needed = [] if closes else ["quantity"]
    if kind in words.LIMIT_ALGOS and values.get("priceMatch", "NONE") == "NONE":
        needed.append("price")
    needed.append("callbackRate" if kind == "TRAILING_STOP_MARKET" else "triggerPrice")
    for name in needed:
        if name not in values:
            raise refusal(-1102, name.lower())
    if "price" in values and kind not in words.LIMIT_ALGOS:
        raise refusal(-1106, "price")
    if values.get("priceMatch", "NONE") != "NONE":
        raise refusal(-5037)
    if kind == "TRAILING_STOP_MARKET" and not _CALLBACK_LEAST <= values["callbackRate"] <= _CALLBACK_MOST:
        raise refusal(-1130, "callbackRate")
    _check_good_till(values, now_ns)


def _check_closing(values: Mapping[str, Any]) -> None:
    if values["type"] not in {"STOP_MARKET", "TAKE_PROFIT_MARKET"}:
        raise refusal(-4136, values["type"], "true")
    if "quantity" in values:
        raise refusal(-4137)
    if "reduceOnly" in values:
        raise refusal(-1106, "reduceonly")


def _check_good_till(values: Mapping[str, Any], now_ns: int) -> None:
    if values.get("timeInForce") == "GTD":
        if "goodTillDate" not in values:
            raise refusal(-1102, "goodtilldate")
        if not now_ns + _GTD_LEAST_NS < values["goodTillDate"] < _GTD_MOST_NS:
            raise refusal(-5040)
    elif "goodTillDate" in values:
        raise refusal(-1106, "goodtilldate")


def order_row(contract: Contract, values: Mapping[str, Any], flags: int, client_key: int) -> FuturesRow:
    """Return the row of an order whose price is given.

    Raises
    ------
    ApiError
        A price or quantity does not lie on the contract's grid or within its bounds.

    """
    kind, tif = values["type"], values.get("timeInForce", "GTC")
    is_algo = kind in words.ALGO_TYPES
    price, quantity = values.get("price"), values.get("quantity")
    trigger = values.get("triggerPrice") or values.get("activatePrice")
    number = words.ALGO_TYPES[kind] if is_algo else words.POST_ONLY if tif == "GTX" else words.TYPES[kind]
    return FuturesRow(
        SIDE_NUMBERS[values["side"]],
        number,
        words.TIMES_IN_FORCE[tif],
        STP_NUMBERS[values.get("selfTradePreventionMode", words.DEFAULT_STP)],
        flags,
        0 if quantity is None else lots_of(contract, quantity, is_market="MARKET" in kind),
        0 if price is None else ticks_of(contract, price),
        0 if trigger is None else ticks_of(contract, trigger),
        values.get("callbackRate", 0) * _BIPS_A_PERCENT // UNIT,
        values.get("goodTillDate", 0),
        client_key,
    )


def ticks_of(contract: Contract, price: int) -> int:
    """Return a price in ticks.

    Raises
    ------
    ApiError
        -1111, -4001, -4002, -4013, -4014.

    """
    if price % 10 ** (DECIMALS - contract.price_decimals):
        raise refusal(-1111)
    if price <= 0:
        raise refusal(-4001)
    if price > contract.max_price:
        raise refusal(-4002)
    if price < contract.min_price:
        raise refusal(-4013)
    ticks, rest = divmod(price, contract.tick)
    if rest:
        raise refusal(-4014)
    return ticks


def lots_of(contract: Contract, quantity: int, *, is_market: bool) -> int:
    """Return a quantity in lots.

    Raises
    ------
    ApiError
        -1111, -4003, -4004, -4005, -4023.

    """
    if quantity % 10 ** (DECIMALS - contract.qty_decimals):
        raise refusal(-1111)
    if quantity <= 0:
        raise refusal(-4003)
    if quantity < contract.min_qty:
        raise refusal(-4004)
    if quantity > (contract.market_max_qty if is_market else contract.max_qty):
        raise refusal(-4005)
    lots, rest = divmod(quantity, contract.step)
    if rest:
        raise refusal(-4023)
    return lots
