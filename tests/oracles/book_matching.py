"""Twin of bot4/_core/book/matching_book: a list of resting orders, sorted anew for every taker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ADD, CANCEL, AMEND = range(3)
RESTED, TRADE, PREVENTED, EXPIRED, CANCELED, AMENDED, REFUSED = range(7)
GTC, IOC, FOK = range(3)
NONE, EXPIRE_TAKER, EXPIRE_MAKER, EXPIRE_BOTH, DECREMENT = range(5)
BUY = 0


@dataclass(eq=False)
class Resting:
    order_id: int
    side: int
    price: int
    left: int
    iceberg: int
    account: int
    group: int
    shown: int = 0
    place: int = 0  # in time: the later, the further behind at its price


class MatchingTwin:
    """`apply` returns the events of one row: (kind, taker, maker, price, lots, taker lots, maker's rest, account)."""

    def __init__(self, *, max_orders: int, level_limit: int) -> None:
        self.max_orders, self.level_limit = max_orders, level_limit
        self.book: list[Resting] = []
        self.last_id = self.clock = self.update_id = 0

    def queue(self, side: int) -> list[Resting]:
        """Orders of a side, the next to trade first."""
        sign = -1 if side == BUY else 1
        return sorted((o for o in self.book if o.side == side), key=lambda o: (sign * o.price, o.place))

    def to_end(self, order: Resting) -> None:
        self.clock += 1
        order.place, order.shown = self.clock, min(order.iceberg or order.left, order.left)

    def apply(self, row: dict[str, int]) -> list[tuple[int, ...]]:
        if row["kind"] == ADD:
            return self.add(row)
        order = next((o for o in self.book if o.order_id == row["order_id"]), None)
        if order is None or row["kind"] > AMEND or (row["kind"] == AMEND and not 0 < row["qty_lots"] < order.left):
            return [(REFUSED, row["order_id"], 0, 0, 0, 0, 0, row["account"])]
        self.update_id += 1
        if row["kind"] == CANCEL:
            self.book.remove(order)
            return [(CANCELED, order.order_id, 0, order.price, order.left, 0, 0, order.account)]
        order.left = row["qty_lots"]
        order.shown = min(order.shown, order.left)
        return [(AMENDED, order.order_id, 0, order.price, order.left, 0, 0, order.account)]

    def has_room(self, row: dict[str, int]) -> bool:
        prices = {order.price for order in self.book if order.side == row["side"]}
        return len(self.book) < self.max_orders and (row["price_ticks"] in prices or len(prices) < self.level_limit)

    def is_sound(self, row: dict[str, int]) -> bool:
        return (
            row["side"] <= 1
            and row["stp"] <= DECREMENT
            and row["tif"] <= FOK
            and 0 < row["price_ticks"] <= 1 << 40
            and 0 < row["qty_lots"] <= 1 << 42
            and 0 <= row["iceberg_lots"] < row["qty_lots"]
        )

    def add(self, row: dict[str, int]) -> list[tuple[int, ...]]:
        if not self.is_sound(row) or (row["tif"] == GTC and not self.has_room(row)):
            return [(REFUSED, 0, 0, 0, 0, 0, 0, row["account"])]
        self.last_id += 1
        taker = Resting(
            self.last_id, row["side"], row["price_ticks"], row["qty_lots"], row["iceberg_lots"], row["account"],
            row["trade_group"],
        )  # fmt: skip
        events: list[tuple[int, ...]] = []
        if row["tif"] != FOK or self.fillable(taker, row["stp"]):
            self.match(taker, row["stp"], events)
        if taker.left == 0:
            return events
        if row["tif"] != GTC:
            return [*events, (EXPIRED, taker.order_id, 0, taker.price, taker.left, 0, 0, taker.account)]
        self.to_end(taker)
        self.book.append(taker)
        self.update_id += 1
        return [*events, (RESTED, taker.order_id, 0, taker.price, taker.left, 0, 0, taker.account)]

    def accepts(self, taker: Resting, maker: Resting) -> bool:
        return maker.price <= taker.price if taker.side == BUY else maker.price >= taker.price

    def is_same(self, taker: Resting, maker: Resting, stp: int) -> bool:
        return stp != NONE and (taker.account == maker.account or (taker.group == maker.group and taker.group >= 0))

    def losses(self, taker: Resting, maker: Resting, stp: int) -> tuple[int, int]:
        both = min(taker.left, maker.left)
        return {
            EXPIRE_TAKER: (taker.left, 0),
            EXPIRE_MAKER: (0, maker.left),
            EXPIRE_BOTH: (taker.left, maker.left),
            DECREMENT: (both, both),
        }[stp]

    def fillable(self, taker: Resting, stp: int) -> bool:
        """Whether all of it would trade: prevention of its own rest is no trade."""
        ghost, traded = Resting(**vars(taker)), 0
        for maker in self.queue(1 - taker.side):
            if not self.accepts(taker, maker) or ghost.left == 0:
                break
            if self.is_same(taker, maker, stp):
                ghost.left -= self.losses(ghost, maker, stp)[0]
                continue
            lots = min(ghost.left, maker.left)
            ghost.left, traded = ghost.left - lots, traded + lots
        return traded == taker.left

    def match(self, taker: Resting, stp: int, events: list[Any]) -> None:
        while taker.left:
            maker = next(iter(self.queue(1 - taker.side)), None)
            if maker is None or not self.accepts(taker, maker):
                return
            kind, lots = TRADE, min(taker.left, maker.shown)
            taker_lots = maker_lots = lots
            if self.is_same(taker, maker, stp):
                kind = PREVENTED
                taker_lots, maker_lots = self.losses(taker, maker, stp)
            taker.left -= taker_lots
            maker.left -= maker_lots
            maker.shown = maker.shown - maker_lots if kind == TRADE else min(maker.shown, maker.left)
            self.update_id += maker_lots > 0
            events.append(
                (kind, taker.order_id, maker.order_id, maker.price, maker_lots, taker_lots, maker.left, maker.account)
            )
            if maker.left == 0:
                self.book.remove(maker)
            elif maker.shown == 0:
                self.to_end(maker)

    def depth(self, side: int) -> list[tuple[int, int]]:
        levels: dict[int, int] = {}
        for order in self.queue(side):
            levels[order.price] = levels.get(order.price, 0) + order.shown
        return list(levels.items())
