"""Everything that the futures can be asked."""

from __future__ import annotations

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

ENDPOINTS = (
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
# User data come by listen key: there is nothing to subscribe to on a socket of the WebSocket API.
METHODS = {name: session_methods.METHODS[name] for name in ("session.logon", "session.status", "session.logout")}
