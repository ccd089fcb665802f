"""A strategy that writes down what it is told, and the flat market it is told of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import bot4
from bot4.domain.instrument import ContractKind
from builders.backtest import MS, START_NS, instrument, quotes

SPOT, PERPETUAL = instrument(), instrument(kind=ContractKind.LINEAR)

SECOND_NS = 1_000 * MS


class Told(bot4.Strategy):
    """Writes down what it is told, and runs a function on each change of the book."""

    timer_interval_ns = 100 * MS

    def __init__(self, act: Callable[[Any], None] = lambda _: None) -> None:
        self.calls: list[tuple[str, int]] = []
        self.fills: list[Any] = []
        self.bars: list[Any] = []
        self.act = act

    def on_start(self, market) -> None:
        self.calls.append(("start", market.now_ns - START_NS))

    def on_book(self, market) -> None:
        self.calls.append(("book", market.now_ns - START_NS))
        self.act(market)

    def on_trade(self, market, _trade) -> None:
        self.calls.append(("trade", market.now_ns - START_NS))

    def on_bar(self, market, bar) -> None:
        self.calls.append(("bar", market.now_ns - START_NS))
        self.bars.append(bar)

    def on_timer(self, market) -> None:
        self.calls.append(("timer", market.now_ns - START_NS))

    def on_fill(self, market, fill) -> None:
        self.calls.append(("fill", market.now_ns - START_NS))
        self.fills.append((fill, market.position_lots))

    def on_stop(self, market) -> None:
        self.calls.append(("stop", market.now_ns - START_NS))


def once(act: Callable[[Any], None], at: int = 1) -> Callable[[Any], None]:
    """Act on the at-th change of the book alone."""
    seen = [0]

    def acting(market: Any) -> None:
        seen[0] += 1
        if seen[0] == at:
            act(market)

    return acting


def flat(count: int, *, step_ns: int = 100 * MS, bid: int = 100, age_ns: int = 0) -> np.ndarray:
    rows = quotes(count, step_ns=step_ns, age_ns=age_ns)
    rows["bid_ticks"], rows["ask_ticks"], rows["bid_lots"], rows["ask_lots"] = bid, bid + 1, 500, 500
    return rows


# -- what a strategy is told -------------------------------------------------------------------------------------------
