"""Everything that can be asked."""

from __future__ import annotations

from bot4.adapters.simulator.api import account, general, market_data, order_lists, trading, wallet

ENDPOINTS = (
    *general.ENDPOINTS,
    *market_data.ENDPOINTS,
    *trading.ENDPOINTS,
    *order_lists.ENDPOINTS,
    *account.ENDPOINTS,
    *wallet.ENDPOINTS,
)
