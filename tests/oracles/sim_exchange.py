"""Slow twin of the whole exchange: lists and dicts, everything looked up by searching, written from the rules.

`apply` takes a request as a dict and returns (verdict, cancel verdict, order number); `reports` collects tuples in the
order of REPORT_DTYPE. It knows no bound on the log.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import Any

from bot4._core.sim.exchange_types import ExchangeOrderStatus as S
from bot4._core.sim.exchange_types import ExchangeVerdict as V
from bot4._core.sim.exchange_types import ExecutionReason as R
from bot4._core.sim.exchange_types import ExecutionType as X
from bot4._core.sim.exchange_types import RequestKind as K
from oracles import sim_exchange_rules as rules
from oracles.book_order_book import hash_mix
from oracles.sim_exchange_money import AverageTwin, MoneyTwin
from oracles.sim_exchange_rules import BUY, FOK, IOC, LIMIT, LIMIT_MAKER, LOSSES, MARKET, MAX_LOTS, STOPS

WORD = (1 << 64) - 1
NONE, EXPIRE_TAKER, EXPIRE_MAKER, EXPIRE_BOTH, DECREMENT, TRANSFER = range(6)
OPEN = (S.STATUS_NEW, S.STATUS_PARTIALLY_FILLED)
LEG = 9


@dataclass(eq=False)
class Order:
    order_id: int
    client_key: int
    account: int
    symbol: int
    side: int
    type: int
    tif: int
    stp: int
    price: int
    stop: int
    orig: int
    iceberg_lots: int
    trailing: int
    expire_ns: int
    quote_atoms: int
    created_ns: int
    lock_price: int
    executed: int = 0
    prevented: int = 0
    locked: int = 0
    quote: int = 0
    status: int = S.STATUS_NEW
    place: int = 0  # 0 nowhere, 1 book, 2 conditional, 3 pending
    working_ns: int = -1
    amends: int = 0
    shown: int = 0
    queue: int = 0  # place in the queue of its price
    extreme: int = 0
    waits_since: int = 0
    exhausted: bool = False
    list: Any = None
    shares_lock: bool = False

    @property
    def left(self) -> int:
        return self.orig - self.executed - self.prevented

    @property
    def upwards(self) -> bool:
        return (self.type in LOSSES) == (self.side == BUY)

    def __lt__(self, other: Order) -> bool:
        return self.rank < other.rank

    @property
    def rank(self) -> tuple[int, int]:
        return (-self.price if self.side == BUY else self.price, self.queue)


@dataclass
class Symbol:
    base: int
    quote: int
    base_atoms: int
    quote_atoms: int
    rates: tuple[int, int]
    filters: dict[str, Any]
    limits: dict[str, int]
    average: AverageTwin
    stp_modes: tuple[int, ...] = (0, 1, 2, 3, 4)
    status: int = 0
    last: int = 0
    reference: int = 0
    trades: int = 0
    preventions: int = 0
    update_id: int = 0
    book: tuple[list[Order], list[Order]] = field(default_factory=lambda: ([], []))
    waiting: list[Order] = field(default_factory=list)


@dataclass
class Account:
    trade_group: int = -1
    own_rates: tuple[int, int] | None = None
    pays_in_fee_asset: bool = False


@dataclass
class ListTwin:
    list_id: int
    key: int
    kind: int  # 1 OCO, 2 OTO, 3 OTOCO
    account: int
    symbol: int
    legs: list[Order | None]
    resolved: bool = False


class ExchangeTwin:
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

    # ---- reports

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
                *(o.symbol if o else get("symbol", 0), 0, o.account if o else get("account", 0), get("asset", -1)),
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

    # ---- requests

    def of_account(self, account: int, symbol: int | None = None) -> list[Order]:
        return [o for o in self.orders.values() if o.account == account and symbol in (None, o.symbol)]

    def check(self, rows: list[dict[str, int]]) -> int:
        for row in rows:
            if row["symbol"] >= len(self.symbols):
                return V.VERDICT_UNKNOWN_SYMBOL
            if not 0 < row["account"] < len(self.accounts):
                return V.VERDICT_UNKNOWN_ACCOUNT
            if verdict := rules.shape(row, self.symbols[row["symbol"]], self.now):
                return verdict
        for row in rows:
            symbol = self.symbols[row["symbol"]]
            held = sum(self.money.cell(row["account"], symbol.base))
            lots = -(-held // symbol.base_atoms)
            lots += sum(o.left for o in self.of_account(row["account"], row["symbol"]) if o.side == BUY)
            if verdict := rules.filters(row, symbol, self.reference(symbol), lots):
                return verdict
        first = rows[0]
        mine = [joined for joined in self.lists.values() if joined.account == first["account"]]
        return rules.counts(
            rows,
            self.symbols[first["symbol"]],
            self.of_account(first["account"], first["symbol"]),
            self.of_account(first["account"]),
            lists=(sum(joined.symbol == first["symbol"] for joined in mine), len(mine)),
            house=self.house_limits,
        )

    def is_duplicate(self, row: dict[str, int]) -> bool:
        return row["client_key"] != 0 and any(
            order.client_key == row["client_key"] for order in self.of_account(row["account"])
        )

    def reject(self, row: dict[str, int], verdict: int) -> None:
        reason = {
            V.VERDICT_INSUFFICIENT_BALANCE: R.REASON_INSUFFICIENT_BALANCES,
            V.VERDICT_WOULD_TRIGGER: R.REASON_STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY,
            V.VERDICT_WOULD_MATCH: R.REASON_WOULD_MATCH_IMMEDIATELY,
            V.VERDICT_LIST_PRICES: R.REASON_OCO_BAD_PRICES,
        }.get(verdict)
        if reason is not None:
            order = self.open(row)
            del self.orders[order.order_id]
            self.next_id -= 1
            order.order_id, order.status = 0, S.STATUS_REJECTED
            self.report(X.EXECUTION_REJECTED, order, reason)

    def admit(self, row: dict[str, int]) -> tuple[int, int]:
        if self.is_duplicate(row):
            verdict = V.VERDICT_DUPLICATE_ORDER
        else:
            order = self.open(row)
            verdict = self.entry(order) or self.fund([order])
            if not verdict:
                self.start(order)
                self.settle_queue()
                return V.VERDICT_OK, order.order_id
            self.unopen([order])
        self.reject(row, verdict)
        return verdict, 0

    def place(self, row: dict[str, int]) -> tuple[int, int, int]:
        verdict, order_id = self.check([row]), 0
        if not verdict:
            self.cause = row["client_key"]
            verdict, order_id = self.admit(row)
            self.end_request()
        return verdict, 0, order_id

    def check_list(self, rows: list[dict[str, int]]) -> int:
        if verdict := self.check(rows):
            return verdict
        first, keys = rows[0], [row["client_key"] for row in rows if row["client_key"]]
        for place, row in enumerate(rows):
            if (
                (place and row["kind"] != LEG)
                or row["quote_atoms"]
                or ((row["account"], row["symbol"]) != (first["account"], first["symbol"]))
            ):
                return V.VERDICT_BAD_LIST
            if row["client_key"] in [earlier["client_key"] for earlier in rows[:place]] and row["client_key"] in keys:
                return V.VERDICT_DUPLICATE_ORDER
        verdict = V.VERDICT_OK
        if first["kind"] == K.REQUEST_OCO:
            verdict = rules.pair(rows[0], rows[1], self.symbols[first["symbol"]].last)
        elif first["type"] not in (LIMIT, LIMIT_MAKER):
            verdict = V.VERDICT_LIST_TYPES
        elif first["kind"] == K.REQUEST_OTOCO:
            verdict = rules.pair(rows[1], rows[2], 0)
        if not verdict and any(self.is_duplicate(row) for row in rows):
            verdict = V.VERDICT_DUPLICATE_ORDER
        return verdict

    def place_list(self, rows: list[dict[str, int]]) -> list[tuple[int, int, int]]:
        verdict, orders = self.check_list(rows), []
        self.cause = rows[0]["order_id"]
        kind = rows[0]["kind"] - K.REQUEST_OCO + 1
        if not verdict:
            orders = [self.open(row) for row in rows]
            at_once = orders if kind == 1 else orders[:1]
            verdict = next((bad for order in at_once if (bad := self.entry(order))), 0) or self.fund(at_once)
            if verdict:
                self.unopen(orders)
        if verdict:
            for row in rows:
                self.reject(row, verdict)
        else:
            self.join(kind, rows[0]["order_id"], orders)
            self.settle_queue()
        self.end_request()
        return (
            [(verdict, 0, 0 if verdict else order.order_id) for order in orders]
            if not verdict
            else [(verdict, 0, 0)] * len(rows)
        )

    def join(self, kind: int, key: int, orders: list[Order]) -> None:
        self.next_list += 1
        joined = ListTwin(self.next_list, key, kind, orders[0].account, orders[0].symbol, list(orders))
        self.lists[joined.list_id] = joined
        for order in orders:
            order.list = joined
        self.report_list(joined, 1, 0)
        if kind == 1:
            for order in sorted(orders, key=lambda order: order.type not in STOPS):
                self.start(order)
            return
        for order in orders[1:]:
            order.status, order.place = S.STATUS_PENDING_NEW, 3
            self.report(X.EXECUTION_NEW, order)
        self.start(orders[0])

    def find(self, row: dict[str, int]) -> Order | None:
        order = self.orders.get(row["order_id"])
        known = order is not None and (order.account, order.symbol) == (row["account"], row["symbol"])
        return order if known else None

    def check_cancel(self, row: dict[str, int], order: Order | None) -> int:
        if order is None:
            return V.VERDICT_UNKNOWN_ORDER
        if self.symbols[order.symbol].status == 1:
            return V.VERDICT_NOT_TRADING
        if (row["flags"] & 4 and order.executed) or (row["flags"] & 8 and not order.executed):
            return V.VERDICT_CANCEL_RESTRICTED
        return V.VERDICT_OK

    def cancel(self, row: dict[str, int]) -> tuple[int, int, int]:
        order = self.find(row)
        verdict = self.check_cancel(row, order)
        if not verdict:
            self.cause = row["client_key"]
            self.finish(order, X.EXECUTION_CANCELED, S.STATUS_CANCELED)
            self.end_request()
        return verdict, 0, row["order_id"]

    def cancel_all(self, row: dict[str, int]) -> tuple[int, int, int]:
        if row["symbol"] >= len(self.symbols):
            return V.VERDICT_UNKNOWN_SYMBOL, 0, 0
        if not 0 < row["account"] < len(self.accounts):
            return V.VERDICT_UNKNOWN_ACCOUNT, 0, 0
        if not self.of_account(row["account"], row["symbol"]):
            return V.VERDICT_UNKNOWN_ORDER, 0, 0
        if self.symbols[row["symbol"]].status == 1:
            return V.VERDICT_NOT_TRADING, 0, 0
        while mine := self.of_account(row["account"], row["symbol"]):
            self.finish(mine[0], X.EXECUTION_CANCELED, S.STATUS_CANCELED)
        self.end_request()
        return V.VERDICT_OK, 0, 0

    def cancel_replace(self, row: dict[str, int]) -> tuple[int, int, int]:
        if verdict := self.check([row]):
            return verdict, V.VERDICT_NOT_ATTEMPTED, 0
        order = self.find(row)
        cancel_verdict = self.check_cancel(row, order)
        if cancel_verdict and not row["flags"] & 2:
            return V.VERDICT_NOT_ATTEMPTED, cancel_verdict, 0
        self.cause = row["client_key"]
        if not cancel_verdict:
            self.finish(order, X.EXECUTION_CANCELED, S.STATUS_CANCELED)
        verdict, order_id = self.admit(row)
        self.end_request()
        return verdict, cancel_verdict, order_id

    def amend(self, row: dict[str, int]) -> tuple[int, int, int]:
        order, verdict = self.find(row), V.VERDICT_OK
        symbol = self.symbols[row["symbol"]] if row["symbol"] < len(self.symbols) else None
        if order is None:
            verdict = V.VERDICT_UNKNOWN_ORDER
        elif symbol.status == 1:
            verdict = V.VERDICT_NOT_TRADING
        elif order.place != 1 or order.list is not None:
            verdict = V.VERDICT_AMEND_NOT_RESTING
        elif row["qty_lots"] == order.orig:
            verdict = V.VERDICT_NO_CHANGE
        elif not order.executed + order.prevented < row["qty_lots"] < order.orig:
            verdict = V.VERDICT_AMEND_QUANTITY
        elif row["qty_lots"] < symbol.filters.get("min_qty_lots", 0) or (
            row["qty_lots"] % max(symbol.filters.get("qty_step_lots", 1), 1)
        ):
            verdict = V.VERDICT_LOT_SIZE
        elif symbol.limits.get("max_amends") and order.amends >= symbol.limits["max_amends"]:
            verdict = V.VERDICT_MAX_NUM_ORDER_AMENDS
        if not verdict:
            order.orig = row["qty_lots"]
            order.amends += 1
            order.shown = min(order.shown, order.left)
            symbol.update_id += 1
            self.lock(order, self.need(order, order.left))
            self.cause = row["client_key"]
            self.report(X.EXECUTION_REPLACED, order)
            self.end_request()
        return verdict, 0, row["order_id"]

    def advance(self, now_ns: int) -> None:
        while due := [order for order in self.orders.values() if 0 < order.expire_ns <= now_ns]:
            order = min(due, key=lambda order: (order.expire_ns, order.order_id))
            self.now = max(self.now, order.expire_ns)
            self.finish(order, X.EXECUTION_EXPIRED, S.STATUS_EXPIRED, R.REASON_EXCHANGE_CANCELED)
            self.end_request()
        self.now = max(self.now, now_ns)

    def move_funds(self, row: dict[str, int]) -> tuple[int, int, int]:
        out = row["kind"] == K.REQUEST_WITHDRAW
        if not 0 < row["account"] < len(self.accounts):
            return V.VERDICT_UNKNOWN_ACCOUNT, 0, 0
        if row["symbol"] >= self.assets:
            return V.VERDICT_UNKNOWN_ASSET, 0, 0
        after = sum(self.money.cell(row["account"], row["symbol"])) + row["quote_atoms"]
        if not 0 < row["quote_atoms"] < 1 << 90 or (not out and after >= 1 << 90):
            return V.VERDICT_BAD_AMOUNT, 0, 0
        if out and self.money.cell(row["account"], row["symbol"])[0] < row["quote_atoms"]:
            return V.VERDICT_INSUFFICIENT_BALANCE, 0, 0
        self.money.move(row["account"], row["symbol"], -row["quote_atoms"] if out else row["quote_atoms"])
        self.end_request()
        return V.VERDICT_OK, 0, 0

    def apply(self, rows: list[dict[str, int]]) -> list[tuple[int, int, int]]:
        """One request: its row, or the rows of a list. (verdict, cancel verdict, order number) for each."""
        row = rows[0]
        self.advance(row["now_ns"])
        if row["kind"] in (K.REQUEST_OCO, K.REQUEST_OTO, K.REQUEST_OTOCO):
            return self.place_list(rows)
        if row["kind"] == K.REQUEST_ADVANCE:
            return [(V.VERDICT_OK, 0, 0)]
        handlers = {
            K.REQUEST_PLACE: self.place,
            K.REQUEST_CANCEL: self.cancel,
            K.REQUEST_CANCEL_ALL: self.cancel_all,
            K.REQUEST_CANCEL_REPLACE: self.cancel_replace,
            K.REQUEST_AMEND: self.amend,
            K.REQUEST_DEPOSIT: self.move_funds,
            K.REQUEST_WITHDRAW: self.move_funds,
        }
        handler = handlers.get(row["kind"])
        return [(V.VERDICT_BAD_KIND, 0, 0)] if handler is None else [handler(row)]

    # ---- the state

    def depth(self, symbol: int, side: int) -> list[tuple[int, int]]:
        levels: dict[int, int] = {}
        for order in self.symbols[symbol].book[side]:
            levels[order.price] = levels.get(order.price, 0) + order.shown
        return list(levels.items())

    def state_hash(self) -> int:
        hashed = 0
        for account in range(len(self.accounts)):
            for asset in range(self.assets):
                for amount in self.money.cell(account, asset):
                    hashed = hash_mix(hash_mix(hashed, amount & WORD), (amount >> 64) & WORD)
        for word in (self.now, self.next_id, self.next_list):
            hashed = hash_mix(hashed, word)
        for number, symbol in enumerate(self.symbols):
            for word in (self.book_hash(symbol), symbol.last, symbol.trades):
                hashed = hash_mix(hashed, word)
            for account in range(len(self.accounts)):
                for o in self.of_account(account, number):
                    for word in (o.order_id, o.left, o.executed, o.status | o.place << 8 | o.type << 16):
                        hashed = hash_mix(hashed, word)
        return hashed

    def book_hash(self, symbol: Symbol) -> int:
        hashed = symbol.update_id
        for side in (0, 1):
            price = 0
            for order in symbol.book[side]:
                if order.price != price:
                    price = order.price
                    hashed = hash_mix(hashed, price)
                for word in (order.order_id, order.left, order.shown):
                    hashed = hash_mix(hashed, word)
            hashed = hash_mix(hashed, side + 1)
        return hashed
