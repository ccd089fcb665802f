"""Slow twins of the bar features: each from its definition, over plain lists, whole windows every time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from oracles.ta_walks import Row, Scale

NAN = math.nan
Twin = Callable[[Sequence[Row], Scale], list[float]]


def _close(bars: Sequence[Row]) -> list[int]:
    return [bar[3] for bar in bars]


def _windows(series: Sequence, period: int, value: Callable[[Sequence], float]) -> list[float]:
    """Apply `value` to each full window, with NaN before the first."""
    return [value(series[i + 1 - period : i + 1]) if i + 1 >= period else NAN for i in range(len(series))]


def exponential(series: Sequence[float], period: int, alpha: float | None = None) -> list[float]:
    """Exponential average of a series that may begin with NaN, seeded by the mean of its first `period` values."""
    alpha = 2.0 / (period + 1) if alpha is None else alpha
    averages: list[float] = []
    seen: list[float] = []
    average = NAN
    for x in series:
        if math.isnan(x):
            averages.append(NAN)
            continue
        seen.append(x)
        if len(seen) == period:
            average = sum(seen) / period
        elif len(seen) > period:
            average += alpha * (x - average)
        averages.append(average)
    return averages


def _wilder(series: Sequence[float], period: int) -> list[float]:
    return exponential(series, period, 1.0 / period)


def _sma(period: int) -> Twin:
    return lambda bars, scale: _windows(_close(bars), period, lambda w: sum(w) / period * scale.tick_size)


def _ema(period: int) -> Twin:
    return lambda bars, scale: exponential([c * scale.tick_size for c in _close(bars)], period)


def _changes(bars: Sequence[Row]) -> list[float]:
    close = _close(bars)
    return [NAN] + [float(b - a) for a, b in itertools.pairwise(close)]


def _rsi(bars: Sequence[Row], _: Scale) -> list[float]:
    gains = _wilder([max(x, 0.0) if x == x else NAN for x in _changes(bars)], 14)  # noqa: PLR0124 - NaN stays
    losses = _wilder([max(-x, 0.0) if x == x else NAN for x in _changes(bars)], 14)  # noqa: PLR0124
    return [
        NAN if math.isnan(g) else 100.0 * g / (g + l) if g + l > 0 else 0.0
        for g, l in zip(gains, losses, strict=True)  # noqa: E741
    ]


def _macd(output: int) -> Twin:
    def value(bars: Sequence[Row], scale: Scale) -> list[float]:
        close = [c * scale.tick_size for c in _close(bars)]
        # TA-Lib begins the fast average where it can end with the slow one's seed: 14 closes late.
        fast = exponential([NAN] * min(14, len(close)) + close[14:], 12)
        slow = exponential(close, 26)
        line = [f - s for f, s in zip(fast, slow, strict=True)]
        signal = exponential(line, 9)
        rows = [(m, s, m - s) for m, s in zip(line, signal, strict=True)]
        return [row[output] if not math.isnan(row[1]) else NAN for row in rows]

    return value


def _lagged(lag: int, value: Callable[[int, int, Scale], float]) -> Twin:
    def series(bars: Sequence[Row], scale: Scale) -> list[float]:
        close = _close(bars)
        return [value(close[i], close[i - lag], scale) if i >= lag else NAN for i in range(len(close))]

    return series


def _log_return(new: int, old: int, _: Scale | None = None) -> float:
    return math.log1p((new - old) / old) if abs(new - old) < old / 2 else math.log(new) - math.log(old)


def _deviation_ticks(window: Sequence[int]) -> float:
    n = len(window)
    return math.sqrt(n * sum(x * x for x in window) - sum(window) ** 2) / n


def _zscore(window: Sequence[int]) -> float:
    deviation = _deviation_ticks(window)
    return (20 * window[-1] - sum(window)) / 20 / deviation if deviation else 0.0


def _percent_b(window: Sequence[int]) -> float:
    deviation = _deviation_ticks(window)
    # close - lower over upper - lower, with close - middle taken in whole ticks first.
    above_middle = (20 * window[-1] - sum(window)) / 20
    return (above_middle + 2 * deviation) / (4 * deviation) if deviation else 0.5


def _channel(value: Callable[[Sequence[int]], float]) -> Twin:
    return lambda bars, _: _windows(_close(bars), 20, value)


def _atr(bars: Sequence[Row], scale: Scale) -> list[float]:
    ranges = [NAN]
    for before, bar in itertools.pairwise(bars):
        ranges.append(float(max(bar[1] - bar[2], abs(bar[1] - before[3]), abs(bar[2] - before[3]))))
    return [x * scale.tick_size for x in _wilder(ranges, 14)]


def _squared_returns(bars: Sequence[Row]) -> list[float]:
    close = _close(bars)
    return [NAN] + [_log_return(b, a) ** 2 for a, b in itertools.pairwise(close)]


def _realised(bars: Sequence[Row], _: Scale) -> list[float]:
    return _windows(_squared_returns(bars), 20, lambda w: math.sqrt(math.fsum(w)) if not math.isnan(w[0]) else NAN)


def _ewma_volatility(bars: Sequence[Row], _: Scale) -> list[float]:
    return [math.sqrt(v) if not math.isnan(v) else NAN for v in exponential(_squared_returns(bars), 20, 0.06)]


def _obv(bars: Sequence[Row], scale: Scale) -> list[float]:
    total, before, series = 0, 0, []
    for bar in bars:
        total += bar[4] if bar[3] > before else -bar[4] if bar[3] < before else 0
        before = bar[3]
        series.append(total * scale.lot_size)
    return series


TWINS: dict[str, Twin] = {
    "sma_10": _sma(10),
    "sma_20": _sma(20),
    "sma_50": _sma(50),
    "ema_12": _ema(12),
    "ema_26": _ema(26),
    "rsi_14": _rsi,
    "macd_line": _macd(0),
    "macd_signal": _macd(1),
    "macd_hist": _macd(2),
    "roc_10": _lagged(10, lambda new, old, _: (new - old) / old * 100),
    "mom_10": _lagged(10, lambda new, old, scale: (new - old) * scale.tick_size),
    "bb_percent_20": _channel(_percent_b),
    "bb_bandwidth_20": _channel(lambda w: 4 * _deviation_ticks(w) / (sum(w) / 20)),
    "zscore_20": _channel(_zscore),
    "atr_14": _atr,
    "stddev_20": lambda bars, scale: _windows(_close(bars), 20, lambda w: _deviation_ticks(w) * scale.tick_size),
    "realised_vol_20": _realised,
    "ewma_vol_94": _ewma_volatility,
    "obv": _obv,
    "return_1": _lagged(1, _log_return),
    "return_5": _lagged(5, _log_return),
}


def scales(bars: Sequence[Row], scale: Scale) -> dict[str, float]:
    """Size of each feature below which a relative difference is not asked for.

    Recursions over prices round at the price's last digits, however small their difference: 1e-5 of the price, so that
    1e-9 of it is a hundred roundings.
    """
    price = max((bar[1] for bar in bars), default=1) * scale.tick_size
    near_zero = ("macd_line", "macd_signal", "macd_hist", "dema_20", "tema_20", "t3_5", "hma_16")
    recursions = dict.fromkeys(near_zero, 1e-5 * price)
    differences = dict.fromkeys(("mom_10", "atr_14", "stddev_20"), 1e-3 * scale.tick_size)
    return recursions | differences
