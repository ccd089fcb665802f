# cython: language_level=3
"""The registry of features: for each its number, definition, unit, warm-up and oracle.

The number is the feature's place in the full plan of the bank; the place in the vector is its rank among those present,
so it may move when features are added: look it up by name.
"""

from typing import NamedTuple


class FeatureSpec(NamedTuple):
    """One feature of the bank.

    `warm_up` counts inputs of `clock`: the feature is ready from that many on, and NaN before.
    `input` says which call moves it (bar, top or trade). `oracle` names what its tests compare it with.
    """

    name: str
    number: int
    family: str
    input: str
    clock: FeatureClock
    warm_up: int
    parameters: str
    unit: str
    definition: str
    oracle: str
    edge: str


FEATURES = (
    FeatureSpec(
        "sma_10", 2, "trend", "bar", FeatureClock.CLOCK_BAR, 10, "period=10", "price",
        "mean of the last 10 closes",
        "TA-Lib SMA", "",
    ),
    FeatureSpec(
        "sma_20", 3, "trend", "bar", FeatureClock.CLOCK_BAR, 20, "period=20", "price",
        "mean of the last 20 closes",
        "TA-Lib SMA", "",
    ),
    FeatureSpec(
        "sma_50", 4, "trend", "bar", FeatureClock.CLOCK_BAR, 50, "period=50", "price",
        "mean of the last 50 closes",
        "TA-Lib SMA", "",
    ),
    FeatureSpec(
        "ema_12", 8, "trend", "bar", FeatureClock.CLOCK_BAR, 12, "period=12", "price",
        "exponential mean of the close, alpha 2/13, seeded by SMA 12",
        "TA-Lib EMA", "",
    ),
    FeatureSpec(
        "ema_26", 10, "trend", "bar", FeatureClock.CLOCK_BAR, 26, "period=26", "price",
        "exponential mean of the close, alpha 2/27, seeded by SMA 26",
        "TA-Lib EMA", "",
    ),
    FeatureSpec(
        "rsi_14", 24, "momentum", "bar", FeatureClock.CLOCK_BAR, 15, "period=14", "0..100",
        "100 G/(G+L), Wilder means of gains and losses over 14",
        "TA-Lib RSI", "0.0 where G + L is 0: no change yet, or none for some 8,700 bars",
    ),
    FeatureSpec(
        "macd_line", 25, "momentum", "bar", FeatureClock.CLOCK_BAR, 34, "fast=12, slow=26, signal=9", "price",
        "EMA 12 - EMA 26, the fast one seeded from closes 15 to 26",
        "TA-Lib MACD", "",
    ),
    FeatureSpec(
        "macd_signal", 26, "momentum", "bar", FeatureClock.CLOCK_BAR, 34, "fast=12, slow=26, signal=9", "price",
        "EMA 9 of macd_line",
        "TA-Lib MACD", "",
    ),
    FeatureSpec(
        "macd_hist", 27, "momentum", "bar", FeatureClock.CLOCK_BAR, 34, "fast=12, slow=26, signal=9", "price",
        "macd_line - macd_signal",
        "TA-Lib MACD", "",
    ),
    FeatureSpec(
        "roc_10", 29, "momentum", "bar", FeatureClock.CLOCK_BAR, 11, "period=10", "percent",
        "100 (close - close 10 bars ago) / close 10 bars ago",
        "TA-Lib ROC", "",
    ),
    FeatureSpec(
        "mom_10", 30, "momentum", "bar", FeatureClock.CLOCK_BAR, 11, "period=10", "price",
        "close - close 10 bars ago",
        "TA-Lib MOM", "",
    ),
    FeatureSpec(
        "bb_percent_20", 47, "channels", "bar", FeatureClock.CLOCK_BAR, 20, "period=20, deviations=2", "1",
        "(close - lower) / (upper - lower)",
        "TA-Lib BBANDS", "0.5 where the band has no width",
    ),
    FeatureSpec(
        "bb_bandwidth_20", 48, "channels", "bar", FeatureClock.CLOCK_BAR, 20, "period=20, deviations=2", "1",
        "(upper - lower) / middle",
        "TA-Lib BBANDS", "",
    ),
    FeatureSpec(
        "zscore_20", 56, "channels", "bar", FeatureClock.CLOCK_BAR, 20, "period=20", "1",
        "(close - mean) / population deviation of the last 20 closes",
        "numpy", "0.0 where the deviation is 0",
    ),
    FeatureSpec(
        "atr_14", 58, "volatility", "bar", FeatureClock.CLOCK_BAR, 15, "period=14", "price",
        "Wilder mean of the true range over 14",
        "TA-Lib ATR", "",
    ),
    FeatureSpec(
        "stddev_20", 60, "volatility", "bar", FeatureClock.CLOCK_BAR, 20, "period=20", "price",
        "population standard deviation of the last 20 closes",
        "TA-Lib STDDEV", "",
    ),
    FeatureSpec(
        "realised_vol_20", 62, "volatility", "bar", FeatureClock.CLOCK_BAR, 21, "period=20", "1 per bar",
        "square root of the sum of the last 20 squared log returns",
        "numpy", "",
    ),
    FeatureSpec(
        "ewma_vol_94", 68, "volatility", "bar", FeatureClock.CLOCK_BAR, 21, "lambda=0.94", "1 per bar",
        "square root of v, v = .94 v + .06 r^2, seeded by the mean of the first 20 r^2",
        "numpy", "",
    ),
    FeatureSpec(
        "obv", 73, "volume", "bar", FeatureClock.CLOCK_BAR, 1, "", "base quantity",
        "volume, signed by the change of the close, summed; begins with the first bar's volume",
        "TA-Lib OBV", "",
    ),
    FeatureSpec(
        "return_1", 85, "statistics", "bar", FeatureClock.CLOCK_BAR, 2, "lag=1", "1",
        "ln(close / previous close)",
        "numpy", "",
    ),
    FeatureSpec(
        "return_5", 86, "statistics", "bar", FeatureClock.CLOCK_BAR, 6, "lag=5", "1",
        "ln(close / close 5 bars ago)",
        "numpy", "",
    ),
    FeatureSpec(
        "relative_spread", 99, "microstructure", "top", FeatureClock.CLOCK_TOP, 1, "", "1",
        "(ask - bid) / mid",
        "definition", "",
    ),
    FeatureSpec(
        "queue_imbalance", 100, "microstructure", "top", FeatureClock.CLOCK_TOP, 1, "", "-1..1",
        "(bid qty - ask qty) / (bid qty + ask qty) at the best prices",
        "definition", "",
    ),
    FeatureSpec(
        "depth_imbalance_5", 101, "microstructure", "top", FeatureClock.CLOCK_TOP, 1, "levels=5", "-1..1",
        "the same over the first five levels of each side",
        "definition", "",
    ),
    FeatureSpec(
        "microprice_offset", 102, "microstructure", "top", FeatureClock.CLOCK_TOP, 1, "", "price",
        "(ask * bid qty + bid * ask qty) / (bid qty + ask qty) - mid",
        "definition", "",
    ),
    FeatureSpec(
        "ofi_50", 103, "microstructure", "top", FeatureClock.CLOCK_QUOTE, 51, "events=50", "base quantity",
        "sum of e_n over the last 50 changes of the best level",
        "definition", "",
    ),
    FeatureSpec(
        "trade_imbalance_50", 106, "microstructure", "trade", FeatureClock.CLOCK_TRADE, 50, "trades=50", "-1..1",
        "(bought - sold) / (bought + sold) by takers, last 50 trades",
        "definition", "",
    ),
    FeatureSpec(
        "kyle_lambda_50", 108, "microstructure", "trade", FeatureClock.CLOCK_TRADE, 51, "trades=50", "price per base quantity",
        "least-squares slope of the price change on the signed quantity, last 50 trades",
        "numpy polyfit", "0.0 where the signed quantity does not vary",
    ),
    FeatureSpec(
        "roll_spread_20", 110, "microstructure", "trade", FeatureClock.CLOCK_TRADE, 22, "pairs=20", "price",
        "2 sqrt(-cov) of successive price changes, population covariance of the last 20 pairs",
        "numpy", "0.0 where the covariance is not negative",
    ),
    FeatureSpec(
        "trade_rate", 111, "microstructure", "trade", FeatureClock.CLOCK_TRADE, 50, "tau_s=10", "trades per second",
        "sum of exp(-age / tau) / tau over all trades, at the last trade",
        "definition", "a stamp behind the last one counts as the same instant",
    ),
    FeatureSpec(
        "effective_spread_50", 112, "microstructure", "trade", FeatureClock.CLOCK_QUOTED_TRADE, 50, "period=50", "1",
        "EMA 50 of 2 D (price - mid) / mid, D +1 where the buyer took, mid of the last top",
        "definition", "trades before the first top do not count",
    ),
    FeatureSpec(
        "mid_trend", 113, "microstructure", "top", FeatureClock.CLOCK_QUOTE, 101, "fast=20, slow=100", "1",
        "(EMA 20 - EMA 100 of mid) / sqrt(EMA 100 of the squared change of mid), per change of the best level",
        "definition", "0.0 where mid has not moved",
    ),
)


