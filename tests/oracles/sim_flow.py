"""The order-flow generator in plain Python: lists and a heapq; the exchange it trades on is the compiled one."""

from __future__ import annotations

import heapq
import math
from collections import Counter

from oracles.sim_distributions import DrawsTwin

BUY, SELL = 0, 1
LIMIT, MARKET = 0, 1
GTC, IOC = 0, 1
UNKNOWN_ORDER = 70
NOBODY = -1.0


class FlowTwin:
    """`values` are the keyword arguments of FlowParameters; the rest those of Flow."""

    def __init__(self, exchange, values, *, symbol, seed, bid, makers, taker, start, max_orders, scales=(1.0, 1.0),
                 steps=(1, 1), bounds=(1, 1 << 40)):  # fmt: skip
        self.exchange, self.values, self.symbol = exchange, values, symbol
        self.dice = DrawsTwin(seed, symbol)
        self.makers, self.taker, self.max_orders = list(makers), taker, max_orders
        self.price_scale, self.size_scale = scales
        self.price_step, self.qty_step = steps
        self.least, self.most = bounds
        self.bid, self.ask = bid, bid + self.price_step
        self.floor = max(self.price_step, bid // 16 // self.price_step * self.price_step)
        self.ceiling = bid * 16
        self.now = self.clock = start  # the clock is the exchange's: others may have moved it
        self.orders, self.todo, self.counts = [], [], Counter()
        self.may_be_bare = True
        self.regime = self.taker_side = 0
        for side in (BUY, SELL):
            for bucket in range(20):
                wanted = min(1024.0, values["adds_per_s"][bucket] * values["life_s"][bucket])
                for _ in range(self.dice.poisson(wanted)):
                    self.add(side, bucket)
        self.draw_next()

    # -- draws

    def quantile(self, table):
        place = self.dice.uniform() * 64
        low, high = table[int(place)], table[int(place) + 1]
        part = place - int(place)
        return low + (high - low) * part if low <= 0 else low * math.exp(math.log(high / low) * part)

    def whole(self, value, step):
        return math.floor(value / step + self.dice.uniform()) * step

    def size(self, drawn):
        scaled = drawn * self.size_scale
        if scaled >= self.most:
            return self.most
        return max(self.least, self.whole(scaled, self.qty_step))

    # -- requests of a step

    def add(self, side, bucket):
        distance = 0
        if bucket:
            distance = (1 << (bucket - 1)) + self.dice.below(1 << (bucket - 1))
            distance = self.whole(distance * self.price_scale, self.price_step)
        price = self.bid - distance if side == BUY else self.ask + distance
        if price < self.price_step:
            return
        if len(self.orders) + len(self.todo) >= self.max_orders:
            self.counts["full"] += 1
            return
        maker = self.makers[self.dice.below(len(self.makers))]
        life = self.dice.exponential(self.values["life_s"][bucket])
        lots = self.size(self.dice.lognormal(self.values["add_mu"][bucket], self.values["add_sigma"][bucket]))
        self.todo.append(("place", maker, side, LIMIT, GTC, price, lots, life))
        self.counts["adds"] += 1

    def take(self):
        if self.dice.uniform() >= self.values["taker_persistence"]:
            self.taker_side = 1 - self.taker_side
        lots = self.size(self.quantile(self.values["taker_size"]))
        self.todo.append(("place", self.taker, self.taker_side, MARKET, GTC, 0, lots, NOBODY))
        self.counts["takers"] += 1

    def move(self):
        place = self.dice.uniform()
        jump = self.whole(0.5 * self.quantile(self.values["move_size"]) * self.price_scale, self.price_step)
        follows = self.dice.uniform() < self.values["move_follows"]
        if follows == (self.taker_side == SELL):
            jump = -jump
        for way in (jump, -jump, 0):
            jump = way
            if self.floor <= self.bid + jump <= self.ceiling:
                break
        total, chosen = 0.0, self.values["spreads"][-1][0]
        shares = sum(share for _, share in self.values["spreads"])
        for ticks, share in self.values["spreads"][:-1]:
            total += share
            if place < total / shares:
                chosen = ticks
                break
        spread = max(self.price_step, self.whole(chosen * self.price_scale, self.price_step))
        self.bid += jump
        self.ask = self.bid + spread
        self.counts["moves"] += 1
        self.pull(BUY)
        self.pull(SELL)

    def open_orders(self):
        """Every order on the symbol: (side, price, number, account, lots left)."""
        return [
            (int(row["side"]), int(row["price_ticks"]), int(row["order_id"]), account,
             int(row["orig_lots"] - row["executed_lots"]))
            for account in range(1, max(self.taker, *self.makers) + 2)
            for row in self.exchange.open_orders(account, self.symbol)
        ]  # fmt: skip

    def pull(self, side):
        sign = -1 if side == BUY else 1
        passed = [
            order for order in self.open_orders()
            if order[0] == side and (order[1] > self.bid if side == BUY else order[1] < self.ask)
        ]  # fmt: skip
        others = 0
        # Best price first, then the order of arrival, which is that of the numbers.
        for _, _, number, account, left in sorted(passed, key=lambda order: (sign * order[1], order[2])):
            if account in self.makers:
                self.todo.append(("cancel", account, number))
                self.counts["pulls"] += 1
            else:
                others += left
        if others:
            price = self.ask - self.price_step if side == SELL else self.bid + self.price_step
            self.todo.append(("place", self.taker, 1 - side, LIMIT, IOC, price, min(others, self.most), NOBODY))
            self.counts["sweeps"] += 1

    def requote(self):
        for side, anchor in ((BUY, self.bid), (SELL, self.ask)):
            if not any(order[0] == side and order[1] == anchor for order in self.open_orders()):
                self.add(side, 0)
                self.counts["requotes"] += 1

    # -- time

    def adds_per_s(self):
        return sum(self.values["adds_per_s"]) * self.here["quoting"]

    @property
    def here(self):
        return self.values["regimes"][self.regime]

    def rate(self):
        here = self.here
        return here["moves_per_s"] + here["takers_per_s"] + 2.0 * self.adds_per_s() + 1.0 / here["mean_s"]

    def draw_next(self):
        self.next = self.now + 1 + int(self.dice.exponential(1e9 / self.rate()))

    def arrival(self):
        place = self.dice.uniform() * self.rate() - self.here["moves_per_s"]
        if place < 0:
            return self.move()
        place -= self.here["takers_per_s"]
        if place < 0:
            return self.take()
        place -= 1.0 / self.here["mean_s"]
        return self.change_regime() if place < 0 else self.add_somewhere()

    def change_regime(self):
        others = [index for index in range(len(self.values["regimes"])) if index != self.regime]
        total = 0.0
        for index in others:
            total += self.values["regimes"][index]["share"]
        place = self.dice.uniform() * total
        for index in others:
            place -= self.values["regimes"][index]["share"]
            if place < 0:
                self.regime = index
                return

    def add_somewhere(self):
        place = self.dice.uniform() * self.adds_per_s() / self.here["quoting"]
        side, bucket = self.dice.below(2), 0
        while bucket < 19 and place >= self.values["adds_per_s"][bucket]:
            place -= self.values["adds_per_s"][bucket]
            bucket += 1
        self.add(side, bucket)

    def step(self):
        self.may_be_bare = True
        if len(self.orders) >= self.max_orders - 20:
            self.orders = [order for order in self.orders if self.exchange.order(order[1]) is not None]
            heapq.heapify(self.orders)
        if self.orders and self.orders[0][0] <= self.next:
            due, number, account = heapq.heappop(self.orders)
            self.now = max(self.now, due)
            if self.exchange.order(number) is None:
                self.counts["gone"] += 1
            else:
                self.todo.append(("cancel", account, number))
                self.counts["cancels"] += 1
            return
        self.now = self.next
        self.requote()
        self.arrival()
        self.draw_next()

    def send(self, request):
        self.clock = now = max(self.now, self.clock)
        self.counts["requests"] += 1
        if request[0] == "cancel":
            verdict = self.exchange.cancel(request[1], self.symbol, request[2], now_ns=now)
        else:
            _, account, side, kind, tif, price, lots, life = request
            verdict, number = self.exchange.place(
                account, self.symbol, side, kind, tif=tif, qty_lots=lots, price_ticks=price, now_ns=now
            )
            if verdict == 0 and life >= 0 and self.exchange.order(number) is not None:
                heapq.heappush(self.orders, (self.now + int(1e9 * life), number, account))
        if verdict:
            self.counts["gone" if verdict == UNKNOWN_ORDER else "refused"] += 1

    def send_all(self):
        while self.todo:
            self.send(self.todo.pop(0))

    def advance(self, until):
        while True:
            self.send_all()
            if self.may_be_bare:
                self.may_be_bare = False
                self.requote()
                self.send_all()
            self.exchange.clear_reports()
            due = min([self.next, *(order[0] for order in self.orders[:1])])
            if due > until:
                return
            self.step()
