"""Features against pandas, SciPy, statsmodels and arch; the fit of GARCH against its published benchmark."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from oracles import ta_walks

from bot4._core.ta.features import Features
from bot4._core.ta.registry import FEATURES
from bot4._core.ta.selection import Garch
from bot4.quant.garch_fit import fit_garch

arch = pytest.importorskip("arch", reason="arch is not installed (extra: quant)")
unitroot = pytest.importorskip("arch.unitroot")
statsmodels = pytest.importorskip("statsmodels.api")

TICK, LOT = 0.01, 0.001
LENGTH = 400
BARS = np.array(ta_walks.bars("calm", LENGTH, 11), dtype=np.int64)
BARS[:, :4] += 20_000 - BARS[:, 2].min()  # returns large enough for what a logarithm of a price leaves of them
BARS[:, 4] = BARS[:, 4] % 9_973 + 1
BARS[:, 5] = 0
REFERENCE = np.array(ta_walks.closes("calm", LENGTH, 12)) + 30_000


def column(name: str, garch: Garch | None = None) -> np.ndarray:
    bank = Features(TICK, LOT, 1, select=[name], garch=garch)
    return bank.on_bars(BARS, REFERENCE)[:, bank.place(name)]


def frame() -> pd.DataFrame:
    return pd.DataFrame(BARS[:, :5] * np.array([TICK, TICK, TICK, TICK, LOT]), columns=list("ohlcv"))


PRICES = frame()
RETURNS = np.log(PRICES["c"]).diff()
OTHER = np.log(pd.Series(REFERENCE)).diff()
TYPICAL = (PRICES["h"] + PRICES["l"] + PRICES["c"]) / 3
MEAN_PRICE = (TYPICAL * PRICES["v"]).rolling(20).sum() / PRICES["v"].rolling(20).sum()


def variance_ratio() -> pd.Series:
    log_price = np.log(PRICES["c"].to_numpy())
    ratios = [unitroot.VarianceRatio(log_price[i - 60 : i + 1], 5).vr for i in range(60, LENGTH)]
    return pd.Series([np.nan] * 60 + ratios)


def half_life() -> pd.Series:
    close = PRICES["c"].to_numpy()
    values = []
    for i in range(60, LENGTH):
        fit = statsmodels.OLS(close[i - 59 : i + 1], statsmodels.add_constant(close[i - 60 : i])).fit()
        values.append(-np.log(2) / np.log(fit.params[1]) if 0 < fit.params[1] < 1 else 0.0)
    return pd.Series([np.nan] * 60 + values)


EXPECTED = {
    "drawdown_100": lambda: PRICES["c"] / PRICES["c"].rolling(100).max() - 1,
    "sma_200_distance": lambda: PRICES["c"] / PRICES["c"].rolling(200).mean() - 1,
    "realised_vol_10": lambda: np.sqrt((RETURNS**2).rolling(10).sum()),
    "realised_vol_60": lambda: np.sqrt((RETURNS**2).rolling(60).sum()),
    "vwap_20": lambda: MEAN_PRICE,
    "vwap_20_distance": lambda: PRICES["c"] / MEAN_PRICE - 1,
    "skew_60": lambda: RETURNS.rolling(60).skew(),
    "kurtosis_60": lambda: RETURNS.rolling(60).kurt(),
    "autocorrelation_20": lambda: RETURNS.rolling(20).corr(RETURNS.shift(1)),
    "beta_60": lambda: RETURNS.rolling(60).cov(OTHER) / OTHER.rolling(60).var(),
    "correlation_60": lambda: RETURNS.rolling(60).corr(OTHER),
    "median_20": lambda: PRICES["c"].rolling(20).median(),
    "jarque_bera_60": lambda: RETURNS.rolling(60).apply(lambda w: scipy.stats.jarque_bera(w).statistic),
    "amihud_20": lambda: (RETURNS.abs() / (PRICES["c"] * PRICES["v"])).rolling(20).mean(),
    "variance_ratio_5": variance_ratio,
    "half_life_60": half_life,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_feature_equals_the_library(name):
    got, wanted = column(name), EXPECTED[name]().to_numpy()
    assert (np.isnan(got) == np.isnan(wanted)).all()
    size = np.nanmax(np.abs(wanted))
    # pandas takes differences of logarithms near 6, and keeps sums: some 1e-16 of 6 in returns of 1e-3.
    np.testing.assert_allclose(got, wanted, rtol=1e-8, atol=1e-9 * size)


def test_every_feature_of_these_libraries_is_compared():
    libraries = ("pandas", "scipy", "statsmodels", "arch ")
    assert {f.name for f in FEATURES if f.oracle.startswith(libraries)} == set(EXPECTED)


def test_garch_filter_equals_arch():
    returns = RETURNS[1:].to_numpy()
    fitted = fit_garch(returns)
    values = column("garch_vol", Garch(*fitted.from_first()))
    model = arch.arch_model(returns, mean="Constant", vol="GARCH", p=1, q=1, rescale=False)
    # The variance of the first return comes from the one before it: omega + (alpha + beta) times that.
    before = (fitted.first_variance - fitted.omega) / (fitted.alpha + fitted.beta)
    model.volatility.start, model.volatility.stop = 0, len(returns)
    residuals, volatility = returns - fitted.mean, np.empty(len(returns))
    bounds = np.column_stack([np.zeros(len(returns)), np.full(len(returns), 1e6)])
    model.volatility.compute_variance(np.array(fitted[1:4]), residuals, volatility, before, bounds)
    volatility = np.sqrt(volatility)
    # Ours after a bar is of the bar to come.
    np.testing.assert_allclose(values[1:-1], volatility[1:], rtol=1e-9)
    assert values[-1] ** 2 == pytest.approx(fitted.next_variance, rel=1e-9)


@pytest.mark.real_data
def test_garch_fit_reproduces_the_published_benchmark(shared_data: Path):
    """Bollerslev and Ghysels' DM/GBP returns: Fiorentini, Calzolari and Panattoni (1996), the six published digits."""
    path = shared_data / "stats" / "dmbp.csv"
    if not path.exists():
        pytest.skip("no DM/GBP returns in the real market data")
    with path.open(newline="") as lines:
        returns = [float(row["V1"]) for row in csv.DictReader(lines)]
    fitted = fit_garch(returns)
    published = (-0.00619041, 0.0107613, 0.153134, 0.805974)
    assert fitted[:4] == pytest.approx(published, rel=1e-5)
    assert fitted.log_likelihood == pytest.approx(-1106.60788, abs=1e-5)


@pytest.mark.parametrize(
    ("returns", "rule"), [([0.1] * 99, "at least 100"), ([0.1] * 99 + [np.nan], "finite"), ([0.1] * 200, "must vary")]
)
def test_returns_that_cannot_be_fitted_are_refused(returns, rule):
    with pytest.raises(ValueError, match=rule):
        fit_garch(returns)
