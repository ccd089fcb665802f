"""A strategy in Python for runs of every kind, as the text of its file, and what it wrote of what it was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Buys and sells by turns, in its own pace; says what it is told, and fails where it is asked to.
TURNS = """
import bot4


class Turns(bot4.Strategy):
    timer_interval_ns = 200_000_000

    def __init__(self, said, fails_after=0, lots=100_000, least=5_000):
        self.said, self.fails_after, self.rounds = said, fails_after, 0
        self.lots, self.least = lots, least

    def say(self, *words):
        with open(self.said, "a", encoding="utf-8") as file:
            print(*words, file=file, flush=True)

    def on_start(self, market):
        self.say("start", market.symbol, market.position_lots)

    def on_timer(self, market):
        if market.order_count or not market.bid_ticks:
            return
        self.rounds += 1
        if self.rounds == self.fails_after:
            raise LookupError("no such thing")
        if market.position_lots > self.least:
            market.sell(market.position_lots, market.bid_ticks - 500, reduce_only=True, tif="ioc")
        else:
            market.buy(self.lots, market.ask_ticks + 500, tif="ioc")

    def on_fill(self, market, fill):
        self.say("fill", "buy" if fill.is_buy else "sell", fill.qty_lots)

    def on_stop(self, market):
        self.say("stop", market.position_lots)
"""


def told(path: Path) -> list[list[str]]:
    """Words of each line that it wrote."""
    return [line.split() for line in path.read_text().splitlines()]


def fills(path: Path) -> list[list[str]]:
    """The fills among them."""
    return [words for words in told(path) if words[0] == "fill"]
