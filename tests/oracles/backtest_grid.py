"""A backtester of a post-only grid in plain Python, with two books: the venue's and ours, each on its own clock.

Market events are (venue_ns, recv_ns, what): ``("depth", [(side, price, lots), ...])`` or ``("trade", price, lots)``.
A resting order fills only where a print goes beyond its price, for at most the print's lots, better prices and older
orders first. An arriving order that would take is rejected. Ties: what arrives or is heard goes before the market.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count
from typing import Any


@dataclass
class Order:
    number: int
    side: int
    price: int
    lots: int
    left: int
    cancel_pending: bool = False


@dataclass
class GridBacktest:
    """Latencies in nanoseconds; `age_ns` is how much later than the venue we hear of the market."""

    levels: int
    interval: int
    half_spread: int
    lots: int
    bound: int
    timer_ns: int
    submit_ns: int
    report_ns: int
    align: int = 1
    venue_book: tuple[dict[int, int], dict[int, int]] = field(default_factory=lambda: ({}, {}))
    our_book: tuple[dict[int, int], dict[int, int]] = field(default_factory=lambda: ({}, {}))
    resting: list[Order] = field(default_factory=list)
    working: list[Order] = field(default_factory=list)
    position: int = 0
    fills: list[tuple[int, int, int, int]] = field(default_factory=list)  # side, price, lots, when it was heard
    placed: int = 0
    rejected: int = 0

    def run(self, market: list[tuple[int, int, tuple[Any, ...]]]) -> None:
        self.agenda: list[tuple[int, int, int, Any]] = []
        self.ties = count()
        venue_seen = 0
        timer = market[0][1] + self.timer_ns
        # At one time: arrivals (0), the market at the venue (1), reports (2), the timer (3), the market heard (4).
        for number, (venue_ns, recv_ns, what) in enumerate(market):
            heapq.heappush(self.agenda, (venue_ns, 1, number, what))
            heapq.heappush(self.agenda, (recv_ns, 4, number, what))
        last = market[-1][1]
        while timer <= last:
            heapq.heappush(self.agenda, (timer, 3, next(self.ties), None))
            timer += self.timer_ns
        while self.agenda and self.agenda[0][0] <= last:
            now, kind, _, what = heapq.heappop(self.agenda)
            if kind == 0:
                self.arrive(now, *what)
            elif kind == 1:
                venue_seen += 1
                self.at_venue(now, what)
            elif kind == 2:
                self.hear(now, *what)
            elif kind == 3:
                self.decide(now)
            elif what[0] == "depth":
                apply(self.our_book, what[1])

    # -- the venue -----------------------------------------------------------------------------------------------------

    def at_venue(self, now: int, what: tuple[Any, ...]) -> None:
        if what[0] == "depth":
            apply(self.venue_book, what[1])
            return
        _, price, left = what
        for side in (0, 1):
            queue = [order for order in self.resting if order.side == side]
            queue.sort(key=lambda order: -order.price if side == 0 else order.price)
            for order in queue:
                beyond = order.price > price if side == 0 else order.price < price
                if not beyond or left == 0:
                    break
                taken = min(left, order.left)
                left -= taken
                order.left -= taken
                self.report(now, "fill", order.number, taken)
                if order.left == 0:
                    self.resting.remove(order)

    def arrive(self, now: int, action: str, order: Order) -> None:
        if action == "cancel":
            found = [resting for resting in self.resting if resting.number == order.number]
            for resting in found:
                self.resting.remove(resting)
            self.report(now, "end" if found else "refused", order.number, 0)
            return
        other = self.venue_book[1 - order.side]
        own = [resting.price for resting in self.resting if resting.side != order.side]
        facing = ([min(other)] if other else []) + own if order.side == 0 else ([max(other)] if other else []) + own
        if any(price <= order.price if order.side == 0 else price >= order.price for price in facing):
            self.rejected += 1
            self.report(now, "end", order.number, 0)
        else:
            self.resting.append(Order(order.number, order.side, order.price, order.lots, order.lots))

    def report(self, now: int, what: str, number: int, lots: int) -> None:
        heapq.heappush(self.agenda, (now + self.report_ns, 2, next(self.ties), (what, number, lots)))

    # -- we ------------------------------------------------------------------------------------------------------------

    def hear(self, now: int, what: str, number: int, lots: int) -> None:
        order = next((order for order in self.working if order.number == number), None)
        if what == "fill":
            assert order is not None
            self.fills.append((order.side, order.price, lots, now))
            self.position += lots if order.side == 0 else -lots
            order.left -= lots
        if order is not None and (what == "end" or order.left == 0):
            self.working.remove(order)
        elif order is not None and what == "refused":
            order.cancel_pending = False

    def decide(self, now: int) -> None:
        bids, asks = self.our_book
        if not bids or not asks:
            return
        bid, ask = max(bids), min(asks)
        mid = (bid + ask) // 2
        first = (
            min(mid - self.half_spread, bid) // self.align * self.align,
            -(-max(mid + self.half_spread, ask) // self.align) * self.align,
        )
        for side, step in ((0, -self.interval), (1, self.interval)):
            room = self.position < self.bound if side == 0 else self.position > -self.bound
            wanted = [first[side] + step * level for level in range(self.levels)] if room else []
            held = set()
            for order in list(self.working):
                if order.side != side or order.cancel_pending:
                    continue
                if order.price in wanted:
                    held.add(order.price)
                else:
                    order.cancel_pending = True
                    self.send(now, "cancel", order)
            for price in wanted:
                if price not in held:
                    self.placed += 1
                    order = Order(self.placed, side, price, self.lots, self.lots)
                    self.working.append(order)
                    self.send(now, "place", order)

    def send(self, now: int, action: str, order: Order) -> None:
        heapq.heappush(self.agenda, (now + self.submit_ns, 0, next(self.ties), (action, order)))


def apply(book: tuple[dict[int, int], dict[int, int]], levels: list[tuple[int, int, int]]) -> None:
    for side, price, lots in levels:
        if lots:
            book[side][price] = lots
        else:
            book[side].pop(price, None)
