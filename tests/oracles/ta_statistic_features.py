"""Slow twins of the statistics added to the first features: NumPy and plain sums, from the definitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from oracles.ta_trend_features import NAN, Twin, column, windows
from oracles.ta_volume_features import log_returns
from oracles.ta_walks import Row, Scale

# Returns whose variance is less than this share of their mean square do not vary: it is rounding.
FLAT = 1e-14
Matrix = np.ndarray
# A value of each row of a matrix: the last n returns up to each bar.
Statistic = Callable[[Matrix], Matrix]


def moving(values: Sequence[float], period: int) -> Matrix:
    """Windows as rows, with the extra digits of a long double."""
    return np.lib.stride_tricks.sliding_window_view(np.array(values, dtype=np.longdouble), period)


def over_windows(period: int, value: Statistic) -> Twin:
    """A value of the last `period` log returns, by whole windows, each centred first."""

    def series(bars: Sequence[Row], _: Scale) -> list[float]:
        returns = log_returns(bars)[1:]
        if len(returns) < period:
            return [NAN] * len(bars)
        return [NAN] * period + [float(x) for x in value(moving(returns, period))]

    return series


def centred(x: Matrix) -> Matrix:
    return x - x.mean(axis=-1, keepdims=True)


def varying(x: Matrix) -> Matrix:
    return (centred(x) ** 2).mean(axis=-1) > FLAT * (x**2).mean(axis=-1)


def shape(x: Matrix) -> tuple[Matrix, Matrix]:
    """Population skewness and excess kurtosis; 0 where nothing varies."""
    d = centred(x)
    second = np.where(varying(x), (d**2).mean(axis=-1), 1.0)
    third, fourth = (d * d * d).mean(axis=-1), (d * d * (d * d)).mean(axis=-1)
    return np.where(varying(x), third / (second * np.sqrt(second)), 0.0), np.where(
        varying(x), fourth / second**2 - 3.0, 0.0
    )


def skew(x: Matrix) -> Matrix:
    n = x.shape[-1]
    return math.sqrt(n * (n - 1)) / (n - 2) * shape(x)[0]


def kurtosis(x: Matrix) -> Matrix:
    n = x.shape[-1]
    return np.where(varying(x), (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * shape(x)[1] + 6), 0.0)


def jarque_bera(x: Matrix) -> Matrix:
    skewness, excess = shape(x)
    return x.shape[-1] / 6 * (skewness**2 + excess**2 / 4)


def correlation(x: Matrix, y: Matrix) -> Matrix:
    a, b = centred(x), centred(y)
    vary = varying(x) & varying(y)
    size = np.where(vary, np.sqrt((a * a).sum(axis=-1)) * np.sqrt((b * b).sum(axis=-1)), 1.0)
    return np.where(vary, (a * b).sum(axis=-1) / size, 0.0)


def beta(x: Matrix, y: Matrix) -> Matrix:
    """Slope of x on y."""
    a, b = centred(x), centred(y)
    return np.where(varying(y), (a * b).sum(axis=-1) / np.where(varying(y), (b * b).sum(axis=-1), 1.0), 0.0)


def variance_ratio(x: Matrix) -> Matrix:
    """Lo and MacKinlay (1988): overlapping returns of five bars over those of one, both unbiased."""
    n, q = x.shape[-1], 5
    one = (centred(x) ** 2).sum(axis=-1) / (n - 1)
    fives = np.lib.stride_tricks.sliding_window_view(centred(x), q, axis=-1).sum(axis=-1)
    five = (fives**2).sum(axis=-1) / (q * (n - q + 1) * (1 - q / n))
    return np.where(varying(x), five / np.where(varying(x), one, 1.0), 1.0)


def hurst(x: Matrix) -> Matrix:
    """Slope of ln(R/S) on ln(n) over pieces of 10, 20, 50 and 100 returns."""
    sizes, points = (10, 20, 50, 100), []
    for size in sizes:
        pieces = x.reshape(len(x), -1, size)
        path = np.cumsum(centred(pieces), axis=-1)
        deviation = np.sqrt((centred(pieces) ** 2).mean(axis=-1))
        vary = varying(pieces)
        ratios = np.where(vary, (path.max(axis=-1) - path.min(axis=-1)) / np.where(vary, deviation, 1.0), 0.0)
        points.append(np.log(ratios.sum(axis=-1) / np.maximum(vary.sum(axis=-1), 1) + (vary.sum(axis=-1) == 0)))
        points[-1][vary.sum(axis=-1) == 0] = np.nan
    logs = np.log(np.array(sizes)) - np.log(np.array(sizes)).mean()
    slope = sum(a * p for a, p in zip(logs, points, strict=True)) / (logs**2).sum()
    return np.where(np.isnan(slope), 0.5, slope)


def exact_correlation(x: Sequence[int], y: Sequence[int]) -> float:
    """Of integers, with nothing rounded before the end."""
    n = len(x)
    xx = n * sum(a * a for a in x) - sum(x) ** 2
    yy = n * sum(b * b for b in y) - sum(y) ** 2
    xy = n * sum(a * b for a, b in zip(x, y, strict=True)) - sum(x) * sum(y)
    return xy / math.sqrt(xx) / math.sqrt(yy) if xx and yy else 0.0


def percent_rank(window: Sequence[int]) -> float:
    return 100 * sum(x < window[-1] for x in window[:-1]) / 50


def half_life(window: Sequence[int]) -> float:
    """Bars until half a deviation is gone, by the slope of each of the last 60 closes on the one before."""
    before, now = window[:-1], window[1:]
    n = len(before)
    spread = n * sum(x * x for x in before) - sum(before) ** 2
    together = n * sum(x * y for x, y in zip(before, now, strict=True)) - sum(before) * sum(now)
    return -math.log(2) / math.log(together / spread) if 0 < together < spread else 0.0


def illiquidity(bars: Sequence[Row], scale: Scale) -> list[float]:
    per_bar = [abs(r) / (bar[3] * bar[4]) if bar[4] else 0.0 for r, bar in zip(log_returns(bars), bars, strict=True)][
        1:
    ]
    series = windows(per_bar, 20, lambda w: math.fsum(w) / 20 / scale.tick_size / scale.lot_size)
    return [NAN] * min(1, len(bars)) + series


STATISTIC_TWINS: dict[str, Twin] = {
    "skew_60": over_windows(60, skew),
    "kurtosis_60": over_windows(60, kurtosis),
    "autocorrelation_20": over_windows(21, lambda x: correlation(x[:, 1:], x[:, :-1])),
    "correlation_volume_30": lambda bars, _: windows(bars, 30, lambda w: exact_correlation(column(w, 3), column(w, 4))),
    "variance_ratio_5": over_windows(60, variance_ratio),
    "median_20": lambda bars, scale: windows(column(bars, 3), 20, lambda w: sum(sorted(w)[9:11]) / 2 * scale.tick_size),
    "percent_rank_50": lambda bars, _: windows(column(bars, 3), 51, percent_rank),
    "jarque_bera_60": over_windows(60, jarque_bera),
    "hurst_100": over_windows(100, hurst),
    "half_life_60": lambda bars, _: windows(column(bars, 3), 61, half_life),
    "amihud_20": illiquidity,
}

ReferenceTwin = Callable[[Sequence[Row], Sequence[int], Scale], list[float]]


def against_reference(value: Callable[[Matrix, Matrix], Matrix]) -> ReferenceTwin:
    """A value of the last 60 returns of the bars and of the reference price in force at each bar's end; 0 is none."""

    def series(bars: Sequence[Row], references: Sequence[int], _: Scale) -> list[float]:
        own, pairs = log_returns(bars), []
        for i in range(1, len(bars)):
            if references[i] and references[i - 1]:
                other = log_returns([(0, 0, 0, references[i - 1]), (0, 0, 0, references[i])])[1]
                pairs.append((own[i], other))
        if len(pairs) < 60:
            return [NAN] * len(bars)
        x, y = zip(*pairs, strict=True)
        values = [float(v) for v in value(moving(x, 60), moving(y, 60))]
        return [NAN] * (len(bars) - len(values)) + values

    return series


REFERENCE_TWINS: dict[str, ReferenceTwin] = {
    "beta_60": against_reference(beta),
    "correlation_60": against_reference(correlation),
}
