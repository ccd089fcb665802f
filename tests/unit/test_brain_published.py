"""Published figures of position sizing (Kelly, Thorp, Chan), and rules of thumb that follow from them."""

from __future__ import annotations

import pytest

from bot4._core.brain.study import growth_of, kelly, kelly_bet, shrinkage


def test_chans_spy_example_bets_two_and_a_half_times_and_grows_thirteen_percent() -> None:
    fraction, growth = kelly(0.1123, 0.1691, 0.04)
    assert fraction == pytest.approx(2.5288, abs=1e-3)  # published 2.528
    assert growth == pytest.approx(0.13143, abs=5e-5)  # published 13.14 %


def test_thorps_example_bets_twice_and_grows_eleven_percent() -> None:
    fraction, growth = kelly(0.11, 0.15, 0.06)
    assert fraction == pytest.approx(2.222, abs=5e-4)
    assert growth == pytest.approx(0.1156, abs=5e-5)


def test_half_of_kelly_keeps_three_quarters_of_the_excess_growth() -> None:
    mean, deviation, risk_free = 0.11, 0.15, 0.06
    fraction, growth = kelly(mean, deviation, risk_free)
    half = growth_of(fraction / 2, mean, deviation, risk_free)
    assert (half - risk_free) / (growth - risk_free) == pytest.approx(0.75, abs=1e-12)


def test_a_coin_that_falls_right_51_times_in_100_is_worth_two_percent() -> None:
    assert kelly_bet(0.51) == pytest.approx(0.02, abs=1e-12)


def test_a_mean_that_is_known_as_badly_as_it_is_large_halves_the_fraction() -> None:
    assert shrinkage(0.01, 0.01) == 0.5
    assert shrinkage(0.01, 0.0) == 1.0
    assert shrinkage(0.0, 0.01) == 0.0


@pytest.mark.parametrize("planted", [lambda m, s, r: (m - 0 * r) / s**2, lambda m, s, r: (m - r) / s])
def test_a_formula_without_the_riskless_rate_or_the_square_misses_the_published_figures(planted) -> None:
    assert planted(0.11, 0.15, 0.06) != pytest.approx(2.222, abs=5e-4)
