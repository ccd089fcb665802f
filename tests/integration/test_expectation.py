"""What orders were stated to be worth beside what they brought, period by period, as a plain walk has it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import fields, replace

import numpy as np
import pytest
from builders.backtest import MS, bars, instrument, quotes, roomy

import bot4
from bot4.application.backtest.breakdown import cost_breakdown
from bot4.application.backtest.expectation import Worth, expectation_in, expectation_of, worth_by_period
from bot4.application.backtest.report import report_dict, report_html
from bot4.application.backtest.statistics import judge
from bot4.domain.instrument import ContractKind
from bot4.strategy.base import Strategy

PERPETUALS = (instrument(kind=ContractKind.LINEAR), instrument("ETHUSDT", ContractKind.LINEAR))
UNIT = 0.5 * 0.001
DEFAULT = 50.0


class Turns(Strategy):
    """Buys and sells by turns, through zero too; of its orders every third states nothing."""

    def __init__(self, *, states: bool = True) -> None:
        self.rng, self.states, self.books = np.random.default_rng(4), states, 0

    def on_book(self, market) -> None:
        self.books += 1
        if self.books % 37:
            return
        lots, stated = int(self.rng.integers(1, 90)), float(self.rng.integers(-5, 30)) or None
        side = market.buy if self.rng.random() < 0.5 else market.sell
        side(lots, expected_bps=stated if self.states and self.books % 3 else None)


def run(strategy: object | None = None, **changed: object) -> bot4.BacktestResult:
    rows = {item.symbol: quotes(4_000, seed, step_ns=10 * MS) for seed, item in enumerate(PERPETUALS, 1)}
    for one in rows.values():
        one["ask_ticks"] = one["bid_ticks"] + 2  # a mid of whole ticks: marks are in whole ones
        for side in ("bid_ticks", "ask_ticks"):
            one[side][-20:] = one[side][-1]  # the last mark is of the last quote
    settings = roomy(**({"strategy__expected_bps": DEFAULT, "gate__margin_bps": 0} | changed))
    return bot4.backtest(rows, PERPETUALS, strategy or Turns(), settings=settings, count_trial=False)


def twin(result, ends) -> Worth:
    """One fill after the other, and for each every period that it is held through."""
    periods = len(ends) - 1
    table = {field.name: np.zeros(periods) for field in fields(Worth)}
    mids = result.order_mids.tolist()
    orders = {int(row["order_id"]): (row, mid) for row, mid in zip(result.orders, mids, strict=True)}
    held, counted = [0] * len(result.symbols), set()
    marked = [[part.tolist() for part in result.marks[symbol]] for symbol in result.symbols]
    for fill in result.fills:
        at, lane = bisect_right(ends.tolist(), int(fill["recv_ns"])) - 1, int(fill["instrument"])
        order, mid = orders[int(fill["order_id"])]
        lots = int(fill["qty_lots"]) * (1 if fill["side"] == 0 else -1)
        stamps, ticks = marked[lane]
        known = [ticks[max(0, bisect_right(stamps, end) - 1)] for end in ends.tolist()]
        table["gained"][at] += lots * (known[at + 1] - mid) * UNIT
        for later in range(at + 1, periods):
            table["gained"][later] += lots * (known[later + 1] - known[later]) * UNIT
        grown = max(0, abs(held[lane] + lots) - abs(held[lane])) if held[lane] * lots >= 0 else max(
            0, abs(lots) - abs(held[lane]))  # fmt: skip
        held[lane] += lots
        if not grown:
            continue
        value = grown * int(fill["price_ticks"]) * UNIT
        table["added"][at] += value
        table["stated"][at] += value * (float(order["score"]) or DEFAULT)
        if int(fill["order_id"]) not in counted:
            counted.add(int(fill["order_id"]))
            table["orders"][at] += 1
            table["unstated"][at] += order["score"] == 0.0
    return Worth(*table.values())


def check(by_period, result) -> None:
    assert len(result.fills) > 60
    for periods in (1, 7, 40):
        ends = np.linspace(result.equity_ns[0], result.equity_ns[-1] + 1, periods + 1).astype(np.int64)
        ours, wanted = by_period(result, ends), twin(result, ends)
        for field in fields(Worth):
            assert getattr(ours, field.name) == pytest.approx(getattr(wanted, field.name), abs=1e-6), field.name


def test_every_part_is_that_of_a_plain_walk():
    check(worth_by_period, run())


@pytest.mark.parametrize(
    "fault",
    [
        lambda worth, _: replace(worth, gained=worth.gained + 0.01),
        lambda worth, _: replace(worth, added=2 * worth.added),
        lambda worth, _: replace(worth, stated=DEFAULT * worth.added),
        lambda worth, _: replace(worth, unstated=worth.orders),
        lambda worth, result: replace(worth, orders=worth.orders + len(result.orders)),
    ],
)
def test_a_part_that_is_wrong_is_noticed(fault):
    with pytest.raises(AssertionError):
        check(lambda result, ends: fault(worth_by_period(result, ends), result), run())


def test_what_was_brought_is_the_profit_with_every_cost_put_back():
    result = run()
    costs, found = cost_breakdown(result), expectation_of(result)
    ends = np.array([result.equity_ns[0], result.equity_ns[-1] + 1])
    added = float(worth_by_period(result, ends).added[0])
    assert found.brought_bps == pytest.approx(1e4 * (float(result.profit) + costs.before_costs) / added, abs=1e-6)


def test_periods_of_several_runs_make_one_figure():
    result = run()
    ends = np.linspace(result.equity_ns[0], result.equity_ns[-1] + 1, 9).astype(np.int64)
    worth = worth_by_period(result, ends)
    whole, halves = expectation_of(result), expectation_in([(worth, 0, 3), (worth, 3, 8)])
    assert (halves.orders, halves.unstated) == (whole.orders, whole.unstated)
    assert (halves.stated_bps, halves.brought_bps) == pytest.approx((whole.stated_bps, whole.brought_bps))
    assert bisect_left([0.0, whole.stated_bps or 0.0, DEFAULT], 1.0) == 1, "some stated less than the settings say"


def test_a_report_says_what_was_not_stated_and_what_that_brought():
    result = run(Turns(states=False))
    found = judge(result)
    line = f"{found.expectation.orders} of {found.expectation.orders} orders that added risk stated nothing"
    (told,) = [text for text in found.warnings if text.startswith(line)]
    brought = found.expectation.brought_bps
    assert told.endswith(f"judged by strategy.expected_bps = 50; brought {brought:.1f} bps before costs")
    assert line in report_html(result, found)
    assert report_dict(result, found)["statistics"]["expectation"]["stated_bps"] == pytest.approx(DEFAULT)


class Sure(Turns):
    """States the same with every order."""

    def on_book(self, market) -> None:
        if market.order_count == 0 and market.position_lots == 0:
            market.buy(10, expected_bps=80)


def test_a_report_of_what_was_stated_says_no_such_thing():
    result = run(Sure())
    found = judge(result)
    assert (found.expectation.unstated, found.expectation.stated_bps) == (0, pytest.approx(80.0))
    assert not [text for text in found.warnings if "stated nothing" in text]
    assert found.expectation.brought_bps < 80
    assert [text for text in found.warnings if text.startswith("orders that added risk were stated to be worth 80.0")]
    assert "stated 80.0 bps, brought" in report_html(result, found)


def test_what_the_reasoned_policy_measures_is_not_held_to_a_statement():
    rng = np.random.default_rng(8)
    closes = (100_000 + np.cumsum(rng.integers(-300, 310, 1_500))).tolist()
    rows = bars(closes, minutes=60)
    settings = roomy(strategy__policy="reasoned", strategy__bar_interval_ms=3_600_000, gate__prior_bps=5_000,
                     gate__confidence_min=0, gate__timeframes_min=0, gate__standard_errors=0)  # fmt: skip
    result = bot4.backtest(rows, PERPETUALS[0], settings=settings, count_trial=False)
    assert result.strategy == "reasoned policy"
    found = expectation_of(result)
    assert len(result.fills) > 0
    assert (found.orders > 0, found.unstated, found.stated_bps) == (True, 0, None)
    assert found.brought_bps is not None
