from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot4._core.account.contract import Contract

EDGE_STEP_DTYPE: np.dtype[np.void]
EDGE_DTYPE: np.dtype[np.void]
REGIME_DTYPE: np.dtype[np.void]
GUARD_STEP_DTYPE: np.dtype[np.void]
GUARD_DTYPE: np.dtype[np.void]

def run_regime(
    log_returns: NDArray[np.float64], rules: Mapping[str, Any], hidden: Mapping[str, Any] | None = None
) -> NDArray[np.void]: ...

class RegimeMeter:
    def __init__(self, rules: Mapping[str, Any], hidden: Mapping[str, Any] | None = None) -> None: ...
    def apply(self, log_return: float) -> int: ...

def run_edge(steps: NDArray[np.void], rules: Mapping[str, Any]) -> tuple[NDArray[np.void], tuple[int, int]]: ...
def run_guard(
    steps: NDArray[np.void], rules: Mapping[str, Any], rungs: Sequence[tuple[int, int]]
) -> NDArray[np.void]: ...
def kelly(mean: float, deviation: float, risk_free: float = 0.0) -> tuple[float, float]: ...
def growth_of(fraction: float, mean: float, deviation: float, risk_free: float = 0.0) -> float: ...
def kelly_bet(win_probability: float, odds: float = 1.0) -> float: ...
def shrinkage(mean: float, error: float) -> float: ...
def position_size(
    rules: Mapping[str, int],
    *,
    mean: float,
    error: float,
    deviation: float,
    stop_ppm: int,
    gross_ppm: int = 0,
    heat_ppm: int = 0,
    correlated_ppm: int = 0,
) -> dict[str, Any]: ...
def lots_for(contract: Contract, equity_atoms: int, ppm: int, price_ticks: int) -> int: ...
def share_of(contract: Contract, equity_atoms: int, lots: int, price_ticks: int) -> int: ...
def entry_value(
    rules: Mapping[str, Any],
    contract: Contract,
    *,
    bids: Sequence[tuple[int, int]],
    asks: Sequence[tuple[int, int]],
    side: int,
    is_maker: bool,
    qty_lots: int,
    edge: float,
    error: float,
    bar_deviation: float,
    bar_volume_lots: int,
    horizon_ns: int,
    now_ns: int = 0,
    funding_rate_ppb: int = 0,
    funding_next_ns: int = 0,
) -> dict[str, Any]: ...
def signal_verdict(
    rules: Mapping[str, Any],
    *,
    regime: int,
    coverage: float,
    confidence: float,
    confirmed_bars: int,
    timeframes: float,
    samples: float,
) -> str: ...
def blended(
    *,
    terms: Sequence[tuple[int, int, float, float, float]],
    allocation_ppm: Sequence[Sequence[int]],
    weight_ppm: Sequence[Sequence[int]],
    ttl_ns: Sequence[int],
    features: Sequence[float],
    regime: int,
    sources: Mapping[int, tuple[float, float, int]],
    now_ns: int,
    higher: Sequence[float] = (),
    technical_bars: Sequence[float] = (),
) -> dict[str, Any]: ...
