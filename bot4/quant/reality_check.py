"""Is the best of many trials better than a benchmark, or only the luckiest of them? Needs the extra `quant` (arch).

Source: White, "A Reality Check for Data Snooping" (2000); Hansen, "A Test for Superior Predictive Ability" (2005).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PERIODS_LEAST = 30


@dataclass(frozen=True, slots=True)
class SnoopingTest:
    """Probability of a best trial as good as this one if none were better than the benchmark.

    ``reality_check`` is White's, which counts every trial; ``spa`` Hansen's, which leaves hopeless ones out.
    """

    reality_check: float
    spa: float
    trials: int
    block: int


def snooping_test(
    returns: NDArray[np.float64],
    benchmark: NDArray[np.float64],
    *,
    seed: int,
    draws: int = 1_000,
    block: int | None = None,
) -> SnoopingTest:
    """Test every trial against one benchmark, by the stationary bootstrap.

    Parameters
    ----------
    returns : ndarray[float64], shape (periods, trials)
        Of every trial there was, net of costs.
    benchmark : ndarray[float64], shape (periods,)
        In step with them.
    seed : int
        Of the bootstrap.
    draws : int
        Of the bootstrap.
    block : int, optional
        Mean length of its blocks in periods; the root of their number where not given.

    Raises
    ------
    ConfigError
        arch is not installed.
    ValueError
        The two are not in step, or there are fewer than 30 periods.

    """
    try:
        from arch.bootstrap import SPA  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            "reality check and SPA need the library arch, which is not installed: pip install 'bot4[quant]'"
        ) from None
    periods, trials = returns.shape
    if benchmark.shape != (periods,) or periods < _PERIODS_LEAST:
        raise ValueError(
            f"needs {_PERIODS_LEAST} periods in step, were {periods} of trials and {benchmark.shape} of a benchmark"
        )
    mean = block if block is not None else max(1, round(periods**0.5))
    # A trial that is the benchmark itself has nothing to compare, and no variance to divide by.
    differs = (returns - benchmark[:, None]).std(axis=0) > 0.0
    if not differs.any():
        return SnoopingTest(1.0, 1.0, trials, mean)
    test = SPA(-benchmark, -returns[:, differs], block_size=mean, reps=draws, bootstrap="stationary", seed=seed)
    test.compute()
    found = test.pvalues
    return SnoopingTest(float(found["upper"]), float(found["consistent"]), trials, mean)
