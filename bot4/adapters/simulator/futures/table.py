"""Everything that the futures can be asked."""

from __future__ import annotations

from dataclasses import replace

from bot4.adapters.simulator.futures.api import (
    account,
    algo,
    general,
    history,
    market_data,
    prices,
    settings,
    trading,
    user_stream,
)
from bot4.adapters.simulator.serve import session_methods

_ALL = (
    *general.ENDPOINTS,
    *market_data.ENDPOINTS,
    *prices.ENDPOINTS,
    *trading.ENDPOINTS,
    *algo.ENDPOINTS,
    *settings.ENDPOINTS,
    *account.ENDPOINTS,
    *history.ENDPOINTS,
    *user_stream.ENDPOINTS,
)
# Clients send more than is asked for, such as a symbol to cancel an algo order by its id: it is passed over.
ENDPOINTS = tuple(replace(item, parameters=item.parameters.lenient()) for item in _ALL)
# User data come by listen key: there is nothing to subscribe to on a socket of the WebSocket API.
METHODS = {name: session_methods.METHODS[name] for name in ("session.logon", "session.status", "session.logout")}
