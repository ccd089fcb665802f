"""Slow twins of the averages, momentum and channel features after the first ones: plain lists, from definitions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from oracles.ta_bar_features import exponential
from oracles.ta_walks import Row, Scale

NAN = math.nan
Twin = Callable[[Sequence[Row], Scale], list[float]]


def column(bars: Sequence[Row], place: int) -> list[int]:
    return [bar[place] for bar in bars]


def windows(series: Sequence, period: int, value: Callable[[Sequence], float]) -> list[float]:
    """Apply `value` to each full window, with NaN before the first."""
    return [value(series[i + 1 - period : i + 1]) if i + 1 >= period else NAN for i in range(len(series))]


def clean(series: Sequence[float], period: int, value: Callable[[Sequence[float]], float]) -> list[float]:
    """As `windows`, over a series that begins with NaN."""
    first = next((i for i, x in enumerate(series) if not math.isnan(x)), len(series))
    return [NAN] * first + windows(series[first:], period, value)


def of_close(value: Callable[[Sequence[float]], Sequence[float]]) -> Twin:
    """A twin in units of price from a series of closes in ticks."""
    return lambda bars, scale: [x * scale.tick_size for x in value([float(c) for c in column(bars, 3)])]


def wilder(series: Sequence[float], period: int) -> list[float]:
    return exponential(series, period, 1.0 / period)


def weighted(series: Sequence[float], period: int) -> list[float]:
    total = period * (period + 1) / 2
    return clean(series, period, lambda w: math.fsum(x * (i + 1) for i, x in enumerate(w)) / total)


def dema(close: Sequence[float]) -> list[float]:
    one = exponential(close, 20)
    return [2 * a - b for a, b in zip(one, exponential(one, 20), strict=True)]


def tema(close: Sequence[float]) -> list[float]:
    one = exponential(close, 20)
    two = exponential(one, 20)
    return [3 * a - 3 * b + c for a, b, c in zip(one, two, exponential(two, 20), strict=True)]


def t3(close: Sequence[float]) -> list[float]:
    chain = [close]
    for _ in range(6):
        chain.append(exponential(chain[-1], 5))
    v = 0.7
    return [
        -(v**3) * e6 + 3 * (v**2 + v**3) * e5 - (6 * v**2 + 3 * (v + v**3)) * e4 + (1 + 3 * v + v**3 + 3 * v**2) * e3
        for e3, e4, e5, e6 in zip(*chain[3:], strict=True)
    ]


def trima(close: Sequence[float]) -> list[float]:
    weights = [*range(1, 11), *range(10, 0, -1)]
    return windows(close, 20, lambda w: math.fsum(x * k for x, k in zip(w, weights, strict=True)) / 110)


def hma(close: Sequence[float]) -> list[float]:
    return weighted([2 * a - b for a, b in zip(weighted(close, 8), weighted(close, 16), strict=True)], 4)


def efficiency(window: Sequence[float]) -> float:
    path = sum(abs(b - a) for a, b in itertools.pairwise(window))
    return abs(window[-1] - window[0]) / path if path else 1.0


def kama(close: Sequence[float]) -> list[float]:
    average, series = NAN, []
    for i, x in enumerate(close):
        if i == 9:
            average = x
        if i >= 10:
            speed = (efficiency(close[i - 10 : i + 1]) * (2 / 3 - 2 / 31) + 2 / 31) ** 2
            average += (x - average) * speed
        series.append(average if i >= 10 else NAN)
    return series


def vwma(bars: Sequence[Row], scale: Scale) -> list[float]:
    def value(window: Sequence[Row]) -> float:
        volume = sum(bar[4] for bar in window)
        return sum(bar[3] * bar[4] for bar in window) / volume if volume else sum(bar[3] for bar in window) / 20

    return [x * scale.tick_size for x in windows(bars, 20, value)]


def regression(window: Sequence[float]) -> tuple[float, float]:
    """Slope and last fitted value over 14 closes, as fractions until the end."""
    total = sum(map(int, window))
    slope = Fraction(sum(int(x) * (2 * i - 13) for i, x in enumerate(window)), 455)
    return float(slope), float(Fraction(total, 14) + Fraction(13, 2) * slope)


TREND_TWINS: dict[str, Twin] = {
    **{
        f"sma_{n}": of_close(lambda close, n=n: windows(close, n, lambda w: math.fsum(w) / len(w)))
        for n in (5, 100, 200)
    },
    **{f"ema_{n}": of_close(lambda close, n=n: exponential(close, n)) for n in (9, 21, 50, 200)},
    "wma_20": of_close(lambda close: weighted(close, 20)),
    "dema_20": of_close(dema),
    "tema_20": of_close(tema),
    "trima_20": of_close(trima),
    "kama_10": of_close(kama),
    "t3_5": of_close(t3),
    "hma_16": of_close(hma),
    "vwma_20": vwma,
    "linreg_14": of_close(lambda close: windows(close, 14, lambda w: regression(w)[1])),
    "linreg_slope_14": of_close(lambda close: windows(close, 14, lambda w: regression(w)[0])),
}


def changes(series: Sequence[float]) -> list[float]:
    return [NAN] + [b - a for a, b in itertools.pairwise(series)]


def gains_and_losses(bars: Sequence[Row], period: int) -> list[tuple[float, float]]:
    moves = changes([float(c) for c in column(bars, 3)])
    gains = wilder([x if math.isnan(x) else max(x, 0.0) for x in moves], period)
    losses = wilder([x if math.isnan(x) else max(-x, 0.0) for x in moves], period)
    return list(zip(gains, losses, strict=True))


def share(part: float, whole: float, empty: float = 0.0) -> float:
    """100 part / whole; NaN stays NaN, and no whole gives `empty`."""
    return NAN if math.isnan(whole) else 100.0 * part / whole if whole else empty


def rsi(bars: Sequence[Row], period: int) -> list[float]:
    return [share(gain, gain + loss) for gain, loss in gains_and_losses(bars, period)]


def cmo(bars: Sequence[Row], _: Scale) -> list[float]:
    return [share(gain - loss, gain + loss) for gain, loss in gains_and_losses(bars, 14)]


def ppo(bars: Sequence[Row], _: Scale) -> list[float]:
    close = [float(c) for c in column(bars, 3)]
    return [share(f - s, s) for f, s in zip(exponential(close, 12), exponential(close, 26), strict=True)]


def trix(bars: Sequence[Row], _: Scale) -> list[float]:
    series = [float(c) for c in column(bars, 3)]
    for _round in range(3):
        series = exponential(series, 15)
    return [NAN] + [share(b - a, a) for a, b in itertools.pairwise(series)]


def tsi(bars: Sequence[Row], _: Scale) -> list[float]:
    moves = changes([float(c) for c in column(bars, 3)])
    signed = exponential(exponential(moves, 25), 13)
    return [share(a, b) for a, b in zip(signed, exponential(exponential([abs(x) for x in moves], 25), 13), strict=True)]


def true_range(before: Row, bar: Row) -> int:
    return max(bar[1], before[3]) - min(bar[2], before[3])


def ultimate(bars: Sequence[Row], _: Scale) -> list[float]:
    pairs = list(itertools.pairwise(bars))
    bought = [bar[3] - min(bar[2], before[3]) for before, bar in pairs]
    path = [true_range(before, bar) for before, bar in pairs]

    def ratio(end: int, period: int) -> float:
        whole = sum(path[end - period : end])
        return sum(bought[end - period : end]) / whole if whole else 0.0

    return [100 * (4 * ratio(i, 7) + 2 * ratio(i, 14) + ratio(i, 28)) / 7 if i >= 28 else NAN for i in range(len(bars))]


def raw_stochastic(high: Sequence[float], low: Sequence[float], last: float, flat: float) -> float:
    width = max(high) - min(low)
    return 100 * (last - min(low)) / width if width > flat else 0.0


def stochastic(bars: Sequence[Row], smoothings: int) -> list[float]:
    series = windows(bars, 14, lambda w: raw_stochastic(column(w, 1), column(w, 2), w[-1][3], 0))
    for _ in range(smoothings):
        series = clean(series, 3, lambda w: sum(w) / 3)
    return series


def slow_d(bars: Sequence[Row], _: Scale) -> list[float]:
    return stochastic(bars, 2)


def slow_k(bars: Sequence[Row], _: Scale) -> list[float]:
    """TA-Lib gives both lines from where the second begins."""
    return [NAN if math.isnan(d) else k for k, d in zip(stochastic(bars, 1), stochastic(bars, 2), strict=True)]


def willr(window: Sequence[Row]) -> float:
    high, low = max(column(window, 1)), min(column(window, 2))
    return -100 * (high - window[-1][3]) / (high - low) if high > low else 0.0


def cci(window: Sequence[Row]) -> float:
    typical = [sum(bar[1:4]) for bar in window]
    deviation = sum(abs(20 * x - sum(typical)) for x in typical)
    return (20 * typical[-1] - sum(typical)) * 20 / (0.015 * deviation) if deviation else 0.0


def stoch_rsi(bars: Sequence[Row], _: Scale) -> list[float]:
    return clean(rsi(bars, 14), 14, lambda w: raw_stochastic(w, w, w[-1], 1e-5))


def aroon(place: int, best: Callable[[Sequence[int]], int]) -> Twin:
    def value(window: Sequence[int]) -> float:
        return 100 * (25 - window[::-1].index(best(window))) / 25

    return lambda bars, _: windows(column(bars, place), 26, value)


def directional(bars: Sequence[Row]) -> list[tuple[float, float]]:
    """+DI and -DI 14: Wilder sums seeded by the first 13 moves."""
    up = down = path = 0.0
    series = [(NAN, NAN)] * min(1, len(bars))
    for i in range(1, len(bars)):
        rise, fall = bars[i][1] - bars[i - 1][1], bars[i - 1][2] - bars[i][2]
        kept = 1.0 if i <= 13 else 13.0 / 14.0
        up = up * kept + (rise if rise > max(fall, 0) else 0)
        down = down * kept + (fall if fall > max(rise, 0) else 0)
        path = path * kept + true_range(bars[i - 1], bars[i])
        series.append((share(up, path), share(down, path)) if i >= 14 else (NAN, NAN))
    return series


def adx(bars: Sequence[Row], _: Scale) -> list[float]:
    average, total, series = NAN, 0.0, []
    for i, (up, down) in enumerate(directional(bars)):
        now = 100 * abs(up - down) / (up + down) if up + down > 0 else None
        if 14 <= i <= 27:
            total += now or 0.0
            average = total / 14
        elif i > 27 and now is not None:
            average = (average * 13 + now) / 14
        series.append(average if i >= 27 else NAN)
    return series


def balance(bar: Row) -> float:
    return (bar[3] - bar[0]) / (bar[1] - bar[2]) if bar[1] > bar[2] else 0.0


MOMENTUM_TWINS: dict[str, Twin] = {
    "rsi_7": lambda bars, _: rsi(bars, 7),
    "ppo_12_26": ppo,
    "trix_15": trix,
    "cmo_14": cmo,
    "tsi_25_13": tsi,
    "ultosc_28": ultimate,
    "stoch_k_14": slow_k,
    "stoch_d_14": slow_d,
    "willr_14": lambda bars, _: windows(bars, 14, willr),
    "cci_20": lambda bars, _: windows(bars, 20, cci),
    "stoch_rsi_14": stoch_rsi,
    "aroon_up_25": aroon(1, max),
    "aroon_down_25": aroon(2, min),
    "plus_di_14": lambda bars, _: [up for up, _down in directional(bars)],
    "minus_di_14": lambda bars, _: [down for _up, down in directional(bars)],
    "adx_14": adx,
    "efficiency_10": lambda bars, _: windows([float(c) for c in column(bars, 3)], 11, efficiency),
    "bop": lambda bars, _: [balance(bar) for bar in bars],
}


def band_place(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def donchian(window: Sequence[Row]) -> tuple[float, float]:
    high, low = max(column(window, 1)), min(column(window, 2))
    return band_place(window[-1][3], low, high), (high - low) / ((high + low) / 2)


def keltner(bars: Sequence[Row], _: Scale) -> list[float]:
    # From where the prices began: what is left of large numbers that nearly cancel would hide the last digits.
    origin = sum(bars[0][1:4])
    middle = exponential([(sum(bar[1:4]) - origin) / 3 for bar in bars], 20)
    ranges = [NAN] + [float(true_range(a, b)) for a, b in itertools.pairwise(bars)]
    # TA-Lib begins the range where it can end with the middle's seed: ten bars late.
    width = wilder([NAN] * min(10, len(bars)) + ranges[10:], 10)
    return [
        NAN if math.isnan(m) else band_place((3 * bar[3] - origin) / 3, m - 2 * w, m + 2 * w)
        for bar, m, w in zip(bars, middle, width, strict=True)
    ]


def parabolic(bars: Sequence[Row], scale: Scale) -> list[float]:
    """Wilder's stop and reverse, started as TA-Lib does; a falling trend is a rising one of the mirrored prices."""
    series = [NAN] * min(1, len(bars))
    if len(bars) < 2:
        return series
    rise, fall = bars[1][1] - bars[0][1], bars[0][2] - bars[1][2]
    side = -1 if fall > max(rise, 0) else 1

    def ends(bar: Row) -> tuple[int, int]:
        """Trough and peak as seen from the side."""
        return (bar[2], bar[1]) if side > 0 else (-bar[1], -bar[2])

    stop, extreme, speed, before = ends(bars[0])[0], ends(bars[1])[1], 0.02, bars[1]
    for bar in bars[1:]:
        trough, peak = ends(bar)
        if trough <= stop:
            shown = max(extreme, ends(before)[1], peak)
            side = -side
            stop, extreme, speed = -shown, ends(bar)[1], 0.02
            series.append(shown * -side)
        else:
            series.append(stop * side)
            if peak > extreme:
                extreme, speed = peak, min(speed + 0.02, 0.2)
        stop = min(stop + speed * (extreme - stop), ends(before)[0], ends(bar)[0])
        before = bar
    return [x * scale.tick_size for x in series]


