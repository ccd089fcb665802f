"""One account: its orders, fills, lists, and who listens to what happens to it."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot4.adapters.simulator.accounts import AccountSpec
    from bot4.adapters.simulator.trade.order import Fill, Order
    from bot4.adapters.simulator.trade.order_list import OrderList
    from bot4.adapters.simulator.wire.order_budget import OrderBudget

ORDERS_MAX = 200_000  # closed ones are forgotten, oldest first
FILLS_MAX = 200_000


class UserListener(Protocol):
    """Who takes an account's events."""

    def user_event(self, account: Account, render: Callable[[int], dict[str, object]]) -> None:
        """Take an event; `render` makes it for the nanoseconds of a time unit."""


class PreventedMatch:
    """A trade that self-trade prevention kept from happening; amounts in hundred-millionths."""

    __slots__ = (
        *("at_ns", "group", "maker_order", "maker_qty", "match_id", "price"),
        *("stp", "symbol", "taker_order", "taker_qty"),
    )

    def __init__(self, symbol: str, match_id: int, taker_order: int, maker_order: int, at_ns: int) -> None:
        self.symbol = symbol
        self.match_id = match_id
        self.taker_order = taker_order
        self.maker_order = maker_order
        self.at_ns = at_ns
        self.group = -1
        self.price = 0
        self.maker_qty = 0
        self.taker_qty = 0
        self.stp = "NONE"


class Account:
    """What the exchange remembers of an account. Belongs to the event loop's thread.

    Parameters
    ----------
    spec : AccountSpec
    number : int
        Of the matching engine.
    budget : OrderBudget or None
        Of unfilled orders; None where there are no limits.

    """

    def __init__(self, spec: AccountSpec, number: int, budget: OrderBudget | None) -> None:
        self.spec = spec
        self.number = number
        self.budget = budget
        self.orders: dict[int, Order] = {}
        self.open_orders: dict[int, Order] = {}
        self.lists: dict[int, OrderList] = {}
        self.fills: deque[Fill] = deque(maxlen=FILLS_MAX)
        self.fill_symbols: deque[str] = deque(maxlen=FILLS_MAX)
        self.prevented: deque[PreventedMatch] = deque(maxlen=FILLS_MAX)
        self.listeners: dict[UserListener, None] = {}
        self.updated_ns = 0
        self._by_client: dict[tuple[str, str], Order] = {}

    def add_order(self, order: Order) -> None:
        """Remember an order that was accepted."""
        if len(self.orders) >= ORDERS_MAX:
            self._forget()
        self.orders[order.order_id] = order
        if order.is_open:
            self.open_orders[order.order_id] = order
        self._by_client[order.symbol.name, order.client_id] = order

    def rename(self, order: Order, client_id: str) -> None:
        """Give an order another id of its client."""
        key = order.symbol.name, order.client_id
        if self._by_client.get(key) is order:
            del self._by_client[key]
        order.client_id = client_id
        self._by_client[order.symbol.name, client_id] = order

    def close_order(self, order: Order) -> None:
        """Take note that an order can trade no more."""
        self.open_orders.pop(order.order_id, None)

    def add_fill(self, symbol: str, fill: Fill) -> None:
        """Remember a trade."""
        self.fills.append(fill)
        self.fill_symbols.append(symbol)

    def find(self, symbol: str, order_id: int | None, client_id: str | None) -> Order | None:
        """Return an order of a market by its id, else by its client's, the latest of that name."""
        if order_id is not None:
            order = self.orders.get(order_id)
            return order if order is not None and order.symbol.name == symbol else None
        return self._by_client.get((symbol, client_id or ""))

    def find_list(self, list_id: int | None, client_id: str | None) -> OrderList | None:
        """Return an order list by its id, else by its client's."""
        if list_id is not None:
            return self.lists.get(list_id)
        return next((item for item in reversed(self.lists.values()) if item.client_id == client_id), None)

    def orders_of(self, symbol: str, *, is_open: bool = False) -> Iterable[Order]:
        """Return the orders of a market, oldest first."""
        return (
            order for order in (self.open_orders if is_open else self.orders).values() if order.symbol.name == symbol
        )

    def fills_of(self, symbol: str) -> Iterable[Fill]:
        """Return the trades of a market, oldest first."""
        return (fill for fill, name in zip(self.fills, self.fill_symbols, strict=True) if name == symbol)

    def _forget(self) -> None:
        closed = (order_id for order_id in self.orders if order_id not in self.open_orders)
        for order_id in list(islice(closed, ORDERS_MAX // 10)):
            order = self.orders.pop(order_id)
            key = order.symbol.name, order.client_id
            if self._by_client.get(key) is order:
                del self._by_client[key]
        for list_id in list(islice((key for key, item in self.lists.items() if not item.is_open), ORDERS_MAX // 10)):
            del self.lists[list_id]
