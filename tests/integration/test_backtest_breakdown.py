"""Where a result came from: costs that add up to what the mid moved, exposure, regimes that know no future, parts."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from builders.backtest import MS, START_NS, bars, instrument, prints, quotes, roomy

import bot4
from bot4.application.backtest.breakdown import by_part, by_regime, cost_breakdown, exposure
from bot4.application.backtest.report import report_dict, report_html
from bot4.application.backtest.statistics import judge, returns_of
from bot4.domain.instrument import ContractKind
from bot4.strategy.ema_cross import compiled_ema_cross
from bot4.strategy.grid import Grid
from bot4.strategy.signals import ReversionSignal, TrendSignal
from bot4.strategy.targets import Steered

SPOT = instrument()
PERPETUAL = instrument(kind=ContractKind.LINEAR)
UNIT = 0.5 * 0.001
CROSS = compiled_ema_cross(fast=4, slow=9, lots=300, slippage_ticks=50)


def market(count: int = 4_000, *, wide: int = 7) -> np.ndarray:
    """Quotes of an even spread: mids of whole ticks."""
    rows = quotes(count, 5, step_ns=10 * MS, wide=wide)
    rows["ask_ticks"] += (rows["ask_ticks"] - rows["bid_ticks"]) % 2
    return rows


def check_costs(breakdown, rows: np.ndarray, strategy: object) -> None:
    """What was paid beyond the mid, and fees, are what is missing from the moves of the mid of what was held."""
    result = bot4.backtest(rows, PERPETUAL, strategy, settings=roomy())
    assert len(result.fills) > 20
    costs = breakdown(result)
    held, gained, fills = 0, 0.0, iter(result.fills.tolist())
    fill = next(fills, None)
    names = result.fills.dtype.names
    mid = 0.0
    for row in rows:
        now = (int(row["bid_ticks"]) + int(row["ask_ticks"])) / 2
        gained += held * (now - mid) * UNIT
        mid = now
        while fill is not None and fill[names.index("recv_ns")] <= row["recv_ns"]:
            lots = fill[names.index("qty_lots")]
            held += lots if fill[names.index("side")] == 0 else -lots
            fill = next(fills, None)
    assert float(result.profit) + costs.before_costs == pytest.approx(gained, abs=1e-6)


def test_profit_and_costs_add_up_to_what_the_mid_moved():
    check_costs(cost_breakdown, market(), CROSS)


@pytest.mark.parametrize("name", ["fees", "taken_beyond_mid"])
def test_a_cost_that_is_left_out_is_noticed(name):
    def without(result):
        costs = cost_breakdown(result)
        parts = {part: getattr(costs, part) for part in costs.__slots__}
        return type(costs)(**(parts | {name: 0.0}))

    with pytest.raises(AssertionError):
        check_costs(without, market(), CROSS)


def test_takers_pay_half_the_spread_and_makers_earn_it():
    rows = market(wide=2)
    taken = cost_breakdown(bot4.backtest(rows, SPOT, CROSS, settings=roomy()))
    result = bot4.backtest(rows, SPOT, CROSS, settings=roomy())
    assert taken.taken_beyond_mid == pytest.approx(float(result.fills["qty_lots"].sum()) * UNIT)
    assert taken.made_inside_mid == 0.0
    grid = Grid(interval_ticks=2, half_spread_ticks=2, lots=10, position_max_lots=200, levels=3)
    both = [market(wide=2), prints(4_000, step_ns=10 * MS)]
    made = cost_breakdown(bot4.backtest(both, PERPETUAL, grid, settings=roomy()))
    assert made.made_inside_mid < 0.0


def test_impact_that_is_not_charged_grows_with_size_and_is_unknown_without_volumes():
    rows = bars([120_000 + 40 * (row % 13) for row in range(500)])

    def unpaid(lots: int, **changed: object) -> float | None:
        cross = compiled_ema_cross(fast=2, slow=5, lots=lots, slippage_ticks=500)
        return cost_breakdown(bot4.backtest(rows, SPOT, cross, settings=roomy(**changed))).impact_unpaid

    one, four = unpaid(100), unpaid(400)
    assert one > 0.0
    assert four == pytest.approx(8.0 * one, rel=0.02)  # of four times the value, twice the share
    assert cost_breakdown(bot4.backtest(market(), SPOT, CROSS, settings=roomy())).impact_unpaid is None
    chosen = {"impact__model": "linear", "impact__slope": 0.001}
    assert unpaid(100, **chosen) == 0.0


def test_exposure_is_what_is_held_over_equity():
    result = bot4.backtest(market(), SPOT, CROSS, settings=roomy(paper__balance_quote="100000"))
    stamps, shares = exposure(result)
    value = 300 * 0.001 * 60_000 / 100_000
    assert shares.max() == pytest.approx(value, rel=0.06)
    assert ((shares == 0.0) | (shares > 0.9 * value)).all()
    assert 0.1 < (shares == 0.0).mean() < 0.9
    assert (stamps == result.marks["BTCUSDT"][0]).all()


def test_profits_by_regime_add_up_and_no_regime_knows_its_own_period():
    rows = quotes(300 * 60, 8, step_ns=1_000 * MS)
    result = bot4.backtest(rows, SPOT, CROSS, settings=roomy())
    found = by_regime(result)
    period = returns_of(result)
    assert sum(row.profit for row in found) == pytest.approx(period.values[-1] - period.values[0], abs=1e-6)
    assert sum(row.share for row in found) == pytest.approx(1.0)
    assert sum(row.round_trips for row in found) == len(result.trades)
    assert {row.regime for row in found} <= {"bull", "bear", "sideways", "crisis", "not known yet"}
    # The last minute turns into a crash: it began in the regime that was known before.
    crashed = rows.copy()
    crashed["bid_ticks"][-59:] -= 60_000
    crashed["ask_ticks"][-59:] -= 60_000
    after = by_regime(bot4.backtest(crashed, SPOT, CROSS, settings=roomy()))
    assert [(row.regime, row.share) for row in after] == [(row.regime, row.share) for row in found]


def test_parts_hold_every_order_and_fee_of_the_policy():
    rows = [market(20_000, wide=2), prints(20_000, step_ns=10 * MS)]
    policy = bot4.backtest(
        rows, SPOT, None,
        settings=roomy(strategy__enter_score=0.05, strategy__take_score=0.05, strategy__exit_score=0.0),
    )  # fmt: skip
    found = by_part(policy)
    assert sum(row.orders for row in found) == len(policy.orders) > 10
    assert sum(row.fills for row in found) == len(policy.fills)
    assert sum(row.fees for row in found) == pytest.approx(float(policy.fees["USDT"]))
    assert {row.part for row in found} >= {"linear policy: enter", "linear policy: exit"}


class Always:
    """A signal that wants the same from every bar."""

    def __init__(self, wanted: float) -> None:
        self.wanted = wanted

    def apply(self, _bar) -> float:
        return self.wanted


@pytest.mark.parametrize("short", [True, False])
def test_what_each_strategy_of_an_ensemble_earned_adds_up_to_the_profit_before_costs(short):
    closes = (120_000 + np.cumsum(np.random.default_rng(6).integers(-40, 41, 300))).tolist()
    rows = bars(closes, minutes=60, reach=0)
    signals = {"trend": TrendSignal(enter_bars=12, exit_bars=5), "reversion": ReversionSignal(bars=10, enter=1.0)}
    steered = Steered(signals, lots=1_000, slippage_ticks=500, short=short, change_min=0.001)
    result = bot4.backtest(rows, PERPETUAL, steered, settings=roomy(paper__assumed_half_spread_ticks=1))
    assert len(result.fills) > 20
    assert min(abs(earned) for earned in result.parts.values()) > 1.0
    costs = cost_breakdown(result)
    assert sum(result.parts.values()) == pytest.approx(float(result.profit) + costs.before_costs, rel=0.02, abs=2.0)
    page = report_html(result, judge(result))
    assert "reversion" in page
    assert report_dict(result, judge(result))["parts"] == pytest.approx(result.parts)


def test_a_signal_that_wants_half_of_everything_earned_half_of_it():
    closes = [120_000 + 100 * row for row in range(60)]
    steered = Steered({"all": Always(1.0), "half": Always(0.5)}, lots=1_000, slippage_ticks=500)
    result = bot4.backtest(bars(closes, minutes=60), SPOT, steered, settings=roomy())
    assert result.parts["all"] == pytest.approx(2 * result.parts["half"])
    assert result.parts["all"] == pytest.approx(0.5 * 1_000 * 100 * 59 * UNIT)


def test_the_plain_values_hold_costs_regimes_and_parts():
    result = bot4.backtest(quotes(6_000, step_ns=100 * MS), SPOT, CROSS, settings=roomy())
    plain = report_dict(result, judge(result))
    assert plain["costs"]["fees"] == pytest.approx(float(plain["fees"]["USDT"]))
    assert sum(row["share"] for row in plain["by_regime"]) == pytest.approx(1.0)
    assert plain["by_part"][0]["part"] == "compiled EmaCross: strategy"
    assert plain["funding_paid"] == {}


def test_a_run_too_short_for_periods_has_no_regimes():
    short = bot4.backtest(quotes(200), SPOT, CROSS, settings=roomy())
    assert by_regime(short) == []
    assert int(short.equity_ns[0]) == START_NS


def test_a_run_over_quotes_takes_less_memory_than_the_quotes():
    rows = quotes(200_000)
    strategy = compiled_ema_cross(fast=10, slow=40, lots=900, slippage_ticks=5)
    bot4.backtest(rows[:2_000], SPOT, strategy, settings=roomy(run__mark_interval_ms=1_000), count_trial=False)
    tracemalloc.start()
    try:
        bot4.backtest(rows, SPOT, strategy, settings=roomy(run__mark_interval_ms=1_000), count_trial=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # What is not counted are the rows of the result, which the core keeps; a mid of every quote would be too much.
    assert peak < rows.nbytes * 0.42


def test_rows_that_were_no_market_are_said():
    crossed, broken = quotes(50), bars([1_000] * 5)
    crossed["bid_ticks"][[7, 9]] = crossed["ask_ticks"][[7, 9]]
    broken["high_ticks"][2] = broken["low_ticks"][2] - 1
    twice = "0 gaps and 2 crossed books or quotes in the data"
    for rows, text in ((crossed, twice), (broken, "1 bars whose open, high, low")):
        notes = " ".join(bot4.backtest(rows, SPOT, settings=roomy(), count_trial=False).notes)
        assert f"BTCUSDT: {text}" in notes
    for rows in (quotes(50), bars([1_000] * 5)):
        notes = " ".join(bot4.backtest(rows, SPOT, settings=roomy(), count_trial=False).notes)
        assert "crossed" not in notes
        assert "make no bar" not in notes
