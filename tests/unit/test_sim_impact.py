"""Impact models against the worked example of Almgren and Chriss (2000) and the figures of Almgren et al. (2005)."""

from __future__ import annotations

import numpy as np
import pytest
from builders.backtest import MS, START_NS, bars, instrument, l2_market, quotes, roomy

import bot4
from bot4._core.sim.distributions import Draws
from bot4._core.sim.impact import ExecutionPlan, Impact
from bot4._core.sim.partial_fills import PartialFills


def paper_plan(**changes):
    inputs = {
        "holding": 1e6,
        "horizon": 5,
        "periods": 5,
        "volatility": 0.95,
        "gamma": 2.5e-7,
        "eta": 2.5e-6,
        "epsilon": 0.0625,
    }
    return ExecutionPlan(**(inputs | changes))


def check_worked_example(plan):
    """Section 3.4 of the paper, 1 million shares over five days."""
    naive = np.linspace(1e6, 0, 6)
    mean, deviation = plan.cost(naive)
    assert mean == pytest.approx(662_500, rel=1e-12)
    assert deviation**2 == pytest.approx(1.083e12, rel=1e-4)
    assert 1 / plan.urgency(1e-9) == pytest.approx(51.3, abs=0.05)
    assert 1 / plan.urgency(2e-9) == pytest.approx(36.27, abs=0.05)
    assert plan.urgency(1e-6) == pytest.approx(0.61, abs=0.005)
    for risk_aversion, holdings, expected, spread in (
        (1e-6, [1e6, 541_956, 289_854, 147_897, 62_142, 0], 911_227, 603_431),
        (2e-6, [1e6, 428_599, 182_933, 76_296, 27_643, 0], 1_140_715, 449_368),
        (-2e-7, None, 717_958, 1_258_654),
    ):
        optimal = plan.trajectory(risk_aversion)
        if holdings is not None:
            assert optimal == pytest.approx(holdings, abs=0.5)
        assert plan.cost(optimal) == pytest.approx((expected, spread), abs=0.6)


def test_the_worked_example_of_the_paper():
    check_worked_example(paper_plan())


@pytest.mark.parametrize("wrong", [{"gamma": 2.6e-7}, {"eta": 2.4e-6}, {"epsilon": 0.06}, {"volatility": 0.96}])
def test_control_another_parameter_does_not_pass_for_the_paper(wrong):
    with pytest.raises(AssertionError):
        check_worked_example(paper_plan(**wrong))


def test_no_other_trajectory_is_cheaper_than_the_optimal_one():
    plan, risk_aversion = paper_plan(), 1e-6

    def utility(holdings):
        mean, deviation = plan.cost(holdings)
        return mean + risk_aversion * deviation**2

    best = plan.trajectory(risk_aversion)
    for seed in range(200):
        nudge = np.zeros(6)
        nudge[1:5] = np.random.default_rng(seed).normal(0, 20_000, 4)
        assert utility(best + nudge) > utility(best)


def test_without_risk_aversion_the_optimum_is_to_sell_evenly():
    assert paper_plan().trajectory(0.0) == pytest.approx(np.linspace(1e6, 0, 6))


def test_a_step_too_coarse_for_the_temporary_impact_has_no_optimum():
    plan = paper_plan(gamma=6e-6)
    with pytest.raises(ValueError, match="no trajectory is optimal at a risk aversion of 1e-06"):
        plan.trajectory(1e-6)


def test_temporary_impact_of_almgren_2005_for_ibm_and_dri():
    """Table 3: ten per cent of a day's volume; J less half of I, in basis points, is eta sigma |X / (V T)|^0.6."""
    for volatility_bp, volume, quantity, durations, permanent, total in (
        (157.0, 6.561e6, 656_100, (0.1, 0.2, 0.5), 20, (32, 25, 18)),
        (226.0, 1.929e6, 192_900, (0.1, 0.2, 0.5), 22, (43, 32, 23)),
    ):
        shares_out = {6.561e6: 1728e6, 1.929e6: 168e6}[volume]
        linear = Impact.power(
            volatility=volatility_bp,
            daily_volume=volume,
            coefficient=0.314 * (shares_out / volume) ** 0.25,
            exponent=1.0,
        )
        assert linear.total(quantity) == pytest.approx(permanent, abs=0.5)
        for duration, expected in zip(durations, total, strict=True):
            temporary = Impact.power(
                volatility=volatility_bp, daily_volume=volume * duration, coefficient=0.142, exponent=0.6
            )
            assert linear.total(quantity) / 2 + temporary.total(quantity) == pytest.approx(expected, abs=0.55)


