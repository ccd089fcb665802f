"""The paper venue in plain Python: lists that are sorted and searched, no structure shared with the compiled one."""

from __future__ import annotations

from math import ceil, inf
from typing import NamedTuple

from oracles.sim_rng import RandomTwin

BUY, SELL = 0, 1
PLACE, CANCEL, CANCEL_ALL = 0, 1, 2
LIMIT, MARKET = 0, 1
GTC, IOC, FOK = 0, 1, 2
POST_ONLY, REDUCE_ONLY = 1, 2
DEPTH_BEGIN, DEPTH_LEVEL, TRADE, AGG_TRADE, QUOTE = 1, 2, 3, 4, 5
LAST, SNAPSHOT, MAKER = 2, 4, 128
ACK, FILL, CANCELED, REJECTED, EXPIRED, CANCEL_REJECTED = 16, 17, 18, 19, 20, 21

IN_FLIGHT_FULL, BAD_ORDER, NO_MARKET, DUPLICATE_ID, SELF_TRADE, WOULD_CROSS = 1, 2, 5, 6, 7, 8
NOTHING_TO_REDUCE, NO_LIQUIDITY, TOO_MANY_ORDERS = 9, 10, 11
IOC_REMAINDER, FOK_UNFILLED, MARKET_REMAINDER, UNKNOWN_ORDER = 12, 13, 14, 15


class Intent(NamedTuple):
    order_id: int
    action: int
    side: int
    type: int
    tif: int
    flags: int
    price: int
    qty: int
    ts: int


class Market(NamedTuple):
    kind: int
    side: int
    flags: int
    ts: int
    a: int
    b: int
    c: int
    d: int


class Report(NamedTuple):
    kind: int
    side: int
    flags: int
    reason: int
    venue_ns: int
    recv_ns: int
    order_id: int
    price: int
    qty: int
    trade_id: int
    fee: int


