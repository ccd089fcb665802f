"""One order that waits for a price, an algo order, and its forms on the wire.

Source: developers.binance.com, USDS-margined futures, "New Algo Order", "Event: Algo Order Update" (2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4._core.sim.exchange_types import OrderFlag
from bot4.adapters.simulator.futures.trade import words
from bot4.adapters.simulator.trade import words as spot_words
from bot4.adapters.simulator.trade.report import Report, money
from bot4.adapters.simulator.wire.decimals import UNIT, format_e8

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4.adapters.simulator.futures.contracts import Contract

_MS = 1_000_000
_NO_ORDER = ""


class AlgoOrder:
    """An algo order of an account; amounts in hundred-millionths, times in nanoseconds UTC.

    Parameters
    ----------
    contract : Contract
    values : mapping
        What the client sent, by its names.
    client_id : str
    report : Report
        Its first.

    Belongs to the event loop's thread.

    """

    def __init__(self, contract: Contract, values: Mapping[str, Any], client_id: str, report: Report) -> None:
        self.contract = contract
        self.symbol = contract
        self.client_id = client_id
        self.algo_id = report.order_id
        self.values = values
        self.side = spot_words.SIDES[report.side]
        self.type = str(values["type"])
        self.position_side = str(values.get("positionSide", "BOTH"))
        self.created_ns = report.time_ns
        self.triggered_ns = 0
        self.order_id = 0
        self.executed = 0
        self.quote = 0
        self.take(report)

    def take(self, report: Report) -> None:
        """Take over what a report says."""
        contract = self.contract
        self.status = words.ALGO_STATUSES[report.status]
        self.qty = report.orig_lots * contract.step
        self.price = report.price_ticks * contract.tick
        self.trigger = report.stop_ticks * contract.tick
        self.updated_ns = report.time_ns
        self.executed = report.executed_lots * contract.step
        self.quote = money(report.cumulative_quote_low, report.cumulative_quote_high)
        self.is_reduce_only = bool(report.flags & OrderFlag.ORDER_REDUCE_ONLY)
        self.reason = spot_words.REASONS.get(report.reason, "") if report.reason else ""
        if report.counterparty_order_id:
            self.order_id = report.counterparty_order_id
        if self.status == "TRIGGERING" or (self.order_id and not self.triggered_ns):
            self.triggered_ns = report.time_ns

    @property
    def is_open(self) -> bool:
        """Whether it still waits."""
        return self.status in words.OPEN_ALGO_STATUSES

    def to_json(self, unit: int) -> dict[str, Any]:
        """Return the answer to placing it or asking for it."""
        contract, values = self.contract, self.values
        average = self.quote * UNIT // self.executed if self.executed else 0
        shown: dict[str, Any] = {
            "algoId": self.algo_id,
            "clientAlgoId": self.client_id,
            "algoType": "CONDITIONAL",
            "orderType": self.type,
            "symbol": contract.name,
            "side": self.side,
            "positionSide": self.position_side,
            "timeInForce": values.get("timeInForce", "GTC"),
            "quantity": contract.qty_text(self.qty),
            "algoStatus": self.status,
            "actualOrderId": str(self.order_id) if self.order_id else _NO_ORDER,
            "actualPrice": contract.price_text(average),
            "actualQty": contract.qty_text(self.executed),
            "triggerPrice": contract.price_text(self.trigger),
            "price": contract.price_text(self.price),
            "icebergQuantity": None,
            "selfTradePreventionMode": values.get("selfTradePreventionMode", words.DEFAULT_STP),
            "workingType": values.get("workingType", "CONTRACT_PRICE"),
            "priceMatch": values.get("priceMatch", "NONE"),
            "closePosition": values.get("closePosition", False),
            "priceProtect": values.get("priceProtect", False),
            "reduceOnly": self.is_reduce_only,
            "createTime": self.created_ns // unit,
            "updateTime": self.updated_ns // unit,
            "triggerTime": self.triggered_ns // unit,
            "goodTillDate": values.get("goodTillDate", 0) // _MS,
        }
        if self.type == "TRAILING_STOP_MARKET":
            shown["activatePrice"] = contract.price_text(self.trigger)
            shown["callbackRate"] = format_e8(values["callbackRate"])
        return shown

    def to_update(self, at_ns: int, unit: int) -> dict[str, Any]:
        """Return the event ALGO_UPDATE."""
        shown = self.to_json(unit)
        at = at_ns // unit
        body = {
            "caid": self.client_id,
            "aid": self.algo_id,
            "at": shown["algoType"],
            "o": self.type,
            "s": self.contract.name,
            "S": self.side,
            "ps": self.position_side,
            "f": shown["timeInForce"],
            "q": shown["quantity"],
            "X": self.status,
            "ai": shown["actualOrderId"],
            "tp": shown["triggerPrice"],
            "p": shown["price"],
            "V": shown["selfTradePreventionMode"],
            "wt": shown["workingType"],
            "pm": shown["priceMatch"],
            "cp": shown["closePosition"],
            "pP": shown["priceProtect"],
            "R": shown["reduceOnly"],
            "tt": shown["triggerTime"],
            "gtd": shown["goodTillDate"],
            "rm": self.reason,
        }
        if self.order_id:
            body |= {"ap": shown["actualPrice"], "aq": shown["actualQty"], "act": self._actual_type()}
        if "callbackRate" in shown:
            body["cr"] = shown["callbackRate"]
        return {"e": "ALGO_UPDATE", "T": at, "E": at, "o": body}

    def _actual_type(self) -> str:
        return "LIMIT" if self.type in words.LIMIT_ALGOS else "MARKET"