def _places() -> list:
    """Names of the enumeration of the .pxd, in the order of their values."""
    places = [name for name in globals() if name.startswith("FEATURE_") and name != "FEATURE_COUNT"]
    return sorted(places, key=globals().__getitem__)


def check_registry(features) -> None:
    """Refuse a list of features that does not agree with the places the kernels write to.

    Raises
    ------
    RuntimeError
        Where a name is not at its place, a number does not rise, or the list is too short or too long.
    """
    names = [name.removeprefix("FEATURE_").lower() for name in _places()]
    listed = [feature.name for feature in features]
    if listed != names:
        wrong = [pair for pair in zip(listed, names) if pair[0] != pair[1]]
        raise RuntimeError(f"features must be listed in the order of their places, were {wrong or (listed, names)}")
    if len(names) > FEATURE_CAPACITY:
        raise RuntimeError(f"features must be at most {FEATURE_CAPACITY}, were {len(names)}")
    numbers = [feature.number for feature in features]
    if numbers != sorted(set(numbers)):
        raise RuntimeError(f"feature numbers must rise, were {numbers}")


def feature_index(name: str) -> int:
    """Return the place of a feature in the vector.

    Raises
    ------
    KeyError
        Where there is no such feature.

    >>> FEATURES[feature_index("rsi_14")].warm_up
    15
    """
    for index, feature in enumerate(FEATURES):
        if feature.name == name:
            return index
    raise KeyError(f"there is no feature {name!r}")
