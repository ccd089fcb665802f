"""Everything that the futures can be asked."""

from __future__ import annotations

from bot4.adapters.simulator.futures.api import general, market_data, prices
from bot4.adapters.simulator.serve import session_methods

ENDPOINTS = (*general.ENDPOINTS, *market_data.ENDPOINTS, *prices.ENDPOINTS)
# User data come by listen key: there is nothing to subscribe to on a socket of the WebSocket API.
METHODS = {name: session_methods.METHODS[name] for name in ("session.logon", "session.status", "session.logout")}