def test_the_square_root_law_moves_the_price_by_a_daily_volatility_for_a_day_s_volume():
    law = Impact.power(volatility=150.0, daily_volume=10_000.0)
    assert law.total(10_000.0) == 150.0
    assert law.total(100.0) == pytest.approx(15.0)  # one per cent of the volume: a tenth of the volatility
    assert law.total(-400.0) == pytest.approx(-30.0)
    assert law.total(400.0) == pytest.approx(2 * law.total(100.0))
    assert law.permanent(100.0) == 0.0


def test_linear_impact_is_proportional_and_its_permanent_share_stays():
    model = Impact.linear(0.02, permanent_share=0.25)
    assert (model.total(50.0), model.total(-50.0), model.permanent(50.0)) == (1.0, -1.0, 0.25)


def test_almgren_chriss_charges_half_the_spread_once_and_more_for_haste():
    model = Impact.almgren_chriss(gamma=1e-3, eta=2e-3, epsilon=0.5)
    assert model.total(100.0, 1.0) == pytest.approx(0.1 + 0.5 + 0.2)
    assert model.total(-100.0, 2.0) == pytest.approx(-(0.1 + 0.5 + 0.1))
    assert model.permanent(100.0) == pytest.approx(0.1)
    assert model.total(0.0) == 0.0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Impact.linear(-1.0), "slope must be a finite number of at least 0, was -1.0"),
        (lambda: Impact.linear(1.0, permanent_share=2.0), "permanent_share must be 0 to 1, was 2.0"),
        (lambda: Impact.power(volatility=1.0, daily_volume=0.0), "daily_volume must be a finite number above 0"),
        (lambda: Impact.almgren_chriss(gamma=float("nan"), eta=1.0), "gamma must be a finite number"),
        (lambda: Impact.none().total(1.0, 0.0), "duration must be a finite number above 0, was 0.0"),
        (lambda: paper_plan(periods=0), "periods must be 1 to 10000, was 0"),
        (lambda: paper_plan().cost([1.0]), "holdings must be 6 numbers, were 1"),
        (lambda: PartialFills(-1.0), "count_mean must be 0 to 1024, was -1.0"),
        (lambda: PartialFills(3.0, 0.0), "alpha must be 0.01 to 1e6, was 0.0"),
        (lambda: PartialFills().pieces(0, seed=1), "remaining_lots must be 1 to"),
        (lambda: Draws(1).fill_poisson(np.zeros(1, np.int64), 2_000.0), "mean must be 0 to 1024, was 2000.0"),
        (lambda: Draws(1).fill_beta(np.zeros(1), 0.0), "alpha must be a finite number above 0, was 0.0"),
    ],
)
def test_a_broken_parameter_is_named_with_its_rule(make, words):
    with pytest.raises(ValueError, match=words):
        make()


class InAndOut(bot4.Strategy):
    """Buys and sells again, over and over, in a market that does not move."""

    def __init__(self, lots: int) -> None:
        self.lots, self.seen = lots, 0

    def on_book(self, market) -> None:
        self.seen += 1
        if self.seen % 10 == 3:
            market.buy(self.lots)
        elif self.seen % 10 == 8 and market.position_lots > 0:
            market.sell(market.position_lots)


def still_quotes():
    rows = quotes(200)
    rows["bid_ticks"], rows["ask_ticks"] = 120_000, 120_001
    return rows


def still_depth():
    rows, stamps = l2_market(2)[0], START_NS + np.arange(200) * MS
    first = rows[rows["recv_ns"] == rows["recv_ns"][0]]
    found = np.concatenate([first] * len(stamps))
    found["recv_ns"] = found["venue_ns"] = np.repeat(stamps, len(first))
    return found


@pytest.mark.parametrize("rows", [still_quotes(), bars([120_000] * 200, reach=0), still_depth()])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_who_moves_a_still_market_and_closes_again_never_earns_by_it(rows, share):
    def profit(**changed: object) -> float:
        settings = roomy(paper__taker_fee_bps="0", strategy__take_slippage_bps=50, **changed)
        result = bot4.backtest(rows, instrument(), InAndOut(20), settings=settings)
        assert len(result.trades) >= 19
        return float(result.profit)

    without = profit()
    chosen = {"impact__model": "linear", "impact__slope": 500.0, "impact__permanent_share": share}
    assert profit(**chosen) <= without < 0.0
    if share > 0.0 or rows.dtype != bot4.Rows.L2:
        assert profit(**chosen) < without
