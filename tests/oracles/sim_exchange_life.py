"""Slow twin of the exchange: birth, start and end of orders, and the lists that follow them."""

from __future__ import annotations

from bot4._core.sim.exchange_types import ExchangeOrderStatus as S
from bot4._core.sim.exchange_types import ExchangeVerdict as V
from bot4._core.sim.exchange_types import ExecutionReason as R
from bot4._core.sim.exchange_types import ExecutionType as X
from oracles.sim_exchange_matching import MatchingPart
from oracles.sim_exchange_parts import Order
from oracles.sim_exchange_rules import BUY, LIMIT_MAKER, MARKET, STOPS


class LifePart(MatchingPart):
    """Orders open, start, finish; lists join them."""

    # ---- life of an order

    def open(self, row: dict[str, int]) -> Order:
        self.next_id += 1
        order = Order(
            self.next_id, row["client_key"], row["account"], row["symbol"], row["side"], row["type"], row["tif"],
            row["stp"], row["price_ticks"], row["stop_ticks"], row["qty_lots"], row["iceberg_lots"],
            row["trailing_bips"], row["expire_ns"], row["quote_atoms"], self.now,
            row["price_ticks"] or row["stop_ticks"],
        )  # fmt: skip
        self.orders[order.order_id] = order
        return order

    def close(self, order: Order) -> None:
        if order.place == 1:
            self.leave_book(order)
        elif order.place == 2:
            self.symbols[order.symbol].waiting.remove(order)
        order.place = 0
        self.lock(order, 0)
        del self.orders[order.order_id]

    def unopen(self, orders: list[Order]) -> None:
        """What is refused has never had a number."""
        for order in reversed(orders):
            self.close(order)
            self.next_id -= 1

    def entry(self, order: Order) -> int:
        symbol = self.symbols[order.symbol]
        if order.type == LIMIT_MAKER:
            best = self.best(symbol, 1 - order.side)
            crosses = best and (order.price >= best if order.side == BUY else order.price <= best)
            return V.VERDICT_WOULD_MATCH if crosses else V.VERDICT_OK
        if order.type not in STOPS:
            return V.VERDICT_OK
        order.lock_price = order.lock_price or symbol.last
        if symbol.last and order.stop:
            reached = symbol.last >= order.stop if order.upwards else symbol.last <= order.stop
            return V.VERDICT_WOULD_TRIGGER if reached else V.VERDICT_OK
        return V.VERDICT_OK

    def fund(self, orders: list[Order]) -> int:
        """Lock what orders that start together may spend: of a pair, the greater need once."""
        if orders[0].type == MARKET and len(orders) == 1:
            return self.fund_market(orders[0])
        holder = max(orders, key=lambda order: self.need(order, order.left))
        if not self.lock(holder, self.need(holder, holder.left)):
            return V.VERDICT_INSUFFICIENT_BALANCE
        for order in orders:
            order.shares_lock = order is not holder
        return V.VERDICT_OK

    def start(self, order: Order) -> None:
        symbol = self.symbols[order.symbol]
        order.status = S.STATUS_NEW
        if order.type not in STOPS:
            order.place, order.working_ns = 0, self.now
            self.report(X.EXECUTION_NEW, order)
            self.execute(order)
            return
        self.report(X.EXECUTION_NEW, order)
        order.place = 2
        order.extreme = symbol.last if order.trailing and not order.stop else 0
        self.next_queue += 1
        order.waits_since = self.next_queue
        symbol.waiting.append(order)

    def finish(self, order: Order, execution: int, status: int, reason: int = 0) -> None:
        order.status = status
        self.report(execution, order, reason)
        self.finish_used(order)

    def finish_used(self, order: Order) -> None:
        self.close(order)
        if order.list is not None:
            self.follow(order)

    # ---- lists

    def leg_started(self, order: Order) -> None:
        joined = order.list
        if joined is None or joined.resolved or joined.kind == 2:
            return
        legs = joined.legs if joined.kind == 1 else joined.legs[1:]
        if order not in legs:
            return
        joined.resolved = True
        for leg in legs:
            if leg is not None and leg is not order:
                self.finish(leg, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_OCO_TRIGGER)
        if order.shares_lock:
            order.shares_lock = False
            assert self.lock(order, self.need(order, order.left))

    def follow(self, order: Order) -> None:
        joined = order.list
        was_working = joined.kind != 1 and joined.legs[0] is order
        joined.legs = [None if leg is order else leg for leg in joined.legs]
        others = [leg for leg in joined.legs if leg is not None]
        if was_working and order.status == S.STATUS_FILLED:
            self.queue.append(joined.legs[1])
        elif not others:
            self.report_list(joined, 2, 1)
            del self.lists[joined.list_id]
        elif not joined.resolved and order.status != S.STATUS_FILLED:
            joined.resolved = True
            reason = R.REASON_OTO_PHASE_ONE_EXPIRED if was_working else R.REASON_EXCHANGE_CANCELED
            for leg in others:
                if order.status == S.STATUS_CANCELED:
                    self.finish(leg, X.EXECUTION_CANCELED, S.STATUS_CANCELED)
                else:
                    self.finish(leg, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, reason)
