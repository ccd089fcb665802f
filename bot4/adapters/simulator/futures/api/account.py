"""Wallets and positions of an account.

Source: developers.binance.com, USDS-margined futures, "Account" and "Position Information" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.futures.api.market_data import ANY_MARKET
from bot4.adapters.simulator.futures.api.settings import reading
from bot4.adapters.simulator.futures.contracts import MARGIN_ASSET
from bot4.adapters.simulator.futures.trade import words
from bot4.adapters.simulator.futures.trade.engine import MARK_DIVISIONS
from bot4.adapters.simulator.futures.trade.events import entry_price
from bot4.adapters.simulator.wire.decimals import UNIT, format_e8

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot4._core.sim.margin_types import MarginRow, PositionRow
    from bot4.adapters.simulator.api.endpoint import Call
    from bot4.adapters.simulator.futures.market.perpetual import PerpetualMarket
    from bot4.adapters.simulator.futures.trade.account import FuturesAccount
    from bot4.adapters.simulator.futures.venue import FuturesVenue


def balances(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell the wallet."""
    account = venue.owner(call)
    row = venue.engine.margin(account.number)
    return [
        {
            "accountAlias": f"a{account.number}",
            "asset": MARGIN_ASSET,
            "balance": format_e8(row.wallet_atoms),
            "crossWalletBalance": format_e8(row.cross_wallet_atoms),
            "crossUnPnl": format_e8(row.cross_unrealised_atoms),
            "availableBalance": format_e8(max(0, row.available_atoms)),
            "maxWithdrawAmount": format_e8(max(0, row.withdrawable_atoms)),
            "marginAvailable": True,
            "updateTime": account.updated_ns // call.unit,
        }
    ]


def account_of_now(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell wallet and held positions, as version 3 does."""
    account = venue.owner(call)
    row = venue.engine.margin(account.number)
    return _totals(row) | {
        "assets": [_asset(row, account, call.unit)],
        "positions": [
            _account_position(market, position, call.unit)
            for market, position in _positions(venue, account, all_sides=False)
        ],
    }


def account_of_before(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell wallet and all positions, as version 2 does."""
    account = venue.owner(call)
    row = venue.engine.margin(account.number)
    may_trade = call.key is not None and call.key.may_trade
    positions = [
        _account_position(market, position, call.unit)
        | {
            "leverage": str(position.leverage),
            "entryPrice": _entry(market, position),
            "breakEvenPrice": _entry(market, position),
            "maxNotional": _most_notional(venue, account, market),
            "isolated": position.is_isolated,
            **_order_margins(venue, account, market, position),
        }
        for market, position in _positions(venue, account, all_sides=True)
    ]
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": may_trade,
        "canDeposit": False,
        "canWithdraw": False,
        "updateTime": account.updated_ns // call.unit,
        "multiAssetsMargin": False,
        "tradeGroupId": account.spec.trade_group,
        **_totals(row),
        "assets": [_asset(row, account, call.unit)],
        "positions": positions,
    }


