"""A backtester of quotes in plain Python: one account, one order at a time, exact decimals, no code of bot4's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

TICK, LOT = Fraction(1, 2), Fraction(1, 1000)
TAKER_FEE = Fraction(4, 10_000)

Quote = tuple[int, int, int, int, int, int]  # venue_ns, recv_ns, bid, bid lots, ask, ask lots


@dataclass
class Pending:
    due_ns: int
    side: int
    limit: int
    lots: int


@dataclass
class QuoteBacktest:
    """Takers against the last quote, each after a latency; one order works until its answer was heard.

    `venue_clock`: an order that arrives at the venue's time a meets the last quote the venue made at or before a; else
    the last one we heard by a.
    """

    submit_ns: int = 0
    report_ns: int = 0
    venue_clock: bool = False
    cash: Fraction = Fraction(1_000_000)
    lots: int = 0
    heard_lots: int = 0
    fills: list[tuple[int, int, int]] = field(default_factory=list)  # side, ticks, lots
    order: Pending | None = None
    answer: tuple[int, int] | None = None  # when it is heard, signed lots

    def fill(self, quote: Quote, order: Pending) -> int:
        """Signed lots that the order takes of what is shown."""
        price, shown = (quote[4], quote[5]) if order.side == 0 else (quote[2], quote[3])
        if (price > order.limit) if order.side == 0 else (price < order.limit):
            return 0
        taken = min(order.lots, shown)
        value = price * TICK * taken * LOT
        self.cash -= value if order.side == 0 else -value
        self.cash -= value * TAKER_FEE
        self.fills.append((order.side, price, taken))
        return taken if order.side == 0 else -taken

    def run(self, quotes: Sequence[Quote], decide: Callable[[Quote, int, bool], tuple[int, int, int] | None]) -> None:
        """`decide(quote, heard position, whether an order works)` returns side, limit, lots or None."""
        shown: Quote | None = None
        for quote in [*quotes, None]:
            until = 10**30 if quote is None else quote[0] if self.venue_clock else quote[1]
            if self.order is not None and self.order.due_ns <= until and shown is not None:
                signed = self.fill(shown, self.order)
                self.lots += signed
                self.answer = (self.order.due_ns + self.report_ns, signed)
                self.order = None
            if quote is None:
                return
            # An answer is heard between quotes, before what follows; one that is due with a quote comes first.
            if self.answer is not None and self.answer[0] <= quote[1]:
                self.heard_lots += self.answer[1]
                self.answer = None
            shown = quote
            asked = decide(quote, self.heard_lots, self.order is not None or self.answer is not None)
            if asked is not None:
                self.order = Pending(quote[1] + self.submit_ns, *asked)


@dataclass
class CrossTwin:
    """The EMA cross of docs/strategy.md."""

    fast_length: int
    slow_length: int
    lots: int
    slippage: int = 0
    seen: int = 0
    fast: float = 0.0
    slow: float = 0.0

    def __call__(self, quote: Quote, held: int, works: bool) -> tuple[int, int, int] | None:  # noqa: FBT001
        mid = (quote[2] + quote[4]) / 2
        self.seen += 1
        if self.seen == 1:
            self.fast = self.slow = mid
        else:
            a, b = 2 / (self.fast_length + 1), 2 / (self.slow_length + 1)
            self.fast = a * mid + (1 - a) * self.fast
            self.slow = b * mid + (1 - b) * self.slow
        if self.seen < self.slow_length or works:
            return None
        if self.fast >= self.slow and held == 0:
            return 0, quote[4] + self.slippage, self.lots
        if self.fast < self.slow and held > 0:
            return 1, quote[2] - self.slippage, held
        return None
