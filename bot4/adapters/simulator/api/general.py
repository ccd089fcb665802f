"""Ping, time, exchangeInfo and the rules around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint
from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.errors import refusal
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.market.market import Market
    from bot4.adapters.simulator.venue import Venue

_RULES_WEIGHT_MAX = 40


def ping(_venue: Venue, _call: Call) -> dict[str, Any]:
    """Answer that the exchange is there."""
    return {}


def server_time(_venue: Venue, call: Call) -> dict[str, Any]:
    """Tell the server's time."""
    return {"serverTime": call.now_ns // call.unit}


def exchange_info(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell limits, filters and symbols."""
    values = call.values
    chosen = [name for name in ("symbol", "symbols", "permissions") if name in values]
    if len(chosen) > 1 or ("symbolStatus" in values and {"symbol", "symbols"} & set(chosen)):
        raise refusal(-1128)
    markets = chosen_markets(venue, values)
    if "permissions" in values and "SPOT" not in values["permissions"]:
        markets = []
    shows_sets = values.get("showPermissionSets", True)
    symbols = [market.symbol.to_exchange_info(market.status) for market in markets]
    if not shows_sets:
        for entry in symbols:
            entry["permissionSets"] = []
    return {
        "timezone": "UTC",
        "serverTime": call.now_ns // call.unit,
        "rateLimits": [] if venue.limits is None else venue.limits.to_rate_limits(),
        "exchangeFilters": [],
        "symbols": symbols,
    }


def execution_rules(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell the price range rules: there are none here."""
    if sum(name in call.values for name in ("symbol", "symbols", "symbolStatus")) > 1:
        raise refusal(-1128)
    markets = chosen_markets(venue, call.values)
    return {"symbolRules": [{"symbol": market.symbol.name, "rules": []} for market in markets]}


def chosen_markets(venue: Venue, values: Mapping[str, Any]) -> list[Market]:
    """Return the markets that ``symbol`` or ``symbols`` name, or all; ``symbolStatus`` leaves out the others.

    Raises
    ------
    ApiError
        -1121 no such symbol; -1220 the one symbol has another status.

    """
    status = values.get("symbolStatus")
    if "symbol" in values:
        market = venue.market(values["symbol"])
        if status is not None and market.status != status:
            raise refusal(-1220)
        return [market]
    markets = (
        [venue.market(name) for name in values["symbols"]] if "symbols" in values else list(venue.markets.values())
    )
    return [market for market in markets if status is None or market.status == status]


def _rules_weight(values: Mapping[str, Any]) -> int:
    if "symbol" in values:
        return 2
    return min(2 * len(values["symbols"]), _RULES_WEIGHT_MAX) if "symbols" in values else _RULES_WEIGHT_MAX


SYMBOL = Parameter("symbol", kinds.symbol)
SYMBOLS = Parameter("symbols", kinds.symbols)
STATUS = Parameter("symbolStatus", kinds.SYMBOL_STATUS)

ENDPOINTS = (
    Endpoint("GET", "/api/v3/ping", "ping", ping),
    Endpoint("GET", "/api/v3/time", "time", server_time),
    Endpoint(
        "GET",
        "/api/v3/exchangeInfo",
        "exchangeInfo",
        exchange_info,
        ParameterTable(
            SYMBOL,
            SYMBOLS,
            Parameter("permissions", kinds.names),
            Parameter("showPermissionSets", kinds.boolean),
            STATUS,
        ),
        weight=20,
    ),
    Endpoint(
        "GET",
        "/api/v3/executionRules",
        "executionRules",
        execution_rules,
        ParameterTable(SYMBOL, SYMBOLS, STATUS),
        weight=_rules_weight,
    ),
)
