"""Plain twin of the conditional orders of perpetuals, and of what a request sets off: triggers and liquidations."""

from __future__ import annotations

from bot4._core.sim.exchange_types import ExchangeOrderStatus as S
from bot4._core.sim.exchange_types import ExchangeOrderType as T
from bot4._core.sim.exchange_types import ExchangeTimeInForce as F
from bot4._core.sim.exchange_types import ExchangeVerdict as V
from bot4._core.sim.exchange_types import ExecutionReason as R
from bot4._core.sim.exchange_types import ExecutionType as X
from bot4._core.sim.margin_types import AlgoStatus as A
from oracles.sim_margin_matching import MatchingTwin, Order
from oracles.sim_margin_money import BUY, LIQUIDATION, MARK, MAX_TICKS, PROTECT, REDUCE, SELL, Perpetual, ceil_div


class AlgoTwin(MatchingTwin):
    """Orders that wait for a last or a mark price."""

    def __init__(self, perpetuals: list[Perpetual], accounts: int) -> None:
        super().__init__(perpetuals, accounts)
        self.queue: list[Order] = []

    # ---- algo orders

    def watched(self, order: Order) -> tuple[int, int]:
        """The price an algo order waits for as it is, and its stop in the same unit."""
        perpetual = self.perpetuals[order.symbol]
        return (
            (perpetual.mark, order.stop * perpetual.divisions) if order.flags & MARK else (perpetual.last, order.stop)
        )

    def look_for(self, symbol: int, price: int, *, marked: bool) -> None:
        waiting = [order for order in self.algos.values() if order.symbol == symbol and order not in self.queue]
        waiting = [order for order in waiting if bool(order.flags & MARK) == marked]
        for order in waiting:
            if order.trailing:
                self.follow(order, price)
        plain = [order for order in waiting if not order.trailing]
        upwards = [order for order in plain if order.upwards and price >= self.watched(order)[1]]
        downwards = [order for order in plain if not order.upwards and price <= self.watched(order)[1]]
        trailing = [order for order in waiting if order.trailing and self.is_trailed(order, price)]
        upwards.sort(key=lambda order: (order.stop, order.order_id))
        downwards.sort(key=lambda order: (-order.stop, order.order_id))
        trailing.sort(key=lambda order: order.waits_since)
        found = [*upwards, *downwards, *trailing]
        guarded = [order for order in found if order.flags & PROTECT]
        if not self.may_trigger(symbol, self.perpetuals[symbol].last if marked else price):
            guarded = []
        for order in (*(order for order in found if not order.flags & PROTECT), *guarded):
            self.tell_algo(order, A.TRIGGERING)
            self.queue.append(order)

    def may_trigger(self, symbol: int, last: int) -> bool:
        """Whether guarded orders of a symbol may trigger."""
        return self.perpetuals[symbol].is_near(last)

    def follow(self, order: Order, price: int) -> None:
        stop = self.watched(order)[1]
        if not order.extreme:
            if not stop or (price >= stop if order.upwards else price <= stop):
                order.extreme = price
        else:
            order.extreme = (min if order.side == BUY else max)(order.extreme, price)

    def is_trailed(self, order: Order, price: int) -> bool:
        if not order.extreme:
            return False
        if order.side == BUY:
            return price * 10_000 >= order.extreme * (10_000 + order.trailing)
        return price * 10_000 <= order.extreme * (10_000 - order.trailing)

    def settle_queue(self) -> None:
        while True:
            if self.queue:
                self.execute_algo(self.queue.pop(0))
            elif self.suspects:
                account = self.suspects[-1]
                due = self.due(account)
                if due is None:
                    self.look_after(account)
                    self.suspects.pop()
                else:
                    self.liquidate(account, *due)
            else:
                return

    def execute_algo(self, algo: Order) -> None:
        lots = algo.orig or self.reducible(algo)
        if not lots:
            self.end_algo(algo, A.EXPIRED, R.REASON_REDUCE_ONLY)
            return
        self.close(algo)
        row = {
            "account": algo.account, "symbol": algo.symbol, "side": algo.side, "tif": algo.tif, "stp": algo.stp,
            "type": T.TYPE_LIMIT if algo.price else T.TYPE_MARKET, "price_ticks": algo.price, "qty_lots": lots,
            "stop_ticks": algo.stop, "trailing_bips": algo.trailing, "expire_ns": algo.expire_ns,
            "flags": algo.flags & ~(MARK | PROTECT), "client_key": algo.client_key,
        }  # fmt: skip
        if self.key_taken(algo.account, algo.client_key, algos=False):
            row["client_key"] = 0
        order = self.new(row)
        order.algo_id, order.origin = algo.algo_id, algo.type
        verdict = self.fund(order)
        if verdict:
            self.close(order)
            self.last_order -= 1
            reduces = verdict == V.VERDICT_REDUCE_ONLY
            self.tell_algo(algo, A.REJECTED, R.REASON_REDUCE_ONLY if reduces else R.REASON_INSUFFICIENT_BALANCES)
            return
        order.tells_algo = True
        self.tell_algo(order, A.TRIGGERED)
        self.start(order)

    # ---- liquidation

    def liquidate(self, account: int, symbol: int, side: int) -> None:
        holding = self.holdings[account][symbol]
        held, perpetual = holding.positions[side], self.perpetuals[symbol]
        self.cause = R.REASON_CAUSE_LIQUIDATION
        for other in range(len(self.perpetuals)):
            if other == symbol or not (holding.isolated or self.holdings[account][other].isolated):
                for order in self.of(account, other):
                    self.end(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_LIQUIDATION)
                for order in self.of(account, other, algos=True):
                    self.end_algo(order, A.EXPIRED, R.REASON_LIQUIDATION)
        worth, tick = held.entry - self.behind(account, symbol, side), abs(held.lots) * perpetual.atoms
        price = max(ceil_div(worth, tick), 1) if held.lots > 0 else max(-worth // tick, 0)
        if 0 < price <= MAX_TICKS:
            row = dict.fromkeys(("stp", "stop_ticks", "trailing_bips", "expire_ns", "client_key"), 0)
            row |= {"account": account, "symbol": symbol, "side": SELL if held.lots > 0 else BUY, "type": T.TYPE_LIMIT}
            row |= {"tif": F.TIME_IOC, "price_ticks": price, "qty_lots": abs(held.lots), "flags": REDUCE | side << 6}
            order = self.new(row)
            order.origin = LIQUIDATION
            self.start(order)
        if held.lots:
            self.take_over(account, symbol, side)
