"""The square-root law with a market's own figures: measured from bars or prints, charged in backtests, said."""

from __future__ import annotations

import numpy as np
import pytest
from builders.backtest import MS, bars, instrument, prints, quotes, roomy

import bot4
from bot4._core.array_dtypes import BAR_ROWS
from bot4.application.backtest.measured_impact import market_figures, measured_impacts
from bot4.config import ImpactSettings
from bot4.strategy.ema_cross import compiled_ema_cross

SPOT = instrument()
WALK = (120_000 + np.cumsum(np.random.default_rng(3).integers(-200, 201, 1_440))).tolist()


def test_figures_of_bars_are_their_definition():
    rows = bars(WALK)
    deviation, volume = market_figures(rows)
    moves = np.diff(np.log(np.array(WALK, float)))
    assert deviation == pytest.approx(np.sqrt((moves**2).sum() * 1_440 / 1_439) * np.median(WALK))
    assert volume == pytest.approx(4_000 * 1_440 * 1_440 / 1_439)


def test_figures_of_a_walk_sampled_in_steps_are_near_those_of_every_one():
    many = (500_000 + np.cumsum(np.random.default_rng(4).integers(-40, 41, 40_000))).tolist()
    rows = np.zeros(len(many), BAR_ROWS)
    rows["close_ticks"], rows["volume_lots"], rows["close_ns"] = many, 1, np.arange(len(many)) * 60_000 * MS
    moves = np.diff(np.log(np.array(many, float)))
    every = np.sqrt((moves**2).sum() / (len(many) - 1) * 1_440) * np.median(many)
    assert market_figures(rows)[0] == pytest.approx(every, rel=0.1)


@pytest.mark.parametrize("rows", [bars(WALK)[:2], bars([120_000] * 50, reach=0), prints(1)])
def test_a_market_that_tells_too_little_has_no_law(rows):
    assert market_figures(rows) is None


def test_figures_are_told_in_prices_and_quantities_and_another_choice_stands():
    rows = bars(WALK)
    found = measured_impacts(ImpactSettings(), [SPOT], [(0, rows)])["BTCUSDT"]
    deviation, volume = market_figures(rows)
    assert (found.model, found.coefficient, found.permanent_share) == ("square_root", 1.0, 0.0)
    assert found.volatility == pytest.approx(deviation * 0.5)
    assert found.daily_volume == pytest.approx(volume * 0.001)
    assert measured_impacts(ImpactSettings(model="none"), [SPOT], [(0, rows)]) == {}
    assert measured_impacts(ImpactSettings(), [SPOT], [(0, quotes(50))]) == {}


def run(rows, lots: int, **changed: object) -> bot4.BacktestResult:
    cross = compiled_ema_cross(fast=3, slow=9, lots=lots, slippage_ticks=5_000)
    return bot4.backtest(rows, SPOT, cross, settings=roomy(**changed))


def test_a_backtest_of_bars_charges_it_unless_told_otherwise():
    rows = bars(WALK)
    free, charged = run(rows, 400), run(rows, 400, impact__model="measured")
    assert len(free.fills) == len(charged.fills) > 50
    assert charged.profit < free.profit
    # Of each fill what the law says: sigma times the root of the share of a day's volume, to the tick.
    deviation, volume = market_figures(rows)
    own = round(deviation * (400 / volume) ** 0.5)
    assert own > 2
    first = charged.fills["price_ticks"][0] - free.fills["price_ticks"][0]
    assert first == own
    assert "measured over the whole data" in charged.assumptions["own impact"]
    assert free.assumptions["own impact"] == "none"


@pytest.mark.untraced
def test_four_times_the_size_costs_eight_times_as_much():
    rows = bars(WALK, lots=400_000)
    costs = [
        float(run(rows, lots).profit - run(rows, lots, impact__model="measured").profit) for lots in (2_500, 10_000)
    ]
    assert costs[1] == pytest.approx(8 * costs[0], rel=0.15)


def test_quotes_tell_no_volume_and_that_is_said():
    shown = run(quotes(500), 100, impact__model="measured")
    assert shown.assumptions["own impact"] == "none beyond what is displayed: the input tells no volume"
    assert shown.result_hash == run(quotes(500), 100).result_hash