def position_risk(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell the positions there are, as version 3 does."""
    account = venue.owner(call)
    rows = []
    for market, position in _positions(venue, account, all_sides=False, symbol=call.values.get("symbol")):
        notional = position.lots * market.contract.step * market.marks.mark // UNIT
        rows.append(
            {
                "symbol": market.contract.name,
                "positionSide": words.POSITION_SIDES[position.side],
                "positionAmt": _amount(market, position),
                "entryPrice": _entry(market, position),
                "breakEvenPrice": _entry(market, position),
                "markPrice": format_e8(market.marks.mark),
                "unRealizedProfit": format_e8(position.unrealised_atoms),
                "liquidationPrice": _liquidation(market, position),
                "isolatedMargin": _isolated_margin(position),
                "notional": format_e8(notional),
                "marginAsset": MARGIN_ASSET,
                "isolatedWallet": format_e8(position.isolated_atoms),
                "maintMargin": format_e8(position.maintenance_atoms),
                "adl": 0,
                **_order_margins(venue, account, market, position),
                "updateTime": position.updated_ns // call.unit,
            }
        )
    return rows


def position_risk_of_before(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell all positions, flat ones too, as version 2 does."""
    account = venue.owner(call)
    return [
        {
            "symbol": market.contract.name,
            "positionAmt": _amount(market, position),
            "entryPrice": _entry(market, position),
            "breakEvenPrice": _entry(market, position),
            "markPrice": format_e8(market.marks.mark),
            "unRealizedProfit": format_e8(position.unrealised_atoms),
            "liquidationPrice": _liquidation(market, position),
            "leverage": str(position.leverage),
            "maxNotionalValue": str(
                venue.engine.symbol_margin(account.number, market.number).max_notional_atoms // UNIT
            ),
            "marginType": "isolated" if position.is_isolated else "cross",
            "isolatedMargin": _isolated_margin(position),
            "isAutoAddMargin": "false",
            "positionSide": words.POSITION_SIDES[position.side],
            "notional": format_e8(position.lots * market.contract.step * market.marks.mark // UNIT),
            "isolatedWallet": format_e8(position.isolated_atoms),
            "updateTime": position.updated_ns // call.unit,
        }
        for market, position in _positions(venue, account, all_sides=True, symbol=call.values.get("symbol"))
    ]


def account_config(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell rights and modes of the account."""
    account = venue.owner(call)
    return {
        "feeTier": 0,
        "canTrade": call.key is not None and call.key.may_trade,
        "canDeposit": False,
        "canWithdraw": False,
        "dualSidePosition": venue.engine.is_hedged(account.number),
        "updateTime": account.updated_ns // call.unit,
        "multiAssetsMargin": False,
        "tradeGroupId": account.spec.trade_group,
    }


def fee_burn(_venue: FuturesVenue, _call: Call) -> dict[str, Any]:
    """Tell that fees are paid in the margin asset."""
    return {"feeBurn": False}


def _positions(
    venue: FuturesVenue, account: FuturesAccount, *, all_sides: bool, symbol: str | None = None
) -> Iterator[tuple[PerpetualMarket, PositionRow]]:
    """Yield the positions there are; with open orders, or with `all_sides`, flat ones too."""
    wanted = {order.contract.name for order in account.open_orders.values()}
    for market in venue.contracts() if symbol is None else (venue.market(symbol),):
        is_told = all_sides or market.contract.name in wanted
        for position in venue.engine.positions(account.number, market.number, all_sides=is_told):
            yield market, position


def _order_margins(
    venue: FuturesVenue, account: FuturesAccount, market: PerpetualMarket, position: PositionRow
) -> dict[str, str]:
    """Return what position and open orders of a contract hold of the margin."""
    held = venue.engine.symbol_margin(account.number, market.number)
    return {
        "initialMargin": format_e8(position.initial_margin_atoms + held.order_margin_atoms),
        "positionInitialMargin": format_e8(position.initial_margin_atoms),
        "openOrderInitialMargin": format_e8(held.order_margin_atoms),
        "bidNotional": format_e8(held.bid_notional_atoms),
        "askNotional": format_e8(held.ask_notional_atoms),
    }


def _most_notional(venue: FuturesVenue, account: FuturesAccount, market: PerpetualMarket) -> str:
    return str(venue.engine.symbol_margin(account.number, market.number).max_notional_atoms // UNIT)


def _isolated_margin(position: PositionRow) -> str:
    return format_e8(position.isolated_atoms + position.unrealised_atoms if position.is_isolated else 0)


def _amount(market: PerpetualMarket, position: PositionRow) -> str:
    return market.contract.qty_text(position.lots * market.contract.step)


def _entry(market: PerpetualMarket, position: PositionRow) -> str:
    return format_e8(entry_price(market.contract, position.lots, position.entry_atoms))


def _liquidation(market: PerpetualMarket, position: PositionRow) -> str:
    if not position.lots or position.liquidation_price <= 0:
        return "0"
    return format_e8(position.liquidation_price * (market.contract.tick // MARK_DIVISIONS))


def _totals(row: MarginRow) -> dict[str, Any]:
    return {
        "totalInitialMargin": format_e8(row.initial_margin_atoms),
        "totalMaintMargin": format_e8(row.maintenance_atoms),
        "totalWalletBalance": format_e8(row.wallet_atoms),
        "totalUnrealizedProfit": format_e8(row.unrealised_atoms),
        "totalMarginBalance": format_e8(row.margin_balance_atoms),
        "totalPositionInitialMargin": format_e8(row.position_margin_atoms),
        "totalOpenOrderInitialMargin": format_e8(row.order_margin_atoms),
        "totalCrossWalletBalance": format_e8(row.cross_wallet_atoms),
        "totalCrossUnPnl": format_e8(row.cross_unrealised_atoms),
        "availableBalance": format_e8(max(0, row.available_atoms)),
        "maxWithdrawAmount": format_e8(max(0, row.withdrawable_atoms)),
    }


def _asset(row: MarginRow, account: FuturesAccount, unit: int) -> dict[str, Any]:
    return {
        "asset": MARGIN_ASSET,
        "walletBalance": format_e8(row.wallet_atoms),
        "unrealizedProfit": format_e8(row.unrealised_atoms),
        "marginBalance": format_e8(row.margin_balance_atoms),
        "maintMargin": format_e8(row.maintenance_atoms),
        "initialMargin": format_e8(row.initial_margin_atoms),
        "positionInitialMargin": format_e8(row.position_margin_atoms),
        "openOrderInitialMargin": format_e8(row.order_margin_atoms),
        "crossWalletBalance": format_e8(row.cross_wallet_atoms),
        "crossUnPnl": format_e8(row.cross_unrealised_atoms),
        "availableBalance": format_e8(max(0, row.available_atoms)),
        "maxWithdrawAmount": format_e8(max(0, row.withdrawable_atoms)),
        "marginAvailable": True,
        "updateTime": account.updated_ns // unit,
    }


def _account_position(market: PerpetualMarket, position: PositionRow, unit: int) -> dict[str, Any]:
    notional = position.lots * market.contract.step * market.marks.mark // UNIT
    return {
        "symbol": market.contract.name,
        "positionSide": words.POSITION_SIDES[position.side],
        "positionAmt": _amount(market, position),
        "unrealizedProfit": format_e8(position.unrealised_atoms),
        "isolatedMargin": format_e8(position.isolated_atoms + position.unrealised_atoms)
        if position.is_isolated
        else "0",
        "notional": format_e8(notional),
        "isolatedWallet": format_e8(position.isolated_atoms),
        "initialMargin": format_e8(position.initial_margin_atoms),
        "maintMargin": format_e8(position.maintenance_atoms),
        "updateTime": position.updated_ns // unit,
    }


ENDPOINTS = (
    reading("/fapi/v2/balance", "account.balance", balances, 5),
    reading("/fapi/v3/balance", "v2/account.balance", balances, 5),
    reading("/fapi/v2/account", "account.status", account_of_before, 5),
    reading("/fapi/v3/account", "v2/account.status", account_of_now, 5),
    reading("/fapi/v2/positionRisk", "account.position", position_risk_of_before, 5, ANY_MARKET),
    reading("/fapi/v3/positionRisk", "v2/account.position", position_risk, 5, ANY_MARKET),
    reading("/fapi/v1/accountConfig", "", account_config, 5),
    reading("/fapi/v1/feeBurn", "", fee_burn, 30),
)
