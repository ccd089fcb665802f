"""Events of the user data stream.

Source: binance-spot-api-docs user-data-stream.md (2026-07-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.trade import words
from bot4.adapters.simulator.trade.report import Report, money
from bot4.adapters.simulator.wire.decimals import format_e8

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.trade.order import Order
    from bot4.adapters.simulator.trade.order_list import OrderList

_TRADE = words.EXECUTIONS.index("TRADE")
_PREVENTION = words.EXECUTIONS.index("TRADE_PREVENTION")
_NOTHING = "0.00000000"


def execution_report(order: Order, report: Report, *, fee_asset: str, former_id: str, unit: int) -> dict[str, Any]:
    """Return what a report says of an order.

    Parameters
    ----------
    order : Order
        After the report was taken over.
    report : Report
        What happened.
    fee_asset : str
        Of a trade with a fee.
    former_id : str
        The order's own id where `order` shows a cancel's or an amendment's; else empty.
    unit : int
        Nanoseconds of the time unit.

    """
    symbol = order.symbol
    execution = words.EXECUTIONS[report.execution_type]
    is_trade = report.execution_type == _TRADE
    fee = money(report.fee_low, report.fee_high) if is_trade else 0
    at = report.time_ns // unit
    event = {
        "e": "executionReport",
        "E": at,
        "s": symbol.name,
        "c": order.client_id,
        "S": order.side,
        "o": order.type,
        "f": order.tif,
        "q": format_e8(order.qty),
        "p": format_e8(order.price),
        "P": format_e8(order.stop_price),
        "F": format_e8(order.iceberg),
        "g": order.list_id,
        "C": former_id,
        "x": execution,
        "X": order.status,
        "r": "NONE" if report.reason >= words.FIRST_EXPIRY_REASON else words.REASONS[report.reason],
        "i": order.order_id,
        "l": format_e8(report.last_lots * symbol.step) if is_trade else _NOTHING,
        "z": format_e8(order.executed),
        "L": format_e8(report.last_price_ticks * symbol.tick) if is_trade else _NOTHING,
        "n": format_e8(fee) if fee else "0",
        "N": fee_asset if is_trade and fee_asset else None,
        "T": at,
        "t": report.trade_id if is_trade else -1,
        "I": report.sequence,
        "w": order.is_working,
        "m": bool(report.is_maker),
        "M": is_trade,
        "O": order.created_ns // unit,
        "Z": format_e8(order.quote),
        "Y": format_e8(money(report.last_quote_low, report.last_quote_high)) if is_trade else _NOTHING,
        "Q": format_e8(order.labels.quote_qty),
        "V": order.stp,
    }
    if order.working_ns >= 0:
        event["W"] = order.working_ns // unit
    _add_conditional(event, order, report, unit)
    return event


def _add_conditional(event: dict[str, Any], order: Order, report: Report, unit: int) -> None:
    labels = order.labels
    if order.trailing_bips:
        event["d"] = order.trailing_bips
        if order.is_working:
            event["D"] = order.working_ns // unit
    if labels.strategy_id is not None:
        event["j"] = labels.strategy_id
    if labels.strategy_type is not None:
        event["J"] = labels.strategy_type
    if report.execution_type == _PREVENTION:
        quantity = report.last_lots * order.symbol.step
        event["v"] = report.trade_id
        event["A"] = format_e8(order.prevented)
        event["B"] = format_e8(quantity)
        event["u"] = report.account
        event["U"] = report.counterparty_order_id
        event["Cs"] = order.symbol.name
        event["pl"] = format_e8(quantity)
        event["pL"] = format_e8(report.last_price_ticks * order.symbol.tick)
        event["pY"] = format_e8(money(report.last_quote_low, report.last_quote_high))
    if order.expiry_reason:
        event["eR"] = order.expiry_reason


def account_position(balances: Mapping[str, tuple[int, int]], at_ns: int, unit: int) -> dict[str, Any]:
    """Return free and locked amounts of the assets that changed."""
    return {
        "e": "outboundAccountPosition",
        "E": at_ns // unit,
        "u": at_ns // unit,
        "B": [{"a": asset, "f": format_e8(free), "l": format_e8(locked)} for asset, (free, locked) in balances.items()],
    }


def balance_update(asset: str, delta: int, at_ns: int, unit: int) -> dict[str, Any]:
    """Return a deposit or a withdrawal."""
    return {"e": "balanceUpdate", "E": at_ns // unit, "a": asset, "d": format_e8(delta), "T": at_ns // unit}


def list_status(order_list: OrderList, status: str, order_status: str, at_ns: int, unit: int) -> dict[str, Any]:
    """Return the state of an order list as it was at a time."""
    return {
        "e": "listStatus",
        "E": at_ns // unit,
        "s": order_list.symbol.name,
        "g": order_list.list_id,
        "c": order_list.contingency,
        "l": status,
        "L": order_status,
        "r": "NONE",
        "C": order_list.client_id,
        "T": at_ns // unit,
        "O": [{"s": leg.symbol.name, "i": leg.order_id, "c": leg.client_id} for leg in order_list.legs],
    }
