"""Listen keys of the futures, which have them still: an hour from the last keep-alive, one an account.

Source: developers.binance.com, USDS-margined futures, "User Data Streams" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from bot4.adapters.simulator.futures.venue import FuturesVenue


def create(venue: FuturesVenue, call: Call) -> dict[str, str]:
    """Give the account its key, or let the one it has live on."""
    return {"listenKey": venue.user_keys.create(call.owner, call.now_ns)}


def keep_alive(venue: FuturesVenue, call: Call) -> dict[str, str]:
    """Let the account's key live on."""
    return {"listenKey": venue.user_keys.keep_alive(call.owner, call.values.get("listenKey"), call.now_ns)}


def close(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """End the account's key."""
    venue.user_keys.close(call.owner, call.values.get("listenKey"), call.now_ns)
    return {}


_PATH = "/fapi/v1/listenKey"
_KEY = ParameterTable(Parameter("listenKey", kinds.text), Parameter("apiKey", kinds.text))

ENDPOINTS = (
    Endpoint("POST", _PATH, "userDataStream.start", create, _KEY, 1, Security.USER_STREAM),
    Endpoint("PUT", _PATH, "userDataStream.ping", keep_alive, _KEY, 1, Security.USER_STREAM),
    Endpoint("DELETE", _PATH, "userDataStream.stop", close, _KEY, 1, Security.USER_STREAM),
)
