"""The paper venue's fill models in plain Python: queue position, partial fills, own impact, further latencies."""

from __future__ import annotations

import math
from typing import NamedTuple

from oracles.sim_distributions import DrawsTwin
from oracles.sim_paper import (
    BUY,
    DEPTH_BEGIN,
    DEPTH_LEVEL,
    PLACE,
    QUOTE,
    REDUCE_ONLY,
    SELL,
    VenueTwin,
)

BUYER_IS_MAKER = 8
NOWHERE = (1 << 62) - 1
DICE_STREAM = 1 << 32


class FillMarket(NamedTuple):
    """A market event that knows when the venue made it."""

    kind: int
    side: int
    flags: int
    ts: int
    a: int
    b: int
    c: int
    d: int
    venue: int


class QueueTwin:
    """One order's place at its price; `rule` is ("conservative",) or ("probabilistic", weight, shape)."""

    def __init__(self, rule, lots, stamp):
        self.rule, self.ahead, self.level, self.stamp = rule, lots, lots, stamp
        self.printed, self.before = 0, NOWHERE

    def weight(self, lots):
        _, kind, shape = self.rule
        if kind == "log":
            return math.log1p(shape * lots)
        return float(lots) ** shape

    def on_level(self, lots, stamp, dice):
        standing = max(0, self.level - self.printed)
        cancelled, behind = max(0, standing - lots), max(0, standing - self.ahead)
        self.before = self.ahead
        if self.rule[0] == "probabilistic" and cancelled and self.ahead and behind:
            front, back = self.weight(self.ahead), self.weight(behind)
            if dice.uniform() * (front + back) < front:
                self.ahead = max(0, self.ahead - cancelled)
        self.ahead = min(self.ahead, lots)
        self.level, self.printed, self.stamp = lots, 0, stamp

    def on_print(self, lots, stamp):
        """Lots that reach us."""
        if stamp > self.stamp:
            reached = max(0, lots - self.ahead)
            self.ahead = max(0, self.ahead - lots)
            self.printed += lots
            return reached
        reached = max(0, lots - self.before)
        self.before = max(0, self.before - lots)
        self.ahead = min(self.ahead, self.before)
        return reached


class ImpactTwin:
    """("linear", slope, share), ("power", volatility, daily volume, y, exponent, share) or ("ac", gamma, eta, eps)."""

    def __init__(self, spec, half_life_ns):
        self.spec, self.half_life_ns = spec, half_life_ns
        self.lasting, self.passing, self.now = 0.0, [0.0, 0.0], 0

    def parts(self, lots):
        """(total, permanent) ticks of a trade."""
        kind, *figures = self.spec
        if kind == "linear":
            slope, share = figures
            return slope * lots, share * (slope * lots)
        if kind == "power":
            volatility, volume, y, exponent, share = figures
            ratio = lots / volume
            total = y * volatility * (math.sqrt(ratio) if exponent == 0.5 else ratio**exponent)
            return total, share * total
        gamma, eta, epsilon = figures
        return gamma * lots + epsilon + eta * lots / 1.0, gamma * lots

    def decay(self, now):
        if now > self.now:
            factor = math.exp2(-float(now - self.now) / self.half_life_ns)
            self.passing = [part * factor for part in self.passing]
            self.now = now

    def took(self, side, lots, now):
        self.decay(now)
        total, permanent = self.parts(float(lots))
        self.passing[side] += total - permanent
        self.lasting += permanent if side == BUY else -permanent

    def taker_ticks(self, side, own=0, *, has_depth=False):
        """Own: lots of the taker, which pays their permanent part, and all of it where it has no depth to walk."""
        more = self.passing[side] + (self.parts(float(own))[1 if has_depth else 0] if own else 0.0)
        return _round(self.lasting + more if side == BUY else self.lasting - more)


