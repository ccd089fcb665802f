"""Whether two prices move together, and how far they are apart: Engle and Granger's two steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from statsmodels.tsa.stattools import coint

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BARS_MIN = 60
_LAGS_MAX = 4


class PairModel(msgspec.Struct, frozen=True, kw_only=True):
    """The relation ``log y = intercept + hedge_ratio log x + spread`` of two prices.

    Attributes
    ----------
    hedge_ratio, intercept : float
    deviation : float
        Of the spread over the sample.
    half_life_bars : float
        Of the spread's return to 0 by an AR(1) fit; infinite where it does not return.
    p_value : float
        Of no cointegration (MacKinnon); small: they move together.
    bars : int

    """

    hedge_ratio: float
    intercept: float
    deviation: float
    half_life_bars: float
    p_value: float
    bars: int

    def score(self, y: float, x: float) -> float:
        """Return the spread of two prices in deviations."""
        return float((np.log(y) - self.intercept - self.hedge_ratio * np.log(x)) / self.deviation)


def fit_pair(y: NDArray[np.float64], x: NDArray[np.float64]) -> PairModel:
    """Fit a pair on closes of the same bars, oldest first.

    Raises
    ------
    ValueError
        The series differ in length, are short, or hold a price that is not positive.

    Source: Engle and Granger (1987), Co-integration and Error Correction; half-life: -ln 2 / ln(AR(1) coefficient).

    """
    if len(y) != len(x) or len(y) < _BARS_MIN or min(np.min(y), np.min(x)) <= 0.0:
        raise ValueError(f"a pair needs {_BARS_MIN} positive prices each, was given {len(y)} and {len(x)}")
    log_y, log_x = np.log(y), np.log(x)
    hedge_ratio, intercept = np.polyfit(log_x, log_y, 1)
    spread = log_y - intercept - hedge_ratio * log_x
    past = spread[:-1] - spread[:-1].mean()
    coefficient = float(past @ (spread[1:] - spread[1:].mean()) / (past @ past))
    return PairModel(
        hedge_ratio=float(hedge_ratio),
        intercept=float(intercept),
        deviation=float(spread.std()),
        half_life_bars=-np.log(2.0) / np.log(coefficient) if 0.0 < coefficient < 1.0 else float("inf"),
        p_value=float(coint(log_y, log_x, maxlag=_LAGS_MAX, autolag="bic")[1]),
        bars=len(y),
    )
