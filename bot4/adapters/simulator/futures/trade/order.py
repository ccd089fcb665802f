"""One order of the futures as the exchange shows it, and its forms on the wire.

Source: developers.binance.com, USDS-margined futures, "Trade" and "User Data Streams" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bot4._core.sim.exchange_types import OrderFlag
from bot4.adapters.simulator.futures.contracts import MARGIN_ASSET
from bot4.adapters.simulator.futures.trade import words
from bot4.adapters.simulator.trade import words as spot_words
from bot4.adapters.simulator.trade.order import Order
from bot4.adapters.simulator.trade.report import Report, money
from bot4.adapters.simulator.wire.decimals import UNIT, fixed_e8, format_e8

if TYPE_CHECKING:
    from bot4.adapters.simulator.futures.contracts import Contract

_TRADE = spot_words.EXECUTIONS.index("TRADE")
_MAKER_TYPE = words.POST_ONLY


class FuturesLabels(NamedTuple):
    """What a client says of an order and the matching engine need not know."""

    client_id: str
    original_type: str = ""
    stop_price: int = 0
    working_type: str = "CONTRACT_PRICE"
    price_match: str = "NONE"
    good_till_ns: int = 0
    tif: str = "GTC"
    closes_position: bool = False
    protects_price: bool = False


class FuturesFill(NamedTuple):
    """One trade of one order; amounts in hundred-millionths, time in nanoseconds UTC."""

    trade_id: int
    order_id: int
    side: str
    position_side: str
    price: int
    qty: int
    quote: int
    fee: int
    realised: int
    at_ns: int
    is_maker: bool

    def to_json(self, contract: Contract, unit: int) -> dict[str, Any]:
        """Return the row of ``userTrades``."""
        return {
            "symbol": contract.name,
            "id": self.trade_id,
            "orderId": self.order_id,
            "side": self.side,
            "price": contract.price_text(self.price),
            "qty": contract.qty_text(self.qty),
            "realizedPnl": format_e8(self.realised),
            "marginAsset": MARGIN_ASSET,
            "quoteQty": format_e8(self.quote),
            "commission": format_e8(self.fee),
            "commissionAsset": MARGIN_ASSET,
            "time": self.at_ns // unit,
            "positionSide": self.position_side,
            "buyer": self.side == "BUY",
            "maker": self.is_maker,
        }


class FuturesOrder(Order):
    """An order of an account on a contract. See `Order` for what it shares with spot.

    Parameters
    ----------
    contract : Contract
    labels : FuturesLabels
    report : Report
        Its first.

    """

    __slots__ = ("contract", "futures_labels", "is_reduce_only", "original_type", "position_side")

    def __init__(self, contract: Contract, labels: FuturesLabels, report: Report) -> None:
        self.contract = contract
        self.futures_labels = labels
        self.is_reduce_only = bool(report.flags & OrderFlag.ORDER_REDUCE_ONLY)
        self.position_side = words.position_side(report.flags)
        super().__init__(contract, labels, report)  # type: ignore[arg-type] # reads the client's id of them
        self.original_type = labels.original_type or self._shown_type(report)
        self.type, self.tif = self._shown_type(report), labels.tif

    def take(self, report: Report) -> None:
        """Take over what a report says."""
        super().take(report)
        if report.type != _MAKER_TYPE:
            self.type = spot_words.TYPES[report.type]

    @staticmethod
    def _shown_type(report: Report) -> str:
        return "LIMIT" if report.type == _MAKER_TYPE else spot_words.TYPES[report.type]

    @property
    def average(self) -> int:
        """Mean price of what was executed."""
        return self.quote * UNIT // self.executed if self.executed else 0

    def to_query(self, unit: int) -> dict[str, Any]:
        """Return the answer to asking for it."""
        return self._shown() | {"time": self.created_ns // unit, "updateTime": self.updated_ns // unit}

    def to_placed(self, unit: int, *, is_ack: bool) -> dict[str, Any]:
        """Return the answer to placing, modifying or cancelling it; an ACK does not tell what has been executed."""
        shown = self._shown() | {"cumQty": self.contract.qty_text(self.executed), "updateTime": self.updated_ns // unit}
        if is_ack:
            nothing = self.contract.qty_text(0)
            shown |= {
                "status": "NEW",
                "avgPrice": fixed_e8(0, self.contract.price_decimals),
                "executedQty": nothing,
                "cumQty": nothing,
                "cumQuote": format_e8(0),
            }
        return shown

    def _shown(self) -> dict[str, Any]:
        contract, labels = self.contract, self.futures_labels
        return {
            "orderId": self.order_id,
            "symbol": contract.name,
            "status": self.status,
            "clientOrderId": self.client_id,
            "price": contract.price_text(self.price),
            "avgPrice": contract.price_text(self.average),
            "origQty": contract.qty_text(self.qty),
            "executedQty": contract.qty_text(self.executed),
            "cumQuote": format_e8(self.quote),
            "timeInForce": self.tif,
            "type": self.type,
            "reduceOnly": self.is_reduce_only,
            "closePosition": labels.closes_position,
            "side": self.side,
            "positionSide": self.position_side,
            "stopPrice": contract.price_text(labels.stop_price),
            "workingType": labels.working_type,
            "priceProtect": labels.protects_price,
            "origType": self.original_type,
            "priceMatch": labels.price_match,
            "selfTradePreventionMode": self.stp,
            "goodTillDate": labels.good_till_ns // 1_000_000,
        }


def order_update(order: FuturesOrder, report: Report, execution: str, unit: int) -> dict[str, Any]:
    """Return the event ORDER_TRADE_UPDATE of what a report says."""
    contract, labels = order.contract, order.futures_labels
    is_trade = report.execution_type == _TRADE
    fee = money(report.fee_low, report.fee_high) if is_trade else 0
    body: dict[str, Any] = {
        "s": contract.name,
        "c": order.client_id,
        "S": order.side,
        "o": order.type,
        "f": order.tif,
        "q": contract.qty_text(order.qty),
        "p": contract.price_text(order.price),
        "ap": contract.price_text(order.average),
        "sp": contract.price_text(labels.stop_price),
        "x": execution,
        "X": order.status,
        "i": order.order_id,
        "l": contract.qty_text(report.last_lots * contract.step if is_trade else 0),
        "z": contract.qty_text(order.executed),
        "L": contract.price_text(report.last_price_ticks * contract.tick if is_trade else 0),
    }
    if is_trade:
        body |= {"n": format_e8(fee), "N": MARGIN_ASSET}
    body |= {
        "T": report.time_ns // unit,
        "t": report.trade_id if is_trade else 0,
        "b": "0",
        "a": "0",
        "m": bool(report.is_maker) and is_trade,
        "R": order.is_reduce_only,
        "wt": labels.working_type,
        "ot": order.original_type,
        "ps": order.position_side,
        "cp": labels.closes_position,
        "rp": format_e8(money(report.free_low, report.free_high) if is_trade else 0),
        "pP": labels.protects_price,
        "si": 0,
        "ss": 0,
        "V": order.stp,
        "pm": labels.price_match,
        "gtd": labels.good_till_ns // 1_000_000,
    }
    at = report.time_ns // unit
    return {"e": "ORDER_TRADE_UPDATE", "E": at, "T": at, "o": body}


def trade_lite(order: FuturesOrder, report: Report, unit: int) -> dict[str, Any]:
    """Return the short event of a trade."""
    contract, at = order.contract, report.time_ns // unit
    return {
        "e": "TRADE_LITE",
        "E": at,
        "T": at,
        "s": contract.name,
        "q": contract.qty_text(order.qty),
        "p": contract.price_text(order.price),
        "m": bool(report.is_maker),
        "c": order.client_id,
        "S": order.side,
        "L": contract.price_text(report.last_price_ticks * contract.tick),
        "l": contract.qty_text(report.last_lots * contract.step),
        "t": report.trade_id,
        "i": order.order_id,
    }
