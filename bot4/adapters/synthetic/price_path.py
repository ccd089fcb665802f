"""Mid price of the made-up market: a random walk with regimes, drawn from a seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_SECONDS_A_YEAR = 365 * 86_400
# Mean seconds a regime lasts, and its drift in standard deviations a second.
_REGIME_MEAN_S = 20.0
_REGIME_DRIFTS = (-0.6, 0.0, 0.0, 0.6)


class PricePath:
    """Geometric Brownian motion whose drift changes at exponential times.

    Parameters
    ----------
    rng : Random
        Source of every draw.
    start : float
        First mid, quote currency.
    volatility_annual : float
        Standard deviation of the log return over 365 days.

    """

    def __init__(self, rng: Random, start: float, volatility_annual: float) -> None:
        self._rng = rng
        self._log_mid = math.log(start)
        self._sigma_s = volatility_annual / math.sqrt(_SECONDS_A_YEAR)
        self._drift = 0.0
        self._regime_left_s = 0.0

    def advance(self, seconds: float) -> float:
        """Move `seconds` ahead; returns the mid."""
        self._regime_left_s -= seconds
        if self._regime_left_s <= 0.0:
            self._drift = self._rng.choice(_REGIME_DRIFTS)
            self._regime_left_s = self._rng.expovariate(1.0 / _REGIME_MEAN_S)
        noise = self._rng.gauss(0.0, 1.0) * math.sqrt(seconds)
        self._log_mid += self._sigma_s * (self._drift * seconds + noise)
        return math.exp(self._log_mid)

    @property
    def drift(self) -> float:
        """Drift of the present regime, standard deviations a second."""
        return self._drift
