"""The few questions of the venue's wallet that trading clients ask: fees, rights, assets.

Source: the venue's wallet and margin interfaces as ccxt 4.5.90 and nautilus_trader read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.account import reading
from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.decimals import UNIT, format_e8
from bot4.adapters.simulator.wire.parameters import Parameter

if TYPE_CHECKING:
    from bot4.adapters.simulator.api.endpoint import Call
    from bot4.adapters.simulator.venue import Venue

_NOTHING = format_e8(0)


def trade_fees(venue: Venue, call: Call) -> list[dict[str, str]]:
    """Tell the fees of one market or all, as the wallet's interface does."""
    name = call.values.get("symbol")
    chosen = [venue.market(name)] if name is not None else venue.markets.values()
    return [
        {
            "symbol": market.symbol.name,
            "makerCommission": f"{market.symbol.maker_fee / UNIT:g}",
            "takerCommission": f"{market.symbol.taker_fee / UNIT:g}",
        }
        for market in chosen
    ]


def api_restrictions(venue: Venue, call: Call) -> dict[str, Any]:
    """Tell what the key may do: nothing but read and, where it may, trade."""
    may_trade = call.key is not None and call.key.may_trade
    return {
        "ipRestrict": False,
        "createTime": venue.started_ns // call.unit,
        "enableReading": True,
        "enableWithdrawals": call.key is not None and call.key.may_withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": may_trade and venue.has_futures,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": may_trade,
        "enablePortfolioMarginTrading": False,
    }


def coins(venue: Venue, call: Call) -> list[dict[str, Any]]:
    """Tell of the assets: none can be deposited or withdrawn."""
    rows = []
    for asset in venue.engine.assets:
        free, locked = venue.engine.balance(call.owner.number, asset)
        rows.append(
            {
                "coin": asset,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "name": asset,
                "free": format_e8(free),
                "locked": format_e8(locked),
                "freeze": _NOTHING,
                "withdrawing": _NOTHING,
                "ipoing": _NOTHING,
                "ipoable": _NOTHING,
                "storage": _NOTHING,
                "isLegalMoney": False,
                "trading": True,
                "networkList": [],
            }
        )
    return rows


def margin_pairs(_venue: Venue, _call: Call) -> list[dict[str, Any]]:
    """Tell of markets on margin: there are none here."""
    return []


_SYMBOL = Parameter("symbol", kinds.symbol)

ENDPOINTS = (
    reading("/sapi/v1/asset/tradeFee", "", trade_fees, 1, _SYMBOL),
    reading("/sapi/v1/account/apiRestrictions", "", api_restrictions, 1),
    reading("/sapi/v1/capital/config/getall", "", coins, 10),
    reading("/sapi/v1/margin/allPairs", "", margin_pairs, 1, _SYMBOL),
    reading("/sapi/v1/margin/isolated/allPairs", "", margin_pairs, 10, _SYMBOL),
)
