"""The futures exchange's own truth, for its administration: wallets, positions, orders, trades and incomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.futures.contracts import MARGIN_ASSET
from bot4.adapters.simulator.futures.trade import words
from bot4.adapters.simulator.futures.trade.events import MARGIN_MODES, entry_price
from bot4.adapters.simulator.wire.decimals import format_e8

if TYPE_CHECKING:
    from bot4.adapters.simulator.futures.trade.account import FuturesAccount
    from bot4.adapters.simulator.futures.venue import FuturesVenue

_MS = 1_000_000


def futures_ledger(venue: FuturesVenue) -> dict[str, Any]:
    """Return everything that can be compared with what a client believes."""
    return {
        "stateHash": f"{venue.engine.state_hash():016x}",
        "totals": {MARGIN_ASSET: format_e8(venue.engine.total(MARGIN_ASSET))},
        "books": {market.contract.name: market.shown_id(market.update_id) for market in venue.contracts()},
        "marks": {market.contract.name: format_e8(market.marks.mark) for market in venue.contracts()},
        "accounts": {account.spec.name: _account(venue, account) for account in venue.holders.values()},
    }


def _account(venue: FuturesVenue, account: FuturesAccount) -> dict[str, Any]:
    row = venue.engine.margin(account.number)
    return {
        "wallet": format_e8(row.wallet_atoms),
        "crossWallet": format_e8(row.cross_wallet_atoms),
        "available": format_e8(row.available_atoms),
        "unrealizedProfit": format_e8(row.unrealised_atoms),
        "positions": [
            {
                "symbol": market.contract.name,
                "positionSide": words.POSITION_SIDES[position.side],
                "positionAmt": market.contract.qty_text(position.lots * market.contract.step),
                "entryPrice": format_e8(entry_price(market.contract, position.lots, position.entry_atoms)),
                "unrealizedProfit": format_e8(position.unrealised_atoms),
                "isolatedWallet": format_e8(position.isolated_atoms),
                "marginType": MARGIN_MODES[position.is_isolated],
                "leverage": position.leverage,
            }
            for market in venue.contracts()
            for position in venue.engine.positions(account.number, market.number)
        ],
        "orders": [order.to_query(_MS) for order in account.orders.values()],
        "openOrders": [order.order_id for order in account.open_orders.values()],
        "algoOrders": [algo.to_json(_MS) for algo in account.algos.values()],
        "trades": [fill.to_json(venue.market(name).contract, _MS) for name, fill in account.trades],
        "incomes": [income.to_json(_MS) for income in account.incomes],
    }
