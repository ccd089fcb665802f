"""Ping, time and exchangeInfo of the futures.

Source: developers.binance.com, USDS-margined futures, "Market Data Endpoints" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint
from bot4.adapters.simulator.api.general import ping, server_time
from bot4.adapters.simulator.futures.contracts import MARGIN_ASSET
from bot4.adapters.simulator.wire.limits import rate_limit

if TYPE_CHECKING:
    from bot4.adapters.simulator.futures.venue import FuturesVenue


def exchange_info(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell limits, filters and contracts."""
    return {
        "timezone": "UTC",
        "serverTime": call.now_ns // call.unit,
        "futuresType": "U_MARGINED",
        "rateLimits": _rate_limits(venue),
        "exchangeFilters": [],
        "assets": [{"asset": MARGIN_ASSET, "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [market.contract.to_exchange_info(market.status) for market in venue.contracts()],
    }


def _rate_limits(venue: FuturesVenue) -> list[dict[str, Any]]:
    if venue.limits is None:
        return []
    orders = [window.to_rate_limit() for window in reversed(venue.limits.futures_windows())]
    return [rate_limit("REQUEST_WEIGHT", "MINUTE", 1, venue.limits.weight_per_minute), *orders]


ENDPOINTS = (
    Endpoint("GET", "/fapi/v1/ping", "ping", ping),
    Endpoint("GET", "/fapi/v1/time", "time", server_time),
    Endpoint("GET", "/fapi/v1/exchangeInfo", "", exchange_info),
)
