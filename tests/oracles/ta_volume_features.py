"""Slow twins of the volatility and volume features added to the first ones: from the definitions, over plain lists."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

from oracles.ta_bar_features import exponential
from oracles.ta_trend_features import NAN, Twin, column, share, true_range, wilder, windows
from oracles.ta_walks import Row, Scale

DAY_NS = 86_400_000_000_000


def log_ratio(new: float, old: float) -> float:
    return math.log1p((new - old) / old) if abs(new - old) < old / 2 else math.log(new) - math.log(old)


def log_returns(bars: Sequence[Row]) -> list[float]:
    close = column(bars, 3)
    return [NAN] + [log_ratio(b, a) for a, b in itertools.pairwise(close)]


def over_returns(period: int, value: Callable[[list[float]], float]) -> Twin:
    """A value of the last `period` log returns."""

    def series(bars: Sequence[Row], _: Scale) -> list[float]:
        return [NAN] * min(1, len(bars)) + windows(log_returns(bars)[1:], period, value)

    return series


def parkinson(bars: Sequence[Row], _: Scale) -> list[float]:
    widths = [log_ratio(b[1], b[2]) ** 2 for b in bars]
    return windows(widths, 20, lambda w: math.sqrt(math.fsum(w) / (80 * math.log(2))))


def garman_klass(bars: Sequence[Row], _: Scale) -> list[float]:
    terms = [0.5 * log_ratio(b[1], b[2]) ** 2 - (2 * math.log(2) - 1) * log_ratio(b[3], b[0]) ** 2 for b in bars]
    return windows(terms, 20, lambda w: math.sqrt(max(math.fsum(w) / 20, 0.0)))


def satchell(b: Row) -> float:
    return log_ratio(b[1], b[3]) * log_ratio(b[1], b[0]) + log_ratio(b[2], b[3]) * log_ratio(b[2], b[0])


def rogers_satchell(bars: Sequence[Row], _: Scale) -> list[float]:
    return windows([satchell(b) for b in bars], 20, lambda w: math.sqrt(max(math.fsum(w) / 20, 0.0)))


def sample_variance(values: Sequence[float]) -> float:
    middle = math.fsum(values) / len(values)
    return math.fsum((x - middle) ** 2 for x in values) / (len(values) - 1)


def yang_zhang(bars: Sequence[Row], _: Scale) -> list[float]:
    """Over 20 bars and the close before them; k of Yang and Zhang (2000) with alpha 1.34."""
    jumps = [log_ratio(b[0], a[3]) for a, b in itertools.pairwise(bars)]
    bodies = [log_ratio(b[3], b[0]) for b in bars[1:]]
    others = [satchell(b) for b in bars[1:]]
    k = 0.34 / (1.34 + 21 / 19)
    parts = (windows(jumps, 20, sample_variance), windows(bodies, 20, sample_variance), windows(others, 20, math.fsum))
    values = [math.sqrt(max(a + k * b + (1 - k) * c / 20, 0.0)) for a, b, c in zip(*parts, strict=True)]
    return [NAN] * min(1, len(bars)) + [NAN if math.isnan(j) else v for j, v in zip(parts[0], values, strict=True)]


def mass_index(bars: Sequence[Row], _: Scale) -> list[float]:
    one = exponential([float(b[1] - b[2]) for b in bars], 9)
    ratios = [NAN if math.isnan(t) else o / t if t else 1.0 for o, t in zip(one, exponential(one, 9), strict=True)]
    return [
        math.nan if len(w) < 25 else math.fsum(w) for w in (ratios[max(i - 24, 0) : i + 1] for i in range(len(bars)))
    ]


def chaikin_volatility(bars: Sequence[Row], _: Scale) -> list[float]:
    width = exponential([float(b[1] - b[2]) for b in bars], 10)
    return [NAN] * min(10, len(bars)) + [share(b - a, a) for a, b in zip(width, width[10:], strict=False)]


def atr_percent(bars: Sequence[Row], _: Scale) -> list[float]:
    ranges = [NAN] + [float(true_range(a, b)) for a, b in itertools.pairwise(bars)]
    return [100 * w / b[3] for w, b in zip(wilder(ranges, 14), bars, strict=True)]


def garch(parameters: Sequence[float]) -> Twin:
    """Volatility of the next bar, by the recursion of Bollerslev (1986) from a first variance."""
    mean, omega, alpha, beta, start = parameters

    def series(bars: Sequence[Row], _: Scale) -> list[float]:
        variance, values = start, [NAN] * min(1, len(bars))
        for x in log_returns(bars)[1:]:
            variance = omega + alpha * (x - mean) ** 2 + beta * variance
            values.append(math.sqrt(variance))
        return values

    return series


VOLATILITY_TWINS: dict[str, Twin] = {
    "true_range": lambda bars, scale: (
        [NAN] * min(1, len(bars)) + [true_range(a, b) * scale.tick_size for a, b in itertools.pairwise(bars)]
    ),
    "natr_14": atr_percent,
    "realised_vol_10": over_returns(10, lambda w: math.sqrt(math.fsum(x * x for x in w))),
    "realised_vol_60": over_returns(60, lambda w: math.sqrt(math.fsum(x * x for x in w))),
    "parkinson_20": parkinson,
    "garman_klass_20": garman_klass,
    "rogers_satchell_20": rogers_satchell,
    "yang_zhang_20": yang_zhang,
    "bipower_20": over_returns(20, lambda w: math.pi / 2 * math.fsum(abs(a * b) for a, b in itertools.pairwise(w))),
    "mass_index_25": mass_index,
    "chaikin_volatility_10": chaikin_volatility,
}


def money_flow(bar: Row) -> float:
    width = bar[1] - bar[2]
    return ((bar[3] - bar[2]) - (bar[1] - bar[3])) / width * bar[4] if width else 0.0


def accumulation(bars: Sequence[Row]) -> list[float]:
    return [float(x) for x in np.cumsum(np.array([money_flow(bar) for bar in bars], dtype=np.longdouble))]


def chaikin_oscillator(bars: Sequence[Row], scale: Scale) -> list[float]:
    """Both averages start from the first value of the line, not from a mean."""
    fast = slow = None
    series = []
    for i, x in enumerate(accumulation(bars)):
        fast = x if fast is None else fast + (x - fast) * 2 / 4
        slow = x if slow is None else slow + (x - slow) * 2 / 11
        series.append((fast - slow) * scale.lot_size if i >= 9 else NAN)
    return series


def money_flow_index(bars: Sequence[Row], _: Scale) -> list[float]:
    typical = [sum(bar[1:4]) for bar in bars]
    flows = [
        (now * bar[4] * (now > before), now * bar[4] * (now < before))
        for before, now, bar in zip(typical, typical[1:], bars[1:], strict=False)
    ]

    def value(window: Sequence[tuple[int, int]]) -> float:
        up, down = (sum(column) for column in zip(*window, strict=True))
        return 100 * up / (up + down) if up + down else 0.0

    return [NAN] * min(1, len(bars)) + windows(flows, 14, value)


def chaikin_flow(window: Sequence[Row]) -> float:
    volume = sum(bar[4] for bar in window)
    return math.fsum(map(money_flow, window)) / volume if volume else 0.0


def force(bars: Sequence[Row], scale: Scale) -> list[float]:
    pushes = [NAN] + [float((b[3] - a[3]) * b[4]) for a, b in itertools.pairwise(bars)]
    return [x * scale.tick_size * scale.lot_size for x in exponential(pushes, 13)]


def average_price(window: Sequence[Row]) -> float:
    """Of the typical price by volume; of the typical price alone where there was no volume. In ticks."""
    volume = sum(bar[4] for bar in window)
    if not volume:
        return sum(sum(bar[1:4]) for bar in window) / (3 * len(window))
    return sum(sum(bar[1:4]) * bar[4] for bar in window) / (3 * volume)


def session_price(bars: Sequence[Row], scale: Scale) -> list[float]:
    session, turnover, volume, series = -1, 0, 0, []
    for bar in bars:
        if bar[7] // DAY_NS != session:
            session, turnover, volume = bar[7] // DAY_NS, 0, 0
        turnover += sum(bar[1:4]) * bar[4]
        volume += bar[4]
        series.append((turnover / volume if volume else sum(bar[1:4])) / 3 * scale.tick_size)
    return series


def volume_index(bars: Sequence[Row], _: Scale) -> list[float]:
    index, series = 1000.0, []
    for i, bar in enumerate(bars):
        if i and bar[4] < bars[i - 1][4]:
            index *= bar[3] / bars[i - 1][3]
        series.append(index)
    return series


def price_volume_trend(bars: Sequence[Row], scale: Scale) -> list[float]:
    moves = [0.0] + [(b[3] - a[3]) / a[3] * b[4] for a, b in itertools.pairwise(bars)]
    return [float(x) * scale.lot_size for x in np.cumsum(np.array(moves, dtype=np.longdouble))][: len(bars)]


def relative_volume(window: Sequence[Row]) -> float:
    before = sum(bar[4] for bar in window[:-1])
    return 20 * window[-1][4] / before if before else 0.0


VOLUME_TWINS: dict[str, Twin] = {
    "ad": lambda bars, scale: [x * scale.lot_size for x in accumulation(bars)],
    "adosc_3_10": chaikin_oscillator,
    "mfi_14": money_flow_index,
    "cmf_20": lambda bars, _: windows(bars, 20, chaikin_flow),
    "efi_13": force,
    "vwap_20": lambda bars, scale: windows(bars, 20, lambda w: average_price(w) * scale.tick_size),
    "vwap_20_distance": lambda bars, _: windows(bars, 20, lambda w: w[-1][3] / average_price(w) - 1),
    "relative_volume_20": lambda bars, _: windows(bars, 21, relative_volume),
    "pvt": price_volume_trend,
    "nvi": volume_index,
    "session_vwap": session_price,
}
