"""Twins of the engine's small tables, in plain dicts: working orders in order of age, trade ids with a bound."""

from __future__ import annotations

WORKING_MAX = 64
ADD, FIND, REMOVE, FILL = 0, 1, 2, 3


class OrderTwin:
    """Working orders: a dict keeps the order of insertion, and that is the order of the table."""

    def __init__(self) -> None:
        self.orders: dict[int, list[int]] = {}

    def run(self, ops: list[tuple[int, int, int]]) -> list[int]:
        """Return the place of each row's order before a REMOVE and after anything else, -1 where there is none."""
        return [self._step(*op) for op in ops]

    def _step(self, kind: int, order_id: int, lots: int) -> int:
        if kind == ADD:
            if len(self.orders) == WORKING_MAX:
                return -1
            self.orders[order_id] = [lots, 0]
        if order_id not in self.orders:
            return -1
        place = list(self.orders).index(order_id)
        if kind == FILL:
            self.orders[order_id][1] += lots
        elif kind == REMOVE:
            del self.orders[order_id]
        return place

    def rows(self) -> list[list[int]]:
        """Return order id, lots and filled lots, oldest first."""
        return [[order_id, *amounts] for order_id, amounts in self.orders.items()]


class TradeIdTwin:
    """The last `capacity` ids that were new."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.known: dict[int, None] = {}
        self.forgotten = 0

    def add_many(self, trade_ids: list[int]) -> list[bool]:
        """Return for each id whether it was new."""
        return [self._add(trade_id) for trade_id in trade_ids]

    def _add(self, trade_id: int) -> bool:
        if trade_id in self.known:
            return False
        if len(self.known) == self.capacity:
            del self.known[next(iter(self.known))]
            self.forgotten += 1
        self.known[trade_id] = None
        return True
