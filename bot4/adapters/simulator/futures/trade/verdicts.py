"""The compiled exchange's verdicts on perpetuals in the venue's words.

Source: developers.binance.com, USDS-margined futures, "Error Code" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.sim.exchange_types import ExchangeVerdict as Verdict
from bot4.adapters.simulator.futures.errors import refusal

if TYPE_CHECKING:
    from bot4.adapters.simulator.wire.errors import ApiError

_CODES = {
    "LOG_FULL": -1008,
    "ORDERS_FULL": -1008,
    "BOOK_FULL": -1008,
    "UNKNOWN_SYMBOL": -1121,
    "NOT_TRADING": -4022,
    "BAD_SIDE": -1117,
    "BAD_TYPE": -1116,
    "BAD_TIF": -1115,
    "BAD_QUANTITY": -4003,
    "BAD_PRICE": -4001,
    "BAD_STOP": -4006,
    "BAD_FLAGS": -4062,
    "BAD_STP": -5039,
    "STP_NOT_ALLOWED": -5039,
    "BAD_AMOUNT": -4055,
    "REDUCE_ONLY": -2022,
    "PRICE_FILTER": -4014,
    "LOT_SIZE": -4005,
    "MARKET_LOT_SIZE": -4005,
    "MAX_NUM_ORDERS": -2025,
    "EXCHANGE_MAX_NUM_ORDERS": -2025,
    "MAX_NUM_ALGO_ORDERS": -4045,
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": -4045,
    "NO_REFERENCE": -4022,
    "NO_MARK": -4022,
    "DUPLICATE_ORDER": -4116,
    "INSUFFICIENT_BALANCE": -2019,
    "INSUFFICIENT_MARGIN": -2019,
    "WOULD_MATCH": -5022,
    "WOULD_TRIGGER": -2021,
    "UNKNOWN_ORDER": -2011,
    "LIQUIDITY_BELOW_LOT": -2020,
    "POSITION_SIDE": -4061,
    "LEVERAGE_POSITION": -2028,
    "ISOLATED_LEVERAGE": -4161,
    "OPEN_ORDERS": -4047,
    "OPEN_POSITION": -4048,
    "NOT_ISOLATED": -4051,
    "NO_POSITION": -4054,
    "MAX_POSITION_AT_LEVERAGE": -2027,
}


def error_of(verdict: int, codes: dict[str, int] | None = None) -> ApiError:
    """Return what the venue says of a refusal.

    Parameters
    ----------
    verdict : int
        Of the compiled exchange.
    codes : dict, optional
        What it means here, where that is not what it means elsewhere.

    """
    name = Verdict(verdict).name.removeprefix("VERDICT_")
    return refusal((codes or {}).get(name) or _CODES.get(name, -1000))


def is_named(verdict: int, name: str) -> bool:
    """Whether a verdict is the one of a name."""
    return Verdict(verdict).name == f"VERDICT_{name}"
