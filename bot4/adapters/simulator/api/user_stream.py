"""Listen keys for clients of before 2026-02-20; see `ListenKeys`. These requests carry a key and no signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.errors import refusal
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from bot4.adapters.simulator.trade.listen_keys import ListenKeys
    from bot4.adapters.simulator.venue import Venue


def create(venue: Venue, call: Call) -> dict[str, str]:
    """Give the account its key."""
    return {"listenKey": _keys(venue).create(call.owner, call.now_ns)}


def keep_alive(venue: Venue, call: Call) -> dict[str, Any]:
    """Let a key live on."""
    _keys(venue).keep_alive(call.owner, call.values["listenKey"], call.now_ns)
    return {}


def close(venue: Venue, call: Call) -> dict[str, Any]:
    """End a key."""
    _keys(venue).close(call.owner, call.values["listenKey"], call.now_ns)
    return {}


def _keys(venue: Venue) -> ListenKeys:
    if venue.listen_keys is None:
        raise refusal(-1016)
    return venue.listen_keys


_PATH = "/api/v3/userDataStream"
_KEY = ParameterTable(Parameter("listenKey", kinds.text, required=True))

ENDPOINTS = (
    Endpoint("POST", _PATH, "userDataStream.start", create, weight=2, security=Security.USER_STREAM),
    Endpoint("PUT", _PATH, "userDataStream.ping", keep_alive, _KEY, 2, Security.USER_STREAM),
    Endpoint("DELETE", _PATH, "userDataStream.stop", close, _KEY, 2, Security.USER_STREAM),
)
