"""Mark price, index price, funding and open interest.

Source: developers.binance.com, USDS-margined futures, "Market Data Endpoints" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint
from bot4.adapters.simulator.futures.api.market_data import ANY_MARKET, LIMIT, MARKET, TIMES, of_one_or_all
from bot4.adapters.simulator.futures.market.marks import CAP_E8, INTEREST_E8
from bot4.adapters.simulator.wire.decimals import format_e8
from bot4.adapters.simulator.wire.parameters import ParameterTable

if TYPE_CHECKING:
    from bot4.adapters.simulator.futures.market.perpetual import PerpetualMarket
    from bot4.adapters.simulator.futures.venue import FuturesVenue

_ROWS_DEFAULT, _ROWS_MAX = 100, 1_000
_HOUR_NS = 3_600_000_000_000


def premium_index(venue: FuturesVenue, call: Call) -> Any:
    """Tell mark and index price and the funding to come."""

    def one(market: PerpetualMarket) -> dict[str, Any]:
        marks = market.marks
        return {
            "symbol": market.contract.name,
            "markPrice": format_e8(marks.mark),
            "indexPrice": format_e8(marks.index),
            "estimatedSettlePrice": format_e8(marks.index),
            "lastFundingRate": format_e8(marks.rate),
            "interestRate": format_e8(INTEREST_E8),
            "nextFundingTime": marks.next_funding_ns // call.unit,
            "time": call.now_ns // call.unit,
        }

    if "symbol" in call.values:
        return one(venue.market(call.values["symbol"]))
    return [one(market) for market in venue.contracts()]


def funding_rates(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell the rates that were settled, oldest first."""
    values = call.values
    markets = [venue.market(values["symbol"])] if "symbol" in values else list(venue.contracts())
    start, end = values.get("startTime", 0), values.get("endTime", call.now_ns)
    rows = [
        (item.at_ns, market.contract.name, item)
        for market in markets
        for item in market.marks.fundings
        if start <= item.at_ns <= end
    ]
    rows.sort()
    limit = min(values.get("limit", _ROWS_DEFAULT), _ROWS_MAX)
    chosen = rows[:limit] if "startTime" in values else rows[max(0, len(rows) - limit) :]
    return [
        {
            "symbol": name,
            "fundingTime": at_ns // call.unit,
            "fundingRate": format_e8(item.rate),
            "markPrice": format_e8(item.mark),
        }
        for at_ns, name, item in chosen
    ]


def funding_info(venue: FuturesVenue, _call: Call) -> list[dict[str, Any]]:
    """Tell how often funding is settled, and the bounds of its rate."""
    return [
        {
            "symbol": market.contract.name,
            "adjustedFundingRateCap": format_e8(CAP_E8),
            "adjustedFundingRateFloor": format_e8(-CAP_E8),
            "fundingIntervalHours": max(1, market.marks.interval_ns // _HOUR_NS),
            "disclaimer": False,
        }
        for market in venue.contracts()
    ]


def open_interest(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell how much of a contract is held."""
    market = venue.market(call.values["symbol"])
    return {
        "openInterest": market.contract.qty_text(venue.open_interest(market)),
        "symbol": market.contract.name,
        "time": call.now_ns // call.unit,
    }


ENDPOINTS = (
    Endpoint(
        *("GET", "/fapi/v1/premiumIndex", "", premium_index, ParameterTable(ANY_MARKET)), weight=of_one_or_all(1, 10)
    ),
    Endpoint("GET", "/fapi/v1/fundingRate", "", funding_rates, ParameterTable(ANY_MARKET, *TIMES, LIMIT)),
    Endpoint("GET", "/fapi/v1/fundingInfo", "", funding_info),
    Endpoint("GET", "/fapi/v1/openInterest", "", open_interest, ParameterTable(MARKET)),
)