def _round(value):
    """To the nearest integer, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


class FillsTwin(VenueTwin):
    """VenueTwin with `queue`, `partial` (mean, alpha, beta), `impact` and the latencies of cancels and of the data."""

    def __init__(
        self, rules, *, seed, queue=None, partial=None, impact=None, half_life_ns=1.0, cancel, data, **options
    ):
        super().__init__(rules, seed=seed, **options)
        self.queue_rule, self.partial = queue, partial
        self.impact = ImpactTwin(impact, half_life_ns) if impact else None
        self.cancel_latency, self.data_latency = cancel, data
        self.dice = DrawsTwin(seed, DICE_STREAM)
        self._sides = [0, 0]  # ticks the book sides are moved by, as of the last arrival
        self._age = None  # latency of the data, while an order is submitted
        self.level_stamp = 0
        self.event = None

    # -- latencies

    def submit(self, intent):
        usual = self.latency
        if intent.action == PLACE:
            self._age = self.data_latency
        elif self.cancel_latency is not None:
            self.latency = (self.cancel_latency, usual[1])
        verdict = super().submit(intent)
        self.latency, self._age = usual, None
        return verdict

    def _push(self, line, item, now):
        if line == 0 and self._age is not None:
            way = self.random[0].latency_ns(self.latency[0])
            due = max(now + way + self.dice.latency_ns(self._age), self.last_due[0])
            self.last_due[0] = due
            self.lines[0].append((due, item))
            return due
        return super()._push(line, item, now)

    # -- own impact

    def _market_ticks(self):
        return _round(self.impact.lasting) if self.impact else 0

    def _shift(self, side):
        return self._sides[side]

    def _levels(self, side):
        levels = super()._levels(side)
        shift = self._shift(side)
        return levels and [(price + shift, lots) for price, lots in levels if price + shift >= 1]

    def _place(self, intent, now):
        if self.impact:
            self.impact.decay(now)
            own = {1 - intent.side: intent.qty}
            self._sides = [
                self.impact.taker_ticks(1 - side, own.get(side, 0), has_depth=self.use_book) for side in (BUY, SELL)
            ]
        super()._place(intent, now)

    def _finish(self, intent, left, now):
        super()._finish(intent, left, now)
        if self.orders and self.orders[-1]["id"] == intent.order_id and self.queue_rule:
            order = self.orders[-1]
            price = order["price"] - self._market_ticks()
            order["queue"] = QueueTwin(self.queue_rule, self._lots_at(order["side"], price), self.level_stamp)

    def _took(self, intent, lots, now):
        if self.impact and lots:
            self.impact.took(intent.side, lots, now)

    # -- queue position

    def _lots_at(self, side, price):
        sign = 1 if side == BUY else -1
        if self.use_book:
            book = self.book[side]
            if price in book:
                return book[price]
            return 0 if any(level * sign < price * sign for level in book) else NOWHERE
        if self.quote is None or self.quote[side][1] == 0:
            return NOWHERE
        best, lots = self.quote[side]
        if price == best:
            return lots
        return 0 if price * sign > best * sign else NOWHERE

    def _told(self, side, price, lots, stamp):
        for order in self._own(side):
            if order["price"] == price + self._market_ticks():
                order["queue"].on_level(lots, stamp, self.dice)

    def _see(self, event):
        super()._see(event)
        if not self.queue_rule:
            return
        if event.kind == DEPTH_LEVEL and self.use_book:
            self._told(event.side, event.a, event.b, event.venue)
        elif event.kind == QUOTE and not self.use_book:
            if event.b:
                self._told(BUY, event.a, event.b, event.venue)
            if event.d:
                self._told(SELL, event.c, event.d, event.venue)
        elif not (event.kind == DEPTH_BEGIN and self.use_book):
            return
        self.level_stamp = event.venue

    # -- prints

    def on_event(self, event, now):
        self.event = event
        return super().on_event(event, now)

    def _match_print(self, price, lots, now):
        price += self._market_ticks()
        taker = SELL if self.event.flags & BUYER_IS_MAKER else BUY
        for side in (BUY, SELL):
            for order in self._own(side):
                if not lots or order not in self.orders:
                    continue
                chance = self._chance(order, price, lots, taker)
                if chance:
                    lots -= self._fill_passive(order, chance, now)

    def _chance(self, order, price, lots, taker):
        """Lots of a print that reach an order."""
        beyond = order["price"] > price if order["side"] == BUY else order["price"] < price
        if beyond:
            if "queue" in order:
                order["queue"].ahead = 0
            return lots
        if self.queue_rule and order["price"] == price and order["side"] != taker:
            return order["queue"].on_print(lots, self.event.venue)
        return 0

    def _fill_passive(self, order, chance, now):
        take = min(order["left"], chance)
        if order["flags"] & REDUCE_ONLY:
            take = min(take, self._reducible(order["side"]))
        filled = 0
        for lots in self._split(order, take):
            order["left"] -= lots
            filled += lots
            self._fill(order["id"], order["side"], order["price"], lots, now=now, is_maker=True)
        if not order["left"]:
            self.orders.remove(order)
        if filled:
            self._expire_reduce_only(now)
        return filled

    def _split(self, order, take):
        if not self.partial:
            yield take
            return
        mean, alpha, beta = self.partial
        reserve = 2 * len(self.orders)
        for piece in range(min(32, self.dice.poisson(mean))):
            if not take or (piece and self.capacity[1] - len(self.lines[1]) <= reserve):
                return
            share = max(1, min(order["left"], math.floor(self.dice.beta(alpha, beta) * order["left"] + 0.5)))
            lots = min(share, take)
            take -= lots
            yield lots
