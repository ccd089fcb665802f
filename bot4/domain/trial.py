"""One strategy with one choice of its parameters, tried on one stretch of data."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The variance of a few ratios may be small by chance, and would then make the deflation too mild.
_VARIANCE_LEAST = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """What was tried, on what, and what came of it: each one makes the best of them worth less.

    Attributes
    ----------
    family : str
        Name of the strategy, without its parameters.
    parameters : str
        Digest of everything that was chosen: its arguments, its code, the settings and the seed.
    symbols : str
        Of the data, sorted, with commas between.
    first_ns, last_ns : int
        The data's span, nanoseconds UTC, both ends included.
    rows : int
    result_hash : str
    ran_utc : str
        When it was run last, ISO 8601.
    period : str or None
        Over which its returns are taken; None where nothing could be measured.
    sharpe : float or None
        Per such period.
    profit_share, drawdown_max : float
        Shares of the equity at the start, and of the highest so far.

    """

    family: str
    parameters: str
    symbols: str
    first_ns: int
    last_ns: int
    rows: int
    result_hash: str
    ran_utc: str
    period: str | None
    sharpe: float | None
    profit_share: float
    drawdown_max: float


@dataclass(frozen=True, slots=True)
class TrialCount:
    """How many choices of a strategy's parameters were tried on some data.

    Attributes
    ----------
    trials : int
        Different choices, the one asked about included.
    sharpe_variance : float or None
        Variance of their Sharpe ratios per period; None below ten that were measured over the same period.

    """

    trials: int
    sharpe_variance: float | None


def count_of(trials: Iterable[Trial], period: str | None) -> TrialCount:
    """Count the different choices among trials, and how far their ratios per `period` lie apart.

    Of one choice that was tried on several stretches of the data the last run is taken.

    >>> one = Trial("x", "a", "BTCUSDT", 0, 9, 10, "r", "2026-01-01", "day", 0.25, 0.1, 0.2)
    >>> count_of([one, one], "day")
    TrialCount(trials=1, sharpe_variance=None)
    """
    last: dict[str, Trial] = {}
    for trial in sorted(trials, key=lambda trial: trial.ran_utc):
        last[trial.parameters] = trial
    ratios = [
        trial.sharpe
        for trial in last.values()
        if trial.sharpe is not None and isfinite(trial.sharpe) and trial.period == period
    ]
    variance = None
    if len(ratios) >= _VARIANCE_LEAST:
        mean = sum(ratios) / len(ratios)
        variance = sum((ratio - mean) ** 2 for ratio in ratios) / (len(ratios) - 1)
    return TrialCount(len(last), variance)
