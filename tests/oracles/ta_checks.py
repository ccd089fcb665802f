"""Comparison of a feature bank with its twins, for the suites that give it right and faulty banks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bot4._core.ta.features import Features
from bot4._core.ta.registry import feature_index
from bot4._core.ta.selection import Garch
from oracles.ta_bar_features import TWINS, scales
from oracles.ta_flow_features import BUCKET_LOTS, TOP_TWINS, TRADE_TWINS
from oracles.ta_statistic_features import REFERENCE_TWINS, STATISTIC_TWINS
from oracles.ta_trend_features import CHANNEL_TWINS, MOMENTUM_TWINS, TREND_TWINS, Twin
from oracles.ta_volume_features import VOLATILITY_TWINS, VOLUME_TWINS, garch
from oracles.ta_walks import Row, Scale

Matrix = np.ndarray
INTERVAL_NS = 10**15
GARCH = Garch(1e-6, 1e-9, 0.1, 0.85, 1e-8)
EXTRA_TWINS: dict[str, Twin] = {
    **TREND_TWINS,
    **MOMENTUM_TWINS,
    **CHANNEL_TWINS,
    **VOLATILITY_TWINS,
    **VOLUME_TWINS,
    **STATISTIC_TWINS,
    "garch_vol": garch(GARCH),
}
BAR_TWINS = {**TWINS, **EXTRA_TWINS}
# What is left of prices that nearly cancel is not compared finer than by 1e-9 of these.
SIZES = {
    "ppo_12_26": 1e-3,
    "trix_15": 1e-3,
    "stoch_rsi_14": 100.0,
    "keltner_place_20": 1.0,
    "bipower_20": 1e-16,
    **dict.fromkeys(("skew_60", "kurtosis_60", "jarque_bera_60", "autocorrelation_20"), 1e-3),
}


def full_bank(scale: Scale) -> Features:
    """A bank that computes everything."""
    return Features(
        scale.tick_size, scale.lot_size, INTERVAL_NS, select="all", garch=GARCH, vpin_bucket_lots=BUCKET_LOTS
    )


def first_bank(scale: Scale) -> Features:
    """A bank that computes the first features only."""
    return Features(scale.tick_size, scale.lot_size, INTERVAL_NS)


def bars_matrix(bars: Sequence[Row], scale: Scale) -> Matrix:
    return full_bank(scale).on_bars(list(bars))


def tops_matrix(tops: Sequence[Row], scale: Scale) -> Matrix:
    return full_bank(scale).on_tops(list(tops))


def trades_matrix(trades: Sequence[Row], tops: Sequence[Row | None], scale: Scale) -> Matrix:
    """Vector after each trade; before it comes the top beside it, where that is a new one."""
    bank = full_bank(scale)
    rows = []
    for at, top in enumerate(tops):
        if top is not None and (at == 0 or top is not tops[at - 1]):
            bank.apply_tops([top])
        rows.append(bank.on_trades([trades[at]])[0])
    return np.array(rows)


def check(got: Matrix, twins: Mapping[str, list[float]], size: Mapping[str, float]) -> None:
    """Each column within 1e-9 of its twin's scale, and NaN exactly where the twin is."""
    for name, expected in twins.items():
        column = got[:, feature_index(name)]
        wanted = np.array(expected)
        assert (np.isnan(column) == np.isnan(wanted)).all(), f"{name} is ready at other places than its twin"
        allowed = 1e-9 * np.maximum(np.abs(wanted), size.get(name, 1e-6))
        apart = np.nan_to_num(np.abs(column - wanted)) > np.nan_to_num(allowed, nan=1.0)
        assert not apart.any(), f"{name}: {column[apart][:3]} where its twin has {wanted[apart][:3]}"


def check_bars(
    run: Callable[[Sequence[Row], Scale], Matrix],
    bars: Sequence[Row],
    scale: Scale,
    twins: Mapping[str, Twin] = BAR_TWINS,
) -> None:
    check(run(bars, scale), {name: twin(bars, scale) for name, twin in twins.items()}, scales(bars, scale) | SIZES)


def check_references(
    run: Callable[[Sequence[Row], Sequence[int], Scale], Matrix],
    bars: Sequence[Row],
    references: Sequence[int],
    scale: Scale,
) -> None:
    expected = {name: twin(bars, references, scale) for name, twin in REFERENCE_TWINS.items()}
    check(run(bars, references, scale), expected, {})


def check_tops(run: Callable[[Sequence[Row], Scale], Matrix], tops: Sequence[Row], scale: Scale) -> None:
    size = {
        "microprice_offset": scale.tick_size,
        "ofi_50": scale.lot_size,
        "ofi_100": scale.lot_size,
        "ofi_levels_50": scale.lot_size,
    }
    check(run(tops, scale), {name: twin(tops, scale) for name, twin in TOP_TWINS.items()}, size)


def check_trades(
    run: Callable[[Sequence[Row], Sequence[Row | None], Scale], Matrix],
    trades: Sequence[Row],
    tops: Sequence[Row | None],
    scale: Scale,
) -> None:
    size = {"kyle_lambda_50": 1e-9 * scale.tick_size / scale.lot_size, "roll_spread_20": scale.tick_size}
    check(run(trades, tops, scale), {name: twin(trades, tops, scale) for name, twin in TRADE_TWINS.items()}, size)
