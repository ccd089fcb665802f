"""Fit of a GARCH(1,1) to log returns, for the filter `garch_vol` of the feature bank. Needs the extra `quant` (arch).

A fit takes some 100 ms and belongs off the hot path; the bank runs the one-step filter with what was fitted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_LEAST_RETURNS = 100


class FittedGarch(NamedTuple):
    """What was fitted, in units of the returns.

    `first_variance` is of the first return of the sample, `next_variance` of the return after its last.
    """

    mean: float
    omega: float
    alpha: float
    beta: float
    first_variance: float
    next_variance: float
    log_likelihood: float

    def from_first(self) -> tuple[float, float, float, float, float]:
        """Return parameters for a bank that sees the sample again."""
        return self.mean, self.omega, self.alpha, self.beta, self.first_variance

    def from_next(self) -> tuple[float, float, float, float, float]:
        """Return parameters for a bank that goes on where the sample ends."""
        return self.mean, self.omega, self.alpha, self.beta, self.next_variance


def fit_garch(returns: ArrayLike) -> FittedGarch:
    """Fit mean, omega, alpha and beta by maximum likelihood of the normal law.

    The variance before the sample is the mean of the squared deviations, as in the benchmark of Fiorentini, Calzolari
    and Panattoni (1996); packages differ here, and so in the last digits of what they fit.

    Parameters
    ----------
    returns : array_like[float64], shape (n,), oldest first
        Log returns of one bar interval, at least 100, finite and not all equal.

    Raises
    ------
    ValueError
        Where there are too few, or one is not finite, or they do not vary.
    ImportError
        Where the package arch is not installed.

    """
    sample = np.asarray(returns, dtype=np.float64)
    if sample.ndim != 1 or len(sample) < _LEAST_RETURNS or not np.isfinite(sample).all():
        raise ValueError(f"returns must be at least {_LEAST_RETURNS} finite numbers, had shape {sample.shape}")
    scale = float(sample.std())
    if scale <= 1e-12 * float(np.abs(sample).max()):
        raise ValueError("returns must vary, were all equal")
    try:
        from arch import arch_model  # noqa: PLC0415 - an extra, loaded where it is used
        from scipy.optimize import minimize  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("a GARCH fit needs the package arch: pip install 'bot4[quant]'") from error
    # Of returns near one, the optimiser's steps and tolerances fit whatever the interval was.
    scaled = sample / scale
    model = arch_model(scaled, mean="Constant", vol="GARCH", p=1, q=1, rescale=False)
    begin = np.asarray(model.fit(disp="off", backcast=1.0).params)
    bounds = np.column_stack([np.zeros(len(scaled)), np.full(len(scaled), 1e9)])
    variance = np.empty(len(scaled))

    def loss(parameters: NDArray[np.float64]) -> float:
        """Minus the log-likelihood; unlike in arch's own fit, the variance before the sample moves with the mean."""
        if parameters[1] <= 0.0 or parameters[2:].min() < 0.0 or parameters[2:].sum() > 1.0:
            return math.inf
        deviations = scaled - parameters[0]
        model.volatility.compute_variance(parameters[1:], deviations, variance, np.mean(deviations**2), bounds)
        return 0.5 * float(np.sum(math.log(2.0 * math.pi) + np.log(variance) + deviations**2 / variance))

    found = minimize(loss, begin, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4_000})
    log_likelihood = -loss(found.x) - len(sample) * math.log(scale)
    mean, omega, alpha, beta = (float(x) for x in found.x)
    last = float(scaled[-1]) - mean
    return FittedGarch(
        mean=mean * scale,
        omega=omega * scale**2,
        alpha=alpha,
        beta=beta,
        first_variance=float(variance[0]) * scale**2,
        next_variance=(omega + alpha * last**2 + beta * float(variance[-1])) * scale**2,
        log_likelihood=log_likelihood,
    )
