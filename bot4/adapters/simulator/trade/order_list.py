"""Orders that belong together: one cancels the other, one triggers the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot4.adapters.simulator.symbols import Symbol
    from bot4.adapters.simulator.trade.order import Order


class OrderList:
    """One list of an account.

    Parameters
    ----------
    symbol : Symbol
    list_id : int
    client_id : str
    contingency : str
        ``OCO`` or ``OTO``.

    """

    __slots__ = ("client_id", "contingency", "legs", "list_id", "order_status", "status", "symbol", "updated_ns")

    def __init__(self, symbol: Symbol, list_id: int, client_id: str, contingency: str) -> None:
        self.symbol = symbol
        self.list_id = list_id
        self.client_id = client_id
        self.contingency = contingency
        self.legs: list[Order] = []
        self.status = "EXEC_STARTED"
        self.order_status = "EXECUTING"
        self.updated_ns = 0

    def add(self, leg: Order) -> None:
        """Take an order in; they stand in the order of their ids."""
        self.legs.append(leg)
        self.legs.sort(key=lambda order: order.order_id)

    @property
    def is_open(self) -> bool:
        """Whether a leg may still trade."""
        return self.order_status == "EXECUTING"

    def to_json(self, unit: int) -> dict[str, Any]:
        """Return the list as queries show it."""
        return {
            "orderListId": self.list_id,
            "contingencyType": self.contingency,
            "listStatusType": self.status,
            "listOrderStatus": self.order_status,
            "listClientOrderId": self.client_id,
            "transactionTime": self.updated_ns // unit,
            "symbol": self.symbol.name,
            "orders": [
                {"symbol": leg.symbol.name, "orderId": leg.order_id, "clientOrderId": leg.client_id}
                for leg in self.legs
            ],
        }
