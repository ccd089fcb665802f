"""From the statistics of a market to the parameters of one like it.

Every parameter is a moment or a table of quantiles of what was measured; nothing is searched for. How well the laws
hold is told beside them (`goodness`): distances, not verdicts, since at these sizes every simple law is rejected.
"""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.sim.market_measure import MeasureKind
from bot4.domain.errors import DataError
from bot4.quant.ks import ks_distance, ks_two_samples, lognormal_fit
from bot4.quant.market_model import (
    BUCKETS,
    FORMAT,
    QUANTILES,
    Bucket,
    LatencyLaw,
    MarketModel,
    Moves,
    Origin,
    Regime,
    Takers,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.quant.market_statistics import MarketStatistics

SPREADS_KEPT = 64
LEAST_SPAN_S = 30.0
LEAST_TAKERS = 50
LEAST_MOVES = 20
# Of the time, calm to wild; windows are classed by their mean variance over SMOOTH_S seconds.
REGIME_SHARES = (0.5, 0.4, 0.1)
SMOOTH_S = 5
LEAST_WINDOWS = 60
SIGMA_MAX = 2.5
LEAST_CANCELLED = 0.1  # share of the adds, where hardly more is added than is taken
LIFE_BOUNDS_S = (0.05, 3_600.0)
_SIZE_DIGITS = 64
_LN2 = log(2.0)
_CLOCK_STEP_MS = 1.0  # venue stamps are whole milliseconds


def fit_market(statistics: MarketStatistics, origin: Origin) -> MarketModel:
    """Return the parameters of a market like the measured one.

    Raises
    ------
    DataError
        Too little was measured: no live book, or hardly a trade.

    """
    for what, have, least in (
        ("seconds with a live book", statistics.span_s, LEAST_SPAN_S),
        ("takers", len(statistics.taker_lots), LEAST_TAKERS),
        ("changes of the mid", len(statistics.moves), LEAST_MOVES),
    ):
        if have < least:
            raise DataError(
                f"{', '.join(origin.files)}: {have:.0f} {what}, at least {least:.0f} are needed to calibrate "
                "(a capture of depth diffs, their snapshot and trades)"
            )
    moves = np.abs(statistics.moves)
    return MarketModel(
        format=FORMAT,
        origin=origin,
        spreads=_spreads(statistics.spreads),
        regimes=_regimes(statistics),
        buckets=[_bucket(statistics, index) for index in range(BUCKETS)],
        takers=Takers(
            per_s=statistics.takers_per_s,
            persistence=statistics.taker_persistence,
            size_quantiles=_quantiles(statistics.taker_lots, 1),
        ),
        moves=Moves(
            per_s=len(moves) / statistics.span_s,
            volatility_per_sqrt_s=statistics.volatility,
            follows_taker=_follows(statistics.records),
            size_quantiles=_quantiles(moves, 2),
        ),
        latency=_latency(statistics),
        goodness=_goodness(statistics),
    )


def _quantiles(sample: NDArray[np.float64], moment: int) -> list[float]:
    """Return a table of quantiles whose law has the sample's moment: the last entry is moved for that.

    Between two entries the generator draws evenly in the logarithm; with the true maximum the tail would be too heavy.
    """
    table = np.quantile(sample, np.linspace(0.0, 1.0, QUANTILES))
    wanted = (QUANTILES - 1) * float((sample**moment).mean())
    low, high = float(table[-2]), 4.0 * float(table[-1])
    for _ in range(60):
        table[-1] = 0.5 * (low + high)
        if _moment(table, moment) > wanted:
            high = float(table[-1])
        else:
            low = float(table[-1])
    return [float(value) for value in table]


def _moment(table: NDArray[np.float64], moment: int) -> float:
    """Sum over the intervals of the mean of x ** moment, x even in the logarithm."""
    lows, highs = table[:-1] ** moment, table[1:] ** moment
    logs = np.log(highs / lows)
    flat = logs < 1e-9  # noqa: PLR2004 - where the formula would be 0 / 0
    return float(np.where(flat, lows, (highs - lows) / np.where(flat, 1.0, logs)).sum())


def _spreads(shares: dict[int, float]) -> list[tuple[int, float]]:
    """Keep the commonest spreads; the rest becomes one of their mean."""
    common = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    kept, rest = common[: SPREADS_KEPT - 1], common[SPREADS_KEPT - 1 :]
    if rest:
        share = sum(part for _, part in rest)
        kept.append((max(1, round(sum(ticks * part for ticks, part in rest) / share)), share))
    return sorted(kept)


def _bucket(statistics: MarketStatistics, index: int) -> Bucket:
    totals, sides = statistics.totals, 2.0
    adds, lots = float(totals["adds"][index]), float(totals["added_lots"][index])
    depth = float(statistics.depth[index])
    mu = sigma = 0.0
    life_s = LIFE_BOUNDS_S[0]
    if adds:
        sigma = _log_spread(totals["add_sizes"][index * _SIZE_DIGITS : (index + 1) * _SIZE_DIGITS])
        # The mean is what depth and rates hang on: it is met exactly, the spread of the logarithm from the histogram.
        mu = log(lots / adds) - 0.5 * sigma * sigma
        # In a steady state what is added goes again: at the touch a part of it is taken, the rest is cancelled.
        left_lots = lots - (float(statistics.taker_lots.sum()) if index == 0 else 0.0)
        cancelled_per_s = max(left_lots, LEAST_CANCELLED * lots) / sides / statistics.span_s
        life_s = min(max(depth / cancelled_per_s, LIFE_BOUNDS_S[0]), LIFE_BOUNDS_S[1])
    return Bucket(
        from_ticks=0 if index == 0 else 1 << (index - 1),
        adds_per_s=adds / sides / statistics.span_s,
        cancels_per_s=float(totals["cancels"][index]) / sides / statistics.span_s,
        add_mu=float(mu),
        add_sigma=float(sigma),
        life_s=float(life_s),
        depth_lots=depth,
        depth_levels=float(statistics.levels[index]),
    )


def _log_spread(counts: NDArray[np.int64]) -> float:
    """Return the standard deviation of the logarithm from counts by binary digits (Sheppard's correction)."""
    digits = np.arange(len(counts), dtype=float)
    mean = float((digits * counts).sum()) / float(counts.sum())
    variance = float(((digits - mean) ** 2 * counts).sum()) / float(counts.sum()) - 1.0 / 12.0
    return min(SIGMA_MAX, _LN2 * sqrt(max(0.0, variance)))


def _regimes(statistics: MarketStatistics) -> list[Regime]:
    windows = statistics.windows
    variance = windows["b"].astype(float)
    moves_squared = float((statistics.moves**2).mean())
    takers, quotes = windows["c"].astype(float), (windows["d"] + windows["e"]).astype(float)
    if len(windows) < LEAST_WINDOWS:
        return [_regime(1.0, len(windows), variance.mean() / moves_squared, statistics.takers_per_s, 1.0)]
    smooth = np.convolve(variance, np.ones(SMOOTH_S) / SMOOTH_S, mode="same")
    order = np.argsort(smooth, kind="stable")
    state = np.zeros(len(windows), dtype=int)
    ends = np.round(np.cumsum(REGIME_SHARES) * len(windows)).astype(int)
    for index, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        state[order[start:end]] = index
    # The generator draws the next regime by the shares of the others. With durations of K / (1 - share) a regime then
    # has its share of the time, and K is such that regimes change as often as they were seen to.
    shares = [float((state == index).mean()) for index in range(len(REGIME_SHARES))]
    changes = max(1, int(np.count_nonzero(np.diff(state))))
    scale_s = sum(share * (1.0 - share) for share in shares) * len(windows) / changes
    found = []
    for index, share in enumerate(shares):
        inside = state == index
        found.append(
            _regime(
                share,
                scale_s / (1.0 - share),
                float(variance[inside].mean()) / moves_squared,
                float(takers[inside].mean()),
                float(quotes[inside].mean() / max(1.0, quotes.mean())),
            )
        )
    return found


def _regime(share: float, mean_s: float, moves_per_s: float, takers_per_s: float, quoting: float) -> Regime:
    return Regime(
        share=float(share),
        mean_s=max(1.0, float(mean_s)),
        moves_per_s=float(moves_per_s),
        takers_per_s=float(takers_per_s),
        quoting=float(quoting),
    )


def _follows(records: NDArray[Any]) -> float:
    """Share of the moves that went the way of the taker before them."""
    kinds = records["kind"]
    told = records[(kinds == int(MeasureKind.MEASURE_TAKER)) | (kinds == int(MeasureKind.MEASURE_MOVE))]
    is_taker = told["kind"] == int(MeasureKind.MEASURE_TAKER)
    last = np.maximum.accumulate(np.where(is_taker, np.arange(len(told)), -1))
    moves = np.flatnonzero(~is_taker & (last >= 0))
    if not len(moves):
        return 0.5
    return float(((told["a"][moves] > 0) == (told["a"][last[moves]] == 0)).mean())


def _latency(statistics: MarketStatistics) -> LatencyLaw | None:
    found = statistics.of_kind(MeasureKind.MEASURE_LATENCY)
    held = np.sort(found["a"][found["b"] == 0].astype(float) / 1e6)
    if not len(held):
        return None
    offset = float(held[0]) - _CLOCK_STEP_MS
    mu, sigma, distance = lognormal_fit(held - offset)
    return LatencyLaw(
        offset_ms=offset,
        mu=mu,
        sigma=sigma,
        p50_ms=float(np.quantile(held - offset, 0.5)),
        p99_ms=float(np.quantile(held - offset, 0.99)),
        ks=distance,
    )


def _goodness(statistics: MarketStatistics) -> dict[str, float]:
    lots, takers = statistics.taker_lots, statistics.of_kind(MeasureKind.MEASURE_TAKER)
    gaps = np.sort(np.diff(np.sort(takers["stamp_ns"])).astype(float))
    mids = statistics.windows["a"].astype(float)
    counts = statistics.windows["c"].astype(float)
    half = len(lots) // 2
    one, ten = np.diff(mids), mids[10::10] - mids[:-10:10]
    figures: dict[str, float] = {
        "taker_lots_lognormal_ks": lognormal_fit(lots)[2],
        "taker_gaps_exponential_ks": ks_distance(gaps, 1.0 - np.exp(-gaps / max(1.0, gaps.mean()))),
        "taker_lots_halves_ks": ks_two_samples(lots[:half], lots[half:]),
        "takers_a_second_dispersion": float(counts.var() / max(1e-9, counts.mean())),
        "variance_ratio_10s": float((ten**2).mean() / max(1e-9, 10.0 * (one**2).mean())) if len(ten) else 1.0,
        "moves_variance_to_1s": float((statistics.moves**2).sum() / statistics.span_s / max(1e-9, (one**2).mean()))
        if len(one)
        else 1.0,
        "prints_late_share": statistics.totals["prints_late"] / max(1, statistics.totals["prints"]),
    }
    return {name: float(value) for name, value in figures.items()}
