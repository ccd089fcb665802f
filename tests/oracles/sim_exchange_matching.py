"""Slow twin of the exchange, the part below requests: reports, locks, the book, matching, triggers."""

from __future__ import annotations

from bisect import insort

from bot4._core.sim.exchange_types import ExchangeOrderStatus as S
from bot4._core.sim.exchange_types import ExchangeVerdict as V
from bot4._core.sim.exchange_types import ExecutionReason as R
from bot4._core.sim.exchange_types import ExecutionType as X
from oracles.sim_exchange_money import MoneyTwin
from oracles.sim_exchange_parts import (
    DECREMENT,
    EXPIRE_BOTH,
    EXPIRE_MAKER,
    EXPIRE_TAKER,
    NONE,
    OPEN,
    TRANSFER,
    WORD,
    Account,
    ListTwin,
    Order,
    Symbol,
)
from oracles.sim_exchange_rules import BUY, FOK, IOC, MAX_LOTS, STOPS


class MatchingPart:
    """Books and money, without the life of orders and lists: `ExchangeTwin` adds those."""

    def __init__(self) -> None:
        self.money = MoneyTwin()
        self.symbols: list[Symbol] = []
        self.accounts = [Account()]
        self.assets = 0
        self.now = 0
        self.next_id = self.next_list = self.next_queue = 0
        self.orders: dict[int, Order] = {}
        self.lists: dict[int, ListTwin] = {}
        self.queue: list[Order] = []
        self.reports: list[tuple[int, ...]] = []
        self.sequence = 0
        self.cause = 0
        self.house_limits: dict[str, int] = {}

    def report(self, kind: int, order: Order | None = None, reason: int = 0, **more: int) -> None:
        self.sequence += 1
        o, get = order, more.get
        money = [get(name, 0) for name in ("last_quote", "fee", "free", "locked")]
        quotes = [part for amount in [o.quote if o else 0, *money] for part in (amount & WORD, amount >> 64)]
        self.reports.append(
            (
                *(self.sequence, self.now, o.order_id if o else 0, o.client_key if o else get("key", 0)),
                *(o.list.list_id if o and o.list else get("list_id", -1), get("other_id", 0), get("trade_id", -1)),
                *((o.price, o.stop, o.orig, o.executed, o.prevented) if o else (0, 0, 0, 0, 0)),
                *(get("last_lots", 0), get("last_price", 0), *quotes, o.iceberg_lots if o else 0),
                *((o.created_ns, o.working_ns) if o else (0, -1)),
                *(kind, o.side if o else 0, o.type if o else 0, o.tif if o else 0, o.status if o else 0, reason),
                get("is_maker", 0),
                int(o is not None and o.working_ns >= 0 and o.status in OPEN),
                *(o.stp if o else 0, get("list_kind", 0), get("list_status", 0), get("list_order_status", 0)),
                *(o.symbol if o else get("symbol", 0), 0, 0, o.account if o else get("account", 0), get("asset", -1)),
                *(o.trailing if o else 0, get("other_account", -1), self.cause),
            )
        )

    def report_list(self, joined: ListTwin, status: int, order_status: int) -> None:
        self.report(
            X.EXECUTION_LIST_STATUS,
            list_id=joined.list_id,
            key=joined.key,
            account=joined.account,
            symbol=joined.symbol,
            list_kind=joined.kind,
            list_status=status,
            list_order_status=order_status,
        )

    def end_request(self) -> None:
        for account, asset in self.money.touched:
            free, locked = self.money.cell(account, asset)
            self.report(X.EXECUTION_BALANCE, account=account, asset=asset, free=free, locked=locked)
        self.money.touched = {}
        self.cause = 0

    # ---- money of orders

    def need(self, order: Order, lots: int) -> int:
        symbol = self.symbols[order.symbol]
        return lots * (order.lock_price * symbol.quote_atoms if order.side == BUY else symbol.base_atoms)

    def lock(self, order: Order, atoms: int) -> bool:
        symbol = self.symbols[order.symbol]
        asset = symbol.quote if order.side == BUY else symbol.base
        more = atoms - order.locked
        if more > self.money.cell(order.account, asset)[0]:
            return False
        if more:
            self.money.move(order.account, asset, -more, more)
        order.locked = atoms
        return True

    def settle(self, order: Order, lots: int, quote: int, is_maker: int) -> tuple[int, int]:
        symbol, base = self.symbols[order.symbol], lots * self.symbols[order.symbol].base_atoms
        given, pays, taken, gets = (symbol.quote, quote, symbol.base, base)
        if order.side != BUY:
            given, pays, taken, gets = (symbol.base, base, symbol.quote, quote)
        self.money.move(order.account, given, 0, -pays)
        order.locked -= pays
        if order.lock_price or order.side != BUY:
            assert self.lock(order, self.need(order, order.left))
        held = self.accounts[order.account]
        fee, asset, from_free = self.money.fee(
            self.symbols, symbol, order, held, is_maker=is_maker, lots=lots, quote=quote, now_ns=self.now
        )
        self.money.move(order.account, taken, gets if from_free else gets - fee)
        if from_free:
            self.money.move(order.account, asset, -fee)
        if fee:
            self.money.move(0, asset, fee)
        self.money.count_volume(self.symbols, symbol, order.account, quote, self.now)
        order.quote += quote
        return fee, asset

    # ---- the book

    def best(self, symbol: Symbol, side: int) -> int:
        return symbol.book[side][0].price if symbol.book[side] else 0

    def to_queue(self, symbol: Symbol, order: Order) -> None:
        self.next_queue += 1
        order.queue = self.next_queue
        order.shown = min(order.iceberg_lots or order.left, order.left)
        insort(symbol.book[order.side], order)

    def rest(self, order: Order) -> None:
        symbol = self.symbols[order.symbol]
        self.to_queue(symbol, order)
        order.place = 1
        symbol.update_id += 1

    def leave_book(self, order: Order) -> None:
        symbol = self.symbols[order.symbol]
        symbol.book[order.side].remove(order)
        symbol.update_id += 1

    def is_same_trader(self, taker: Order, maker: Order) -> bool:
        groups = [self.accounts[order.account].trade_group for order in (taker, maker)]
        return taker.stp != NONE and (taker.account == maker.account or (groups[0] == groups[1] and groups[0] >= 0))

    def hands_over(self, taker: Order, maker: Order) -> bool:
        return taker.stp == maker.stp == TRANSFER and taker.account != maker.account

    def hand_over(self, order: Order, lots: int, quote: int) -> None:
        symbol, base = self.symbols[order.symbol], lots * self.symbols[order.symbol].base_atoms
        buys = order.side == BUY
        given, pays, taken, gets = (symbol.quote, quote, symbol.base, base)
        if not buys:
            given, pays, taken, gets = (symbol.base, base, symbol.quote, quote)
        self.money.move(order.account, given, 0, -pays)
        order.locked -= pays
        self.money.move(order.account, taken, gets)

    def losses(self, stp: int, taker_left: int, maker_left: int) -> tuple[int, int]:
        both = min(taker_left, maker_left)
        return {
            EXPIRE_TAKER: (taker_left, 0),
            EXPIRE_MAKER: (0, maker_left),
            EXPIRE_BOTH: (taker_left, maker_left),
            DECREMENT: (both, both),
            TRANSFER: (both, both),
        }[stp]

    def limits_of(self, order: Order) -> tuple[int, int]:
        """Worst price of an order's own, and the bound of the price range rule; 0: any."""
        symbol = self.symbols[order.symbol]
        ppm = symbol.limits.get("range_up_ppm" if order.side == BUY else "range_down_ppm", 0)
        reference = self.reference(symbol)
        if not ppm or not reference:
            return order.price, 0
        exact = reference * ppm
        return order.price, max(exact // 10**6 if order.side == BUY else -(-exact // 10**6), 1)

    def accepts(self, order: Order, limits: tuple[int, int], price: int) -> bool:
        return all(not limit or (price <= limit if order.side == BUY else price >= limit) for limit in limits)

    def plan(self, order: Order, lots: int, budget: int | None = None) -> tuple[int, int, int, bool]:
        """Lots, prevented lots and sum of price x lots that a taker would get; whether the book ends first."""
        limits, left, got, prevented, cost = self.limits_of(order), lots, 0, 0, 0
        for maker in self.symbols[order.symbol].book[1 - order.side]:
            if left == 0 or not self.accepts(order, limits, maker.price):
                break
            if self.is_same_trader(order, maker):
                taken, _ = self.losses(order.stp, left, maker.left)
                if self.hands_over(order, maker):
                    affordable = taken if budget is None else (budget - cost) // maker.price
                    if affordable < taken:
                        taken = left = affordable
                    cost += taken * maker.price
                left, prevented = left - taken, prevented + taken
                continue
            most = min(left, maker.left)
            if budget is not None:
                affordable = min((budget - cost) // maker.price, MAX_LOTS)
                if affordable < most:
                    most = left = affordable
            got, cost, left = got + most, cost + most * maker.price, left - most
        return got, prevented, cost, left > 0

    def fund_market(self, order: Order) -> int:
        symbol = self.symbols[order.symbol]
        if order.quote_atoms and not order.orig:
            budget = order.quote_atoms // symbol.quote_atoms
            if budget == 0:
                return V.VERDICT_LIQUIDITY_BELOW_LOT
            lots, prevented, cost, exhausted = self.plan(order, MAX_LOTS, budget)
            lots -= lots % max(symbol.filters.get("qty_step_lots", 0), 1)
            lots += prevented if prevented < MAX_LOTS - lots else 0
            if lots < max(symbol.filters.get("min_qty_lots", 0), 1):
                return V.VERDICT_LIQUIDITY_BELOW_LOT
            order.orig, order.exhausted = lots, exhausted
        else:
            _, _, cost, _ = self.plan(order, order.left)
        if order.side == BUY:
            order.lock_price = 0
            need = cost * symbol.quote_atoms
        else:
            need = self.need(order, order.orig)
        return V.VERDICT_OK if self.lock(order, need) else V.VERDICT_INSUFFICIENT_BALANCE

    def reference(self, symbol: Symbol) -> int:
        return symbol.reference or symbol.average.ticks(self.now) or symbol.last

    # ---- matching

    def execute(self, order: Order) -> None:
        symbol = self.symbols[order.symbol]
        limits, makers, prices = self.limits_of(order), symbol.book[1 - order.side], []
        if order.tif == FOK and self.plan(order, order.left)[0] != order.left:
            self.finish(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_UNFILLED_FOK_ORDER_EXPIRED)
            return
        while order.left and makers and self.accepts(order, limits, makers[0].price):
            maker = makers[0]
            if self.is_same_trader(order, maker):
                self.prevent(order, maker)
                continue
            prices.append(maker.price)
            self.trade(order, maker)
        out_of_range = bool(
            order.left
            and makers
            and limits[1]
            and not self.accepts(order, limits, makers[0].price)
            and self.accepts(order, (limits[0], 0), makers[0].price)
        )
        self.end_of_taker(order, out_of_range)
        for price in dict.fromkeys(prices[:1] + prices[-1:]):
            self.trigger(symbol, price)

    def trade(self, taker: Order, maker: Order) -> None:
        symbol = self.symbols[taker.symbol]
        lots = min(taker.left, maker.shown)
        quote = lots * maker.price * symbol.quote_atoms
        self.fill_in_book(symbol, maker, lots)
        self.leg_started(maker)
        symbol.trades += 1
        for order, other, is_maker in ((taker, maker, 0), (maker, taker, 1)):
            order.executed += lots
            order.status = S.STATUS_PARTIALLY_FILLED if order.left else S.STATUS_FILLED
            fee, asset = self.settle(order, lots, quote, is_maker)
            self.report(
                X.EXECUTION_TRADE, order, trade_id=symbol.trades, last_lots=lots, last_price=maker.price, fee=fee,
                last_quote=quote, asset=asset, is_maker=is_maker, other_id=other.order_id, other_account=other.account,
            )  # fmt: skip
        symbol.average.trade(self.now, maker.price, lots)
        symbol.last = maker.price
        if maker.left == 0:
            self.finish_used(maker)

    def fill_in_book(self, symbol: Symbol, maker: Order, lots: int) -> None:
        """Take traded lots off the shown part; an empty part gives up its place."""
        symbol.update_id += 1
        maker.shown -= lots
        if maker.left == lots:
            symbol.book[maker.side].remove(maker)
            maker.place = 0
        elif maker.shown == 0:
            symbol.book[maker.side].remove(maker)
            self.next_queue += 1
            maker.queue = self.next_queue
            maker.shown = min(maker.iceberg_lots, maker.left - lots)
            insort(symbol.book[maker.side], maker)

    def prevent(self, taker: Order, maker: Order) -> None:
        symbol = self.symbols[taker.symbol]
        taker_lots, maker_lots = self.losses(taker.stp, taker.left, maker.left)
        if maker_lots == maker.left:
            self.leave_book(maker)
            maker.place = 0
        elif maker_lots:
            maker.shown = min(maker.shown, maker.left - maker_lots)
            symbol.update_id += 1
        symbol.preventions += 1
        quote = taker_lots * maker.price * symbol.quote_atoms if self.hands_over(taker, maker) else 0
        for order, other, lots, is_maker in ((taker, maker, taker_lots, 0), (maker, taker, maker_lots, 1)):
            if not lots:
                continue
            if is_maker:
                self.leg_started(maker)
            order.prevented += lots
            if order.left == 0:
                order.status = S.STATUS_EXPIRED_IN_MATCH
            if quote:
                self.hand_over(order, lots, quote)
            if order.lock_price or order.side != BUY:
                self.lock(order, self.need(order, order.left))
            self.report(
                X.EXECUTION_TRADE_PREVENTION, order, trade_id=symbol.preventions, last_lots=lots,
                last_quote=quote,
                last_price=maker.price, is_maker=is_maker, other_id=other.order_id, other_account=other.account,
            )  # fmt: skip
        if maker.left == 0:
            self.finish_used(maker)

    def end_of_taker(self, order: Order, out_of_range: bool) -> None:  # noqa: FBT001 - one of two facts
        reason = 0
        if order.left == 0:
            if order.status == S.STATUS_FILLED and order.exhausted:
                self.finish(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_INSUFFICIENT_LIQUIDITY)
            else:
                self.finish_used(order)
            return
        if out_of_range and order.tif != IOC:
            reason = R.REASON_EXECUTION_RULE_PRICE_RANGE_EXCEEDED
        elif order.price == 0:
            reason = R.REASON_INSUFFICIENT_LIQUIDITY
        elif order.tif == IOC:
            reason = R.REASON_UNFILLED_IOC_QUANTITY_EXPIRED
        elif order.tif == FOK:
            reason = R.REASON_UNFILLED_FOK_ORDER_EXPIRED
        if reason:
            self.finish(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, reason)
        else:
            self.rest(order)

    # ---- waiting orders

    def trigger(self, symbol: Symbol, price: int) -> None:
        for order in symbol.waiting:
            if order.trailing:
                if order.extreme == 0:
                    reached = price >= order.stop if order.upwards else price <= order.stop
                    order.extreme = price if order.stop == 0 or reached else 0
                else:
                    order.extreme = (min if order.side == BUY else max)(order.extreme, price)
        while True:
            due = [order for order in symbol.waiting if self.is_due(order, price)]
            if not due:
                return
            order = min(due, key=self.trigger_rank)
            symbol.waiting.remove(order)
            order.place, order.working_ns = 0, self.now
            self.leg_started(order)
            self.report(X.EXECUTION_NEW, order)
            self.queue.append(order)

    def is_due(self, order: Order, price: int) -> bool:
        if not order.trailing:
            return price >= order.stop if order.upwards else price <= order.stop
        if order.extreme == 0:
            return False
        bound = order.extreme * (10_000 + (order.trailing if order.side == BUY else -order.trailing))
        return price * 10_000 >= bound if order.side == BUY else price * 10_000 <= bound

    def trigger_rank(self, order: Order) -> tuple[int, int, int]:
        if order.trailing:
            return (2, order.waits_since, 0)
        return (0, order.stop, order.order_id) if order.upwards else (1, -order.stop, order.order_id)

    def settle_queue(self) -> None:
        while self.queue:
            order = self.queue.pop(0)
            if order.status == S.STATUS_PENDING_NEW:
                self.activate(order)
            elif order.price == 0 and not (self.lock(order, 0) and self.fund_market(order) == V.VERDICT_OK):
                self.finish(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_REJECTED)
            else:
                self.execute(order)

    def activate(self, order: Order) -> None:
        legs = order.list.legs[1:] if order.list.kind == 3 else [order]
        verdicts = [self.entry(leg) for leg in legs]
        verdict = next((bad for bad in verdicts if bad), 0) or self.fund(legs)
        if verdict:
            self.finish(legs[0], X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_REJECTED)
            return
        for leg in sorted(legs, key=lambda leg: leg.type not in STOPS):
            self.start(leg)