class VenueTwin:
    """One instrument; `rules` gives values in atoms, rates are fractions."""

    def __init__(
        self,
        rules,
        *,
        maker,
        taker,
        seed,
        submit,
        report,
        max_open,
        max_flight,
        max_levels,
        max_taken,
        half_spread,
        use_book,
    ):
        self.rules, self.rates = rules, (maker, taker)
        self.latency = (submit, report)
        self.random = (RandomTwin(seed, 0), RandomTwin(seed, 1))
        self.max_open, self.max_flight = max_open, max_flight
        self.max_levels, self.max_taken, self.half_spread = max_levels, max_taken, half_spread
        self.room = max_levels + max_open + 2
        self.capacity = (1 << (2 * max_flight - 1).bit_length(), 1 << (2 * self.room - 1).bit_length())
        self.use_book = use_book
        self.book = ({}, {})
        self.taken = ({}, {})
        self.quote = None
        self.last = None
        self.lines = ([], [])
        self.last_due = [0, 0]
        self.orders = []
        self.position = 0
        self.trades = 0
        self.print_kind = None
        self.fees = [0, 0]
        self.clock = 0

    # -- the two ordered connections

    def _push(self, line, item, now):
        due = max(now + self.random[line].latency_ns(self.latency[line]), self.last_due[line])
        self.last_due[line] = due
        self.lines[line].append((due, item))
        return due

    def _say(self, kind, now, order_id, side, price, qty, *, reason=0, flags=0, trade_id=-1, fee=0):  # noqa: PLR0917
        self._push(1, None, now)
        due = self.lines[1][-1][0]
        report = Report(kind, side, flags | 3, reason, now, due, order_id, price, qty, trade_id, fee)
        self.lines[1][-1] = (due, report)

    def submit(self, intent):
        placing = intent.action == PLACE
        post_only = intent.flags & POST_ONLY
        if placing and (
            intent.qty <= 0
            or (intent.type == LIMIT and intent.price <= 0)
            or (post_only and (intent.type != LIMIT or intent.tif != GTC))
        ):
            return BAD_ORDER
        if len(self.lines[0]) >= (self.max_flight if placing else self.capacity[0]):
            return IN_FLIGHT_FULL
        self._push(0, intent, intent.ts)
        return 0

    # -- the market as a taker meets it

    def _levels(self, side):
        """[price, displayed] best first, or None where there is no market."""
        sign = -1 if side == BUY else 1
        if self.use_book:
            bids, asks = self.book
            crossed = bids and asks and max(bids) >= min(asks)
            if crossed or not (bids or asks):
                return None
            return sorted(self.book[side].items(), key=lambda level: sign * level[0])[: self.max_levels]
        if self.quote is not None:
            (bid, bid_qty), (ask, ask_qty) = self.quote
            if bid_qty and ask_qty and bid >= ask:
                return None
            level = self.quote[side]
            return [level] if level[0] > 0 and level[1] > 0 else []
        if self.half_spread >= 0 and self.last is not None:
            price = self.last[0] + sign * self.half_spread
            return [(price, self.last[1])] if price > 0 and self.last[1] > 0 else []
        return None

    def _available(self, side, levels):
        taken = self.taken[side]
        shown = dict(levels)
        for price in list(taken):
            here = price + self._shift(side)
            hidden = len(levels) == self.max_levels and (levels[-1][0] - here) * (1 if side == BUY else -1) > 0
            if not hidden and shown.get(here) != taken[price][0]:
                del taken[price]
        own = {price + self._shift(side): lots for price, (_, lots) in taken.items()}
        return [(price, displayed - own.get(price, 0)) for price, displayed in levels]

    def _shift(self, _side):  # ticks that own impact has moved a book side by
        return 0

    def _took(self, intent, lots, now): ...

    def _see(self, event):
        if event.kind == DEPTH_LEVEL:
            remembered = self.taken[event.side].get(event.a)
            if remembered and remembered[0] != event.b:
                del self.taken[event.side][event.a]
        elif event.kind == QUOTE:
            quote = ((event.a, event.b), (event.c, event.d))
            before = self.quote or ((0, 0), (0, 0))
            for side in (BUY, SELL):
                if not self.use_book and quote[side] != before[side]:
                    self.taken[side].clear()
            self.quote = quote
        elif event.kind in (TRADE, AGG_TRADE):
            self.last = (event.a, event.b)
            if not self.use_book and self.quote is None:
                self.taken[0].clear()
                self.taken[1].clear()

    # -- matching

    def _fill(self, order_id, side, price, qty, *, now, is_maker):
        self.trades += 1
        self.position += qty if side == BUY else -qty
        fee = ceil(self.rules.value(price, qty) * self.rates[0 if is_maker else 1])
        self.fees[0 if is_maker else 1] += fee
        self._say(FILL, now, order_id, side, price, qty, flags=MAKER if is_maker else 0, trade_id=self.trades, fee=fee)

    def _reducible(self, side):
        return max(0, self.position if side == SELL else -self.position)

    def _own(self, side):
        """Own orders of a side, best price first, then in the order they came."""
        own = [order for order in self.orders if order["side"] == side]
        return sorted(own, key=lambda order: -order["price"] if side == BUY else order["price"])

    def _close(self, order, kind, now, reason=0):
        self.orders.remove(order)
        self._say(kind, now, order["id"], order["side"], order["price"], order["left"], reason=reason)

    def _expire_reduce_only(self, now):
        for side in (BUY, SELL):
            if self._reducible(side) == 0:
                for order in self._own(side):
                    if order["flags"] & REDUCE_ONLY:
                        self._close(order, EXPIRED, now, reason=NOTHING_TO_REDUCE)

    @staticmethod
    def _reaches(intent, price):
        """Whether the order trades at a price of the other side."""
        return intent.type == MARKET or (price <= intent.price if intent.side == BUY else price >= intent.price)

    def _check(self, intent):
        """(reason, fills) of an arriving order."""
        levels = self._levels(1 - intent.side)
        for check in (self._check_id, self._check_market, self._check_self_trade, self._check_flags):
            reason = check(intent, levels)
            if reason:
                return reason, []
        fills, wanted = self._walk(intent, levels)
        left = wanted - sum(lots for _, lots in fills)
        if intent.type == MARKET and not fills:
            return NO_LIQUIDITY, []
        if intent.type == LIMIT and intent.tif == GTC and left and len(self.orders) >= self.max_open:
            return TOO_MANY_ORDERS, []
        return 0, fills

    def _check_id(self, intent, _levels):
        return DUPLICATE_ID if any(order["id"] == intent.order_id for order in self.orders) else 0

    def _check_market(self, _intent, levels):
        return NO_MARKET if levels is None else 0

    def _check_self_trade(self, intent, levels):
        side = intent.side
        available = self._available(1 - side, levels)
        opposite = self._own(1 - side)
        if opposite and self._reaches(intent, opposite[0]["price"]):
            own = opposite[0]["price"]
            better = sum(lots for price, lots in available if (price < own if side == BUY else price > own))
            if better < intent.qty:
                return SELF_TRADE
        return 0

    def _wanted(self, intent):
        return min(intent.qty, self._reducible(intent.side)) if intent.flags & REDUCE_ONLY else intent.qty

    def _check_flags(self, intent, levels):
        if intent.flags & POST_ONLY and levels and self._reaches(intent, levels[0][0]):
            return WOULD_CROSS
        wanted = self._wanted(intent)
        if wanted == 0 or (wanted < intent.qty and intent.tif == FOK):
            return NOTHING_TO_REDUCE
        return 0

    def _walk(self, intent, levels):
        """Fills of the order, and how much it wanted."""
        side, wanted = intent.side, self._wanted(intent)
        fills, left, room = [], wanted, self.max_taken - len(self.taken[1 - side])
        for price, lots in self._available(1 - side, levels):
            if not left or not self._reaches(intent, price):
                break
            if lots <= 0:
                continue
            if price - self._shift(1 - side) not in self.taken[1 - side]:
                if room == 0:
                    break
                room -= 1
            fills.append((price, min(lots, left)))
            left -= min(lots, left)
        return fills, wanted

    def _place(self, intent, now):
        reason, fills = self._check(intent)
        side = intent.side
        if reason:
            self._say(REJECTED, now, intent.order_id, side, intent.price, intent.qty, reason=reason)
            return
        self._say(ACK, now, intent.order_id, side, intent.price, intent.qty)
        if intent.tif == FOK and sum(lots for _, lots in fills) < intent.qty:
            fills = []
        shown = dict(self._levels(1 - side))
        for price, lots in fills:
            entry = self.taken[1 - side].setdefault(price - self._shift(1 - side), [shown[price], 0])
            entry[1] += lots
            self._fill(intent.order_id, side, price, lots, now=now, is_maker=False)
        left = intent.qty - sum(lots for _, lots in fills)
        self._took(intent, intent.qty - left, now)
        if left:
            self._finish(intent, left, now)
        if fills:
            self._expire_reduce_only(now)

    def _finish(self, intent, left, now):
        if intent.flags & REDUCE_ONLY and self._reducible(intent.side) == 0:
            reason = NOTHING_TO_REDUCE
        elif intent.tif == FOK:
            reason = FOK_UNFILLED
        elif intent.type == MARKET:
            reason = MARKET_REMAINDER
        elif intent.tif == IOC:
            reason = IOC_REMAINDER
        else:
            self.orders.append(
                {"id": intent.order_id, "side": intent.side, "price": intent.price, "left": left, "flags": intent.flags}
            )
            return
        self._say(EXPIRED, now, intent.order_id, intent.side, intent.price, left, reason=reason)

    def _cancel(self, intent, now):
        if intent.action == CANCEL_ALL:
            for order in self._own(BUY) + self._own(SELL):
                self._close(order, CANCELED, now)
            return
        for order in [order for order in self.orders if order["id"] == intent.order_id]:
            self._close(order, CANCELED, now)
            return
        self._say(CANCEL_REJECTED, now, intent.order_id, intent.side, 0, 0, reason=UNKNOWN_ORDER)

    def _match_print(self, price, lots, now):
        for side in (BUY, SELL):
            while lots:
                through = [o for o in self._own(side) if (o["price"] > price if side == BUY else o["price"] < price)]
                if not through:
                    break
                order = through[0]
                take = min(order["left"], lots)
                if order["flags"] & REDUCE_ONLY:
                    take = min(take, self._reducible(side))
                order["left"] -= take
                lots -= take
                self._fill(order["id"], side, order["price"], take, now=now, is_maker=True)
                if not order["left"]:
                    self.orders.remove(order)
                self._expire_reduce_only(now)

    # -- time

    def on_event(self, event, now):
        """Reports due by now."""
        if event is not None:
            self._see(event)
        depth = event is not None and event.kind in (DEPTH_BEGIN, DEPTH_LEVEL)
        if not (depth and self.use_book and not event.flags & LAST):
            while self.lines[0] and self.lines[0][0][0] <= now:
                if self.capacity[1] - len(self.lines[1]) < self.room:
                    break
                intent = self.lines[0].pop(0)[1]
                (self._place if intent.action == PLACE else self._cancel)(intent, now)
            if event is not None and event.kind in (TRADE, AGG_TRADE):
                self.print_kind = self.print_kind or event.kind
                room = self.capacity[1] - len(self.lines[1]) >= 2 * len(self.orders)
                if event.kind == self.print_kind and room:
                    self._match_print(event.a, event.b, now)
        out = []
        while self.lines[1] and self.lines[1][0][0] <= now:
            out.append(self.lines[1].pop(0)[1])
        return out

    def _next_due(self):
        lines = self.lines[1:] if self.capacity[1] - len(self.lines[1]) < self.room else self.lines
        return min((line[0][0] for line in lines if line), default=inf)

    def replay(self, events, intents):
        """(reports, verdicts) of market events and intents merged by time."""
        reports, verdicts, waiting = [], [], list(intents)
        for event in [*events, None]:
            limit = event.ts if event is not None else inf
            while True:
                due = self._next_due()
                if waiting and waiting[0].ts < limit and waiting[0].ts < due:
                    verdicts.append(self.submit(waiting.pop(0)))
                elif due < limit:
                    self.clock = max(self.clock, due)
                    reports += self.on_event(None, self.clock)
                else:
                    break
            if event is None:
                break
            self._update_book(event)
            self.clock = max(self.clock, event.ts)
            reports += self.on_event(event, self.clock)
        return reports, verdicts

    def _update_book(self, event):
        if not self.use_book:
            return
        if event.kind == DEPTH_BEGIN and event.flags & SNAPSHOT:
            self.book[0].clear()
            self.book[1].clear()
        elif event.kind == DEPTH_LEVEL:
            if event.b:
                self.book[event.side][event.a] = event.b
            else:
                self.book[event.side].pop(event.a, None)
