"""What an account chooses: leverage, margin type, position mode, money of isolated positions.

Source: developers.binance.com, USDS-margined futures, "Trade" and "Account" (2026).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.futures import kinds
from bot4.adapters.simulator.futures.api.market_data import ANY_MARKET, LIMIT, MARKET, TIMES
from bot4.adapters.simulator.futures.contracts import MARGIN_ASSET
from bot4.adapters.simulator.futures.errors import refusal
from bot4.adapters.simulator.futures.trade import events, verdicts, words
from bot4.adapters.simulator.futures.trade.account import MarginChange
from bot4.adapters.simulator.trade.report_reader import tell
from bot4.adapters.simulator.wire import kinds as wire_kinds
from bot4.adapters.simulator.wire.decimals import UNIT, fixed_e8, format_e8
from bot4.adapters.simulator.wire.parameters import Parameter, ParameterTable

if TYPE_CHECKING:
    from bot4.adapters.simulator.futures.market.perpetual import PerpetualMarket
    from bot4.adapters.simulator.futures.venue import FuturesVenue

_DONE = {"code": 200, "msg": "success"}
_ADD, _TAKE = 1, 2


def set_leverage(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Choose the leverage of a contract."""
    market, leverage = venue.market(call.values["symbol"]), call.values["leverage"]
    account = venue.owner(call)
    _obey(
        venue,
        lambda now_ns: venue.engine.set_leverage(account.number, market.number, leverage, now_ns),
        {"BAD_LEVERAGE": -4028, "INSUFFICIENT_MARGIN": -2028},
        leverage,
    )
    tell(account, partial(events.config_update, market.contract.name, leverage, venue.now_ns()))
    most = venue.engine.symbol_margin(account.number, market.number).max_notional_atoms
    return {"symbol": market.contract.name, "leverage": leverage, "maxNotionalValue": str(most // UNIT)}


def set_margin_type(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Choose between cross and isolated margin for a contract."""
    market = venue.market(call.values["symbol"])
    isolated = call.values["marginType"] == "ISOLATED"
    number = venue.owner(call).number
    _obey(
        venue,
        lambda now_ns: venue.engine.set_margin_type(number, market.number, isolated=isolated, now_ns=now_ns),
        {"NO_CHANGE": -4046, "OPEN_ORDERS": -4047, "OPEN_POSITION": -4048},
    )
    return _DONE


def set_position_mode(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Choose between one position a contract and two."""
    hedge, number = call.values["dualSidePosition"], venue.owner(call).number
    _obey(
        venue,
        lambda now_ns: venue.engine.set_position_mode(number, hedge=hedge, now_ns=now_ns),
        {"NO_CHANGE": -4059, "OPEN_ORDERS": -4067, "OPEN_POSITION": -4068},
    )
    return _DONE


def position_mode(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell whether there are two positions a contract."""
    return {"dualSidePosition": venue.engine.is_hedged(venue.owner(call).number)}


def set_multi_assets(_venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Refuse another mode than that of one margin asset: there is one asset here."""
    raise refusal(-1020 if call.values["multiAssetsMargin"] else -4171)


def multi_assets(_venue: FuturesVenue, _call: Call) -> dict[str, Any]:
    """Tell that there is one margin asset."""
    return {"multiAssetsMargin": False}


def adjust_margin(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Move money between the wallet and an isolated position."""
    values = call.values
    market, account = venue.market(values["symbol"]), venue.owner(call)
    amount, kind, side = values["amount"], values["type"], values.get("positionSide", "BOTH")
    if amount <= 0:
        raise refusal(-4055)
    if kind not in {_ADD, _TAKE}:
        raise refusal(-1130, "type")
    signed = amount if kind == _ADD else -amount
    position = words.POSITION_SIDES.index(side)
    _obey(
        venue,
        lambda now_ns: venue.engine.adjust_margin(account.number, market.number, signed, position, now_ns),
        {"INSUFFICIENT_MARGIN": -4051 if kind == _TAKE else -2019},
    )
    account.margin_changes.append(MarginChange(market.contract.name, side, signed, venue.now_ns()))
    return {"amount": amount / UNIT, "code": 200, "msg": "Successfully modify position margin.", "type": kind}


def margin_history(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell what was moved to and from isolated positions."""
    values = call.values
    name = venue.market(values["symbol"]).contract.name
    start, end = values.get("startTime", 0), values.get("endTime", call.now_ns)
    rows = [
        {
            "symbol": item.symbol,
            "type": _ADD if item.amount > 0 else _TAKE,
            "deltaType": "USER_ADJUST",
            "amount": format_e8(abs(item.amount)),
            "asset": MARGIN_ASSET,
            "time": item.at_ns // call.unit,
            "positionSide": item.position_side,
        }
        for item in venue.owner(call).margin_changes
        if item.symbol == name and start <= item.at_ns <= end
    ]
    kind = values.get("type")
    return [row for row in rows if kind in {None, row["type"]}][: values.get("limit", 500)]


def leverage_brackets(venue: FuturesVenue, call: Call) -> Any:
    """Tell the notional brackets of one contract or all."""
    if "symbol" in call.values:
        return [_brackets(venue.market(call.values["symbol"]))]
    return [_brackets(market) for market in venue.contracts()]


def commission_rate(venue: FuturesVenue, call: Call) -> dict[str, Any]:
    """Tell the fees of a contract."""
    contract = venue.market(call.values["symbol"]).contract
    return {
        "symbol": contract.name,
        "makerCommissionRate": fixed_e8(contract.maker_fee, 6),
        "takerCommissionRate": fixed_e8(contract.taker_fee, 6),
        "rpiCommissionRate": fixed_e8(0, 6),
    }


def symbol_config(venue: FuturesVenue, call: Call) -> list[dict[str, Any]]:
    """Tell what the account chose for one contract or all."""
    markets = [venue.market(call.values["symbol"])] if "symbol" in call.values else list(venue.contracts())
    rows = []
    for market in markets:
        held = venue.engine.symbol_margin(venue.owner(call).number, market.number)
        rows.append(
            {
                "symbol": market.contract.name,
                "marginType": events.MARGIN_MODES[held.is_isolated],
                "isAutoAddMargin": False,
                "leverage": held.leverage,
                "maxNotionalValue": str(held.max_notional_atoms // UNIT),
            }
        )
    return rows


def _brackets(market: PerpetualMarket) -> dict[str, Any]:
    contract, floor, rows = market.contract, 0, []
    for number, (rule, cumulative) in enumerate(zip(contract.brackets, contract.cumulative(), strict=True), 1):
        rows.append(
            {
                "bracket": number,
                "initialLeverage": rule.leverage,
                "notionalCap": rule.cap // UNIT,
                "notionalFloor": floor // UNIT,
                "maintMarginRatio": rule.maintenance / UNIT,
                "cum": cumulative / UNIT,
            }
        )
        floor = rule.cap
    return {"symbol": contract.name, "notionalCoef": 1, "brackets": rows}


def _obey(venue: FuturesVenue, ask: Any, codes: dict[str, int], *about: object) -> None:
    """Ask the engine for a setting, read what it reports, and raise what it refuses."""
    now_ns = venue.now_ns()
    verdict = ask(now_ns)
    venue.settle(now_ns)
    if verdict:
        error = verdicts.error_of(verdict, codes)
        raise refusal(error.code, *about) if about and "%s" in error.text else error


def _set(path: str, answer: Any, *parameters: Parameter) -> Endpoint:
    return Endpoint("POST", path, "", answer, ParameterTable(*parameters).with_signing(), 1, Security.TRADE)


def reading(path: str, ws_method: str, answer: Any, weight: Any, *parameters: Parameter) -> Endpoint:
    """Return a signed endpoint that changes nothing."""
    table = ParameterTable(*parameters).with_signing()
    return Endpoint("GET", path, ws_method, answer, table, weight, Security.USER_DATA)


_TYPE = Parameter("type", wire_kinds.long)
ENDPOINTS = (
    _set("/fapi/v1/leverage", set_leverage, MARKET, Parameter("leverage", wire_kinds.long, required=True)),
    _set("/fapi/v1/marginType", set_margin_type, MARKET, Parameter("marginType", kinds.MARGIN_TYPE, required=True)),
    _set(
        *("/fapi/v1/positionSide/dual", set_position_mode),
        Parameter("dualSidePosition", wire_kinds.boolean, required=True),
    ),
    _set(
        *("/fapi/v1/multiAssetsMargin", set_multi_assets),
        Parameter("multiAssetsMargin", wire_kinds.boolean, required=True),
    ),
    _set(
        *("/fapi/v1/positionMargin", adjust_margin, MARKET, Parameter("positionSide", kinds.POSITION_SIDE)),
        Parameter("amount", wire_kinds.decimal, required=True),
        Parameter("type", wire_kinds.long, required=True),
    ),
    reading("/fapi/v1/positionSide/dual", "", position_mode, 30),
    reading("/fapi/v1/multiAssetsMargin", "", multi_assets, 30),
    reading("/fapi/v1/positionMargin/history", "", margin_history, 1, MARKET, _TYPE, *TIMES, LIMIT),
    reading("/fapi/v1/leverageBracket", "", leverage_brackets, 1, ANY_MARKET),
    reading("/fapi/v1/commissionRate", "", commission_rate, 20, MARKET),
    reading("/fapi/v1/symbolConfig", "", symbol_config, 5, ANY_MARKET),
)
