"""Plain twin of an exchange of perpetuals: orders, their margin, and matching over `MarginTwin`'s money.

Books are lists that are searched for the best price and the oldest order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot4._core.sim.exchange_types import ExchangeOrderStatus as S
from bot4._core.sim.exchange_types import ExchangeOrderType as T
from bot4._core.sim.exchange_types import ExchangeTimeInForce as F
from bot4._core.sim.exchange_types import ExchangeVerdict as V
from bot4._core.sim.exchange_types import ExecutionReason as R
from bot4._core.sim.exchange_types import ExecutionType as X
from bot4._core.sim.margin_types import AlgoStatus as A
from oracles.sim_margin_money import BUY, CLOSE, REDUCE, SELL, MarginTwin, Perpetual

LOSSES = (T.TYPE_STOP_LOSS, T.TYPE_STOP_LOSS_LIMIT)


@dataclass(eq=False)
class Order:
    account: int
    symbol: int
    side: int
    type: int
    tif: int
    stp: int
    price: int
    stop: int
    orig: int
    trailing: int
    expire_ns: int
    client_key: int
    flags: int
    origin: int
    created_ns: int
    is_algo: bool = False
    order_id: int = 0
    algo_id: int = -1
    executed: int = 0
    prevented: int = 0
    quote: int = 0
    status: int = S.STATUS_NEW
    resting: int = 0  # place in the queue of its price; 0: not in the book
    extreme: int = 0
    waits_since: int = 0
    is_cut: bool = False
    tells_algo: bool = False

    @property
    def left(self) -> int:
        return self.orig - self.executed - self.prevented

    @property
    def upwards(self) -> bool:
        return (self.type in LOSSES) == (self.side == BUY)


class MatchingTwin(MarginTwin):
    """Orders and books."""

    def __init__(self, perpetuals: list[Perpetual], accounts: int) -> None:
        super().__init__(perpetuals, accounts)
        self.last_order = self.last_algo = self.last_place = 0

    def look_for(self, symbol: int, price: int, *, marked: bool) -> None:
        """Find the algo orders that wait for a price."""
        raise NotImplementedError

    # ---- records

    def tell_order(self, order: Any, kind: int, reason: int = 0, **more: int) -> None:
        self.tell(
            kind, account=order.account, symbol=order.symbol, order_id=order.order_id, list_id=order.algo_id,
            client_key=order.client_key, side=order.side, type=order.type, status=order.status, reason=reason,
            price_ticks=order.price, stop_ticks=order.stop, orig_lots=order.orig, executed_lots=order.executed,
            prevented_lots=order.prevented, cumulative_quote_atoms=order.quote, flags=order.flags, origin=order.origin,
            **more,
        )  # fmt: skip

    def tell_algo(self, order: Order, state: int, reason: int = 0) -> None:
        placed = state in (A.TRIGGERED, A.FINISHED)
        self.tell(
            X.EXECUTION_ALGO, account=order.account, symbol=order.symbol, order_id=order.algo_id, list_id=order.algo_id,
            client_key=order.client_key, side=order.side, type=order.origin, status=state, reason=reason,
            price_ticks=order.price, stop_ticks=order.stop, orig_lots=order.orig,
            executed_lots=order.executed if placed else 0, cumulative_quote_atoms=order.quote if placed else 0,
            flags=order.flags, origin=order.origin, counterparty_order_id=order.order_id if placed else 0,
        )  # fmt: skip

    # ---- orders of an account

    def of(self, account: int, symbol: int, *, algos: bool = False) -> list[Order]:
        found = (self.algos if algos else self.orders).values()
        return [order for order in found if (order.account, order.symbol) == (account, symbol)]

    def close(self, order: Order) -> None:
        del (self.algos if order.is_algo else self.orders)[order.order_id]
        order.resting = 0
        if order.tells_algo:
            self.tell_algo(order, A.FINISHED)

    def end(self, order: Order, kind: int, status: int, reason: int = 0) -> None:
        order.status = status
        self.tell_order(order, kind, reason)
        self.close(order)

    def end_algo(self, order: Order, state: int, reason: int = 0) -> None:
        self.tell_algo(order, state, reason)
        self.close(order)

    def key_taken(self, account: int, key: int, *, algos: bool) -> bool:
        held = (self.algos if algos else self.orders).values()
        return key != 0 and any((order.account, order.client_key) == (account, key) for order in held)

    def new(self, row: dict[str, int], *, is_algo: bool = False) -> Order:
        index, flags = row["flags"] >> 6, row["flags"]
        if flags & CLOSE or (index and (index == 1) != (row["side"] == BUY)):
            flags |= REDUCE
        order = Order(
            row["account"], row["symbol"], row["side"], row["type"], row["tif"], row["stp"], row["price_ticks"],
            row["stop_ticks"], row["qty_lots"], row["trailing_bips"], row["expire_ns"], row["client_key"], flags,
            row["type"], self.now, is_algo,
        )  # fmt: skip
        if is_algo:
            self.last_algo += 1
            order.order_id = order.algo_id = self.last_algo
            self.algos[order.order_id] = order
        else:
            self.last_order += 1
            order.order_id = self.last_order
            self.orders[order.order_id] = order
        return order

    # ---- margin

    def reducible(self, order: Order) -> int:
        lots = self.holdings[order.account][order.symbol].positions[order.flags >> 6].lots
        return abs(lots) if (lots < 0) == (order.side == BUY) else 0

    def fund(self, order: Order) -> int:
        if order.flags & REDUCE:
            room = self.reducible(order)
            order.orig = min(order.orig, room + order.executed + order.prevented)
            return V.VERDICT_OK if room else V.VERDICT_REDUCE_ONLY
        account, symbol, perpetual = order.account, order.symbol, self.perpetuals[order.symbol]
        if order.type == T.TYPE_MARKET:
            fills = self.plan(order)
            asked = sum(price * lots for price, lots in fills) * perpetual.atoms
            marked = perpetual.worth(sum(lots for _, lots in fills))
        else:
            asked, marked = order.price * order.left * perpetual.atoms, perpetual.worth(order.left)
        extra = (asked, 0) if order.side == BUY else (0, asked)
        before, after = self.initial(account, symbol, order), self.initial(account, symbol, order, extra)
        if after <= before:
            return V.VERDICT_OK
        bids, asks = (self.open_notional(account, symbol, side, order) + extra[side] for side in (BUY, SELL))
        if self.exposure(account, symbol, bids, asks) > perpetual.cap(self.holdings[account][symbol].leverage):
            return V.VERDICT_MAX_POSITION_AT_LEVERAGE
        # A limit order is counted by `available` already, a market order has no price yet.
        room = self.available(account) - (after - before if order.type == T.TYPE_MARKET else 0)
        loss = asked - marked if order.side == BUY else marked - asked
        return V.VERDICT_OK if room - max(loss, 0) >= 0 else V.VERDICT_INSUFFICIENT_MARGIN

    # ---- matching

    def accepts(self, order: Order, price: int) -> bool:
        limits = (order.price, self.market_bound(order))
        return all(not limit or (price <= limit if order.side == BUY else price >= limit) for limit in limits)

    def market_bound(self, order: Order) -> int:
        """Worst price a market order takes; 0: any."""
        perpetual = self.perpetuals[order.symbol]
        ppm = perpetual.range_ppm[order.side == BUY]
        if order.type != T.TYPE_MARKET or not ppm:
            return 0
        reference = max((perpetual.mark + perpetual.divisions // 2) // perpetual.divisions, 1)
        return max(reference * ppm // 10**6 if order.side == BUY else -(-reference * ppm // 10**6), 1)

    def is_stopped_by_bound(self, order: Order) -> bool:
        """Whether there would be more for a market order beyond its bound."""
        against = (m for m in self.orders.values() if m.resting and m.symbol == order.symbol and m.side != order.side)
        return bool(self.market_bound(order) and order.left and next(against, None))

    def makers(self, order: Order) -> list[Order]:
        """Orders on the other side that a taker accepts, best and oldest first."""
        sign = 1 if order.side == BUY else -1
        found = [
            maker
            for maker in self.orders.values()
            if maker.resting and maker.symbol == order.symbol and maker.side != order.side
            if self.accepts(order, maker.price)
        ]
        return sorted(found, key=lambda maker: (sign * maker.price, maker.resting))

    def best_against(self, order: Order) -> Order | None:
        return next(iter(self.makers(order)), None)

    def plan(self, order: Order) -> list[tuple[int, int]]:
        """(price, lots) of what an order would trade now."""
        left, fills = order.left, []
        for maker in self.makers(order):
            if not left or (order.stp in (1, 3) and maker.account == order.account):
                break
            if order.stp == 2 and maker.account == order.account:
                continue
            fills.append((maker.price, min(left, maker.left)))
            left -= fills[-1][1]
        return fills

    def start(self, order: Order) -> None:
        self.tell_order(order, X.EXECUTION_NEW)
        self.execute(order)

    def execute(self, order: Order) -> None:
        prices: list[int] = []
        if order.tif == F.TIME_FOK and sum(lots for _, lots in self.plan(order)) != order.left:
            self.end(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_UNFILLED_FOK_ORDER_EXPIRED)
            return
        while order.left and (maker := self.best_against(order)) is not None:
            if order.stp and maker.account == order.account:
                self.prevent(order, maker)
            else:
                prices.append(maker.price)
                self.trade(order, maker)
        self.rest_or_end(order)
        for price in dict.fromkeys([prices[0], prices[-1]]) if prices else ():
            self.look_for(order.symbol, price, marked=False)

    def rest_or_end(self, order: Order) -> None:
        if order.status in (S.STATUS_FILLED, S.STATUS_EXPIRED_IN_MATCH):
            self.close(order)
        elif self.is_stopped_by_bound(order):
            self.end(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_EXECUTION_RULE_PRICE_RANGE_EXCEEDED)
        elif order.price == 0:
            self.end(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_INSUFFICIENT_LIQUIDITY)
        elif order.tif == F.TIME_IOC:
            self.end(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_UNFILLED_IOC_QUANTITY_EXPIRED)
        elif order.tif == F.TIME_FOK:
            self.end(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_UNFILLED_FOK_ORDER_EXPIRED)
        else:
            self.last_place += 1
            order.resting = self.last_place

    def trade(self, taker: Order, maker: Order) -> None:
        perpetual, lots, price = self.perpetuals[taker.symbol], min(taker.left, maker.left), maker.price
        perpetual.trades += 1
        for order, other in ((taker, maker), (maker, taker)):
            order.executed += lots
            order.quote += lots * price * perpetual.atoms
            order.status = S.STATUS_PARTIALLY_FILLED if order.left else S.STATUS_FILLED
            realised, fee = self.settle(order, lots, price, maker=order is maker)
            self.tell_order(
                order, X.EXECUTION_TRADE, trade_id=perpetual.trades, last_lots=lots, last_price_ticks=price,
                last_quote_atoms=lots * price * perpetual.atoms, fee_atoms=fee, free_atoms=realised,
                is_maker=order is maker, counterparty_order_id=other.order_id, counterparty_account=other.account,
            )  # fmt: skip
        perpetual.last = price
        for account in dict.fromkeys((taker.account, maker.account)):
            self.trim(account, taker.symbol)
        if not maker.left:
            self.close(maker)

    def trim(self, account: int, symbol: int) -> None:
        for order in self.of(account, symbol):
            if order.flags & REDUCE and order.resting and order.left:
                room = self.reducible(order)
                if not room:
                    self.end(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_REDUCE_ONLY)
                elif order.left > room:
                    order.orig -= order.left - room
                    order.is_cut = True

    def prevent(self, taker: Order, maker: Order) -> None:
        self.perpetuals[taker.symbol].preventions += 1
        loses = [(taker, taker.left)] if taker.stp in (1, 3) else []
        loses += [(maker, maker.left)] if taker.stp in (2, 3) else []
        for order, lots in loses:
            other = maker if order is taker else taker
            order.prevented += lots
            order.status = S.STATUS_EXPIRED_IN_MATCH
            self.tell_order(
                order, X.EXECUTION_TRADE_PREVENTION, trade_id=self.perpetuals[taker.symbol].preventions, last_lots=lots,
                last_price_ticks=maker.price, is_maker=order is maker, counterparty_order_id=other.order_id,
                counterparty_account=other.account,
            )  # fmt: skip
            if order is maker:
                self.close(maker)
