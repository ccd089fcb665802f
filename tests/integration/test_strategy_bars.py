"""Bars that a strategy is told of where the data has none: of prints, each once it has ended, nothing later in it."""

from __future__ import annotations

import numpy as np
from builders.backtest import instrument, quotes, roomy
from builders.backtest import prints as printed
from builders.engine import MS, Rig, one, quote

import bot4
from bot4._core.engine.python_strategy import PythonHost
from bot4._core.types import EventKind
from bot4.strategy.base import Strategy


class Notes(Strategy):
    """Writes down what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple] = []

    def on_bar(self, _market, bar) -> None:
        row = (bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks, bar.volume_lots, bar.trade_count)
        self.told.append(("bar", bar.close_ns - bar.open_ns, *row))

    def on_trade(self, _market, trade) -> None:
        self.told.append(("trade", trade.price_ticks))


def told(events, *, own_bars_ns: int = 1_000 * MS) -> list[tuple]:
    rig, notes = Rig(lane={"own_bars_ns": own_bars_ns}), Notes()
    rig.engine.set_strategy(PythonHost(notes, rig.engine, wants=("bar", "trade")), features=False)
    rig.apply(*events)
    return notes.told


def prints(*rows: tuple[int, int, int]) -> list[np.ndarray]:
    return [one(at, EventKind.EVENT_TRADE, a=price, b=lots, c=at) for at, price, lots in rows]


def test_a_bar_holds_the_prints_of_its_interval_and_is_told_before_what_came_after_it():
    seen = told(prints((100, 1_000, 5), (500, 1_020, 1), (900, 990, 2), (1_100, 1_005, 3)))
    assert seen[3:] == [("bar", 1_000 * MS, 1_000, 1_020, 990, 990, 8, 3), ("trade", 1_005)]


def test_a_quote_ends_a_bar_too_and_an_interval_without_prints_has_none():
    events = [*prints((100, 1_000, 5)), quote(5_000, 1, (999, 5), (1_001, 5)), quote(9_000, 2, (999, 5), (1_001, 5))]
    assert [row[0] for row in told(events)] == ["trade", "bar"]


def test_what_comes_later_changes_no_bar_that_was_told():
    rng = np.random.default_rng(5)
    for _ in range(100):
        rows = [(at * 130, 1_000 + int(rng.integers(-9, 9)), int(rng.integers(1, 9))) for at in range(40)]
        cut = int(rng.integers(1, 40))
        changed = rows[:cut] + [(at, price + 500, lots + 7) for at, price, lots in rows[cut:]]
        one_way, other = told(prints(*rows)), told(prints(*changed))
        same = next(i for i, row in enumerate(one_way) if row != other[i])
        assert [row[0] for row in one_way[:same]].count("trade") == cut


def test_without_an_interval_there_are_none():
    assert all(row[0] == "trade" for row in told(prints((100, 1_000, 5), (2_000, 1_001, 5)), own_bars_ns=0))


def test_a_backtest_of_quotes_and_prints_tells_them_and_one_of_bars_tells_its_own_alone():
    notes = Notes()
    bot4.backtest([quotes(3_000, step_ns=10 * MS), printed(3_000, step_ns=10 * MS)], instrument(), notes,
                  settings=roomy(strategy__bar_interval_ms=2_000))  # fmt: skip
    bars = [row for row in notes.told if row[0] == "bar"]
    assert len(bars) in {14, 15}
    assert {row[1] for row in bars} == {2_000 * MS}