def supertrend(bars: Sequence[Row], scale: Scale) -> list[float]:
    ranges = [NAN] + [float(true_range(a, b)) for a, b in itertools.pairwise(bars)]
    upper = lower = NAN
    rising, series = True, []
    for i, (bar, width) in enumerate(zip(bars, wilder(ranges, 10), strict=True)):
        if math.isnan(width):
            series.append(NAN)
            continue
        middle, before = (bar[1] + bar[2]) / 2, bars[i - 1][3]
        high, low = middle + 3 * width, middle - 3 * width
        upper = high if math.isnan(upper) or high < upper or before > upper else upper
        lower = low if math.isnan(lower) or low > lower or before < lower else lower
        rising = bar[3] >= lower if rising else bar[3] > upper
        series.append((lower if rising else upper) * scale.tick_size)
    return series


CHANNEL_TWINS: dict[str, Twin] = {
    "donchian_place_20": lambda bars, _: windows(bars, 20, lambda w: donchian(w)[0]),
    "donchian_width_20": lambda bars, _: windows(bars, 20, lambda w: donchian(w)[1]),
    "keltner_place_20": keltner,
    "sar": parabolic,
    "supertrend_10": supertrend,
    "drawdown_100": lambda bars, _: windows(column(bars, 3), 100, lambda w: (w[-1] - max(w)) / max(w)),
    "sma_200_distance": lambda bars, _: windows(column(bars, 3), 200, lambda w: (200 * w[-1] - sum(w)) / sum(w)),
}
