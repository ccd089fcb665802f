"""MarketMeasure in plain Python: dictionaries of levels, nothing shared with the compiled one.

Events are those of tests/property/test_sim_market_measure.py: one snapshot, then diffs that continue it.
"""

from __future__ import annotations

from collections import Counter

BUY, SELL = 0, 1
DEPTH_BEGIN, DEPTH_LEVEL, TRADE = 1, 2, 3
LAST, SNAPSHOT, BUYER_IS_MAKER = 2, 4, 8
TAKER, MOVE, LATENCY, WINDOW = 1, 2, 3, 4
BUCKETS, SPREADS = 20, 4096
SECOND, SILENCE = 10**9, 10**10


def bucket_of(distance):
    """0, 1, 2-3, 4-7 ... ticks; the last is open."""
    return 0 if distance <= 0 else min(distance.bit_length(), BUCKETS - 1)


class MeasureTwin:
    """Sums and records of a market whose book never loses its place."""

    def __init__(self):
        self.book = ({}, {})
        self.live = False
        self.adds, self.added = Counter(), Counter()
        self.cancels, self.cancelled = Counter(), Counter()
        self.add_sizes, self.depth_lots, self.depth_levels = Counter(), Counter(), Counter()
        self.spreads = Counter()
        self.depth_samples = self.depth_messages = self.prints = self.late = 0
        self.records = []
        self.printed = []  # [side of the book, price, lots, venue time]
        self.best = (0, 0)
        self.mid = self.spread = self.spread_since = self.window_end = 0
        self.window = [0, 0, 0, 0]  # squared moves, takers, adds, cancels
        self.depth_ns = 0
        self.taker = None  # (venue time, side, lots, prices)

    def _best(self):
        return max(self.book[0], default=0), min(self.book[1], default=0)

    def feed(self, event):
        kind, side, flags, venue, recv, a, b = event
        if kind == TRADE:
            self._print(flags, venue, recv, a, b)
        else:
            self._depth(kind, side, flags, venue, recv, price=a, lots=b)

    # -- depth

    def _depth(self, kind, side, flags, venue, recv, *, price, lots):
        counts = self.mid and not flags & SNAPSHOT
        if kind == DEPTH_BEGIN:
            self.depth_ns, self.best = venue, self._best()
            if counts:
                self.records.append((LATENCY, recv, recv - venue, 0, 0, 0, 0))
            if flags & SNAPSHOT:
                self.book = ({}, {})
        else:
            before = self.book[side].get(price, 0)
            self.book[side].pop(price, None)
            if lots:
                self.book[side][price] = lots
            if counts:
                self._change(side, price, lots - before)
        if flags & LAST:
            self._after(recv)

    def _change(self, side, price, change):
        for entry in self.printed:
            if entry[:2] == [side, price] and entry[3] <= self.depth_ns:
                change += entry[2]
                entry[2] = 0
        distance = self.best[0] - price if side == BUY else price - self.best[1]
        bucket = bucket_of(distance)
        if change > 0:
            self.adds[bucket] += 1
            self.added[bucket] += change
            self.add_sizes[64 * bucket + change.bit_length()] += 1
            self.window[2] += 1
        elif change < 0:
            self.cancels[bucket] += 1
            self.cancelled[bucket] -= change
            self.window[3] += 1

    def _after(self, now):
        self.printed = [entry for entry in self.printed if entry[3] > self.depth_ns]
        bid, ask = self._best()
        if not (bid and ask):
            self.mid = self.window_end = self.spread_since = 0
            self.printed = []
            return
        self.depth_messages += 1
        if now >= self.window_end:
            self._end_window(now)
        if self.spread_since and 0 < now - self.spread_since < SILENCE:
            self.spreads[min(self.spread, SPREADS - 1)] += now - self.spread_since
        move = bid + ask - self.mid
        if self.mid and move:
            self.records.append((MOVE, now, move, 0, 0, 0, 0))
            self.window[0] += move**2
        self.mid, self.spread, self.spread_since = bid + ask, ask - bid, now

    def _end_window(self, now):
        if self.window_end and now - self.window_end < SILENCE and self.mid:
            self.records.append((WINDOW, self.window_end, self.mid, *self.window))
            for side, book in enumerate(self.book):
                best = self._best()[side]
                for price, lots in book.items():
                    bucket = bucket_of(abs(price - best))
                    self.depth_lots[bucket] += lots
                    self.depth_levels[bucket] += 1
                self.depth_samples += 1
        self.window_end = now - now % SECOND + SECOND
        self.window = [0, 0, 0, 0]

    # -- prints

    def finish(self):
        if self.taker is not None:
            venue, side, lots, prices = self.taker
            changes = sum(one != other for one, other in zip([None, *prices], prices, strict=False))
            self.records.append((TAKER, venue, side, lots, changes, 0, 0))
            self.window[1] += 1
            self.taker = None

    def _print(self, flags, venue, recv, price, lots):
        if not self.mid:
            return
        side = SELL if flags & BUYER_IS_MAKER else BUY
        self.prints += 1
        if venue <= self.depth_ns:
            self.late += 1
        else:
            self.printed.append([1 - side, price, lots, venue])
        if self.taker is None or self.taker[:2] != (venue, side):
            self.finish()
            self.taker = (venue, side, 0, [])
            self.records.append((LATENCY, recv, recv - venue, 1, 0, 0, 0))
        _, _, taken, prices = self.taker
        self.taker = (venue, side, taken + lots, [*prices, price])
