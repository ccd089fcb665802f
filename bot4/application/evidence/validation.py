"""What choosing from a grid is worth: out of sample, net of costs, against baselines and against luck."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4.domain.errors import ConfigError, DataError
from bot4.domain.version import VERSION
from bot4.quant.reality_check import SnoopingTest, snooping_test
from bot4.quant.selection import cross_validate, sharpe_variance, walk_forward
from bot4.quant.track_record import deflated_sharpe, minimum_track_record, moments, overfitting, probabilistic_sharpe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.application.evidence.trial_runs import TrialRuns
    from bot4.quant.selection import CrossValidation, WalkForward
    from bot4.quant.track_record import Overfitting

#: Periods a window or a group has at least; the period of the returns is chosen for it.
PERIODS_PER_PART = 20
_BLOCKS = (16, 12, 8, 6, 4)
_LEAST = 30
_CONFIDENCE = 0.95
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Of returns per period: their number, what they come to, and what that proves."""

    periods: int
    profit_share: float
    drawdown_max: float
    sharpe_annual: float | None
    psr: float | None
    track_record_least: float | None


@dataclass(frozen=True)
class Validation:
    """What came of choosing.

    Attributes
    ----------
    runs : TrialRuns
        Every setting of the grid over everything.
    trials : int
        How many were tried, those of earlier runs included where they were counted.
    best : int
        The setting with the greatest ratio over everything: what somebody who looks at everything would show.
    deflated_sharpe : float or None
        Of that one.
    overfitting : Overfitting or None
        By combinatorially symmetric cross-validation over the trials; None of a single trial or too short a record.
    snooping : mapping of str to SnoopingTest or None
        All trials against ``hold`` and ``random``; None where arch is not installed.
    walk_forward, cross_validation
        What was asked for.
    out_of_sample : mapping of str to Figures
        Of the walk-forward's windows: ``chosen``, ``hold`` and ``random`` over the same periods.
    warnings : tuple of str
        Why not to believe the figures.

    """

    runs: TrialRuns
    trials: int
    best: int
    deflated_sharpe: float | None
    overfitting: Overfitting | None
    snooping: dict[str, SnoopingTest] | None
    walk_forward: WalkForward | None
    cross_validation: CrossValidation | None
    out_of_sample: dict[str, Figures]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        runs = self.runs
        return {
            "kind": "bot4 validation",
            "version": VERSION,
            "strategy": runs.strategy,
            "period": runs.period,
            "periods": len(runs.table.returns),
            "trials": self.trials,
            "grid": [asdict(trial) for trial in runs.trials],
            "best": self.best,
            "deflated_sharpe": self.deflated_sharpe,
            "overfitting": None if self.overfitting is None else asdict(self.overfitting),
            "snooping": None if self.snooping is None else {name: asdict(row) for name, row in self.snooping.items()},
            "walk_forward": None if self.walk_forward is None else _walk_dict(self.walk_forward, runs),
            "cross_validation": None if self.cross_validation is None else _cross_dict(self.cross_validation, runs),
            "out_of_sample": {name: asdict(figures) for name, figures in self.out_of_sample.items()},
            "warnings": list(self.warnings),
        }


def validate(
    runs: TrialRuns,
    *,
    windows: int | None = None,
    anchored: bool = True,
    groups: int | None = None,
    held_out: int = 2,
    embargo: int = 1,
    trials: int | None = None,
    seed: int = 1,
) -> Validation:
    """Judge a grid that was run.

    Parameters
    ----------
    runs : TrialRuns
        See `run_trials`.
    windows : int, optional
        Of a walk-forward; none is made where it is not given.
    anchored : bool
        Whether a window is chosen for on all of its past, or on as much of it as a window has.
    groups, held_out : int
        Of a combinatorial cross-validation; none is made where `groups` is not given.
    embargo : int
        Periods left out after what is held out, and before a window.
    trials : int, optional
        Tried so far on this data; the grid's own where it is more or not given.
    seed : int
        Of the bootstrap.

    """
    table = runs.table
    counted = max(len(runs.trials), trials or 0)
    try:
        walked = None if windows is None else walk_forward(table, windows, anchored=anchored, embargo=embargo)
        crossed = None if groups is None else cross_validate(table, groups=groups, held_out=held_out, embargo=embargo)
    except ValueError as error:
        raise DataError(str(error)) from None
    measured = [moments(column) for column in table.returns.T]
    best = max(range(len(measured)), key=lambda trial: _ratio(measured[trial].sharpe))
    deflated = deflated_sharpe(
        measured[best].sharpe, measured[best].periods, trials=counted, trial_variance=sharpe_variance(table),
        skewness=measured[best].skewness, kurtosis=measured[best].kurtosis,
    )  # fmt: skip
    pbo = _overfitting(table.returns)
    snooping = _snooping(runs, seed)
    out = {} if walked is None else _out_of_sample(runs, walked)
    return Validation(
        runs, counted, best, _finite(deflated), pbo, snooping, walked, crossed, out,
        _warnings(runs, walked, out, pbo, snooping, deflated),
    )  # fmt: skip


def figures_of(returns: NDArray[np.float64], per_year: float) -> Figures:
    """Return what returns per period come to when each is put to work with what the ones before left."""
    worth = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    peak = np.maximum.accumulate(worth)
    found = moments(returns)
    shape = {"skewness": found.skewness, "kurtosis": found.kurtosis}
    has_ratio = isfinite(found.sharpe)
    return Figures(
        len(returns),
        float(worth[-1]) - 1.0,
        float(((peak - worth) / peak).max()),
        _finite(found.sharpe * sqrt(per_year)),
        _finite(probabilistic_sharpe(found.sharpe, found.periods, **shape)) if has_ratio else None,
        _finite(minimum_track_record(found.sharpe, confidence=_CONFIDENCE, **shape)) if has_ratio else None,
    )


def _ratio(value: float) -> float:
    return value if isfinite(value) else float("-inf")


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _overfitting(returns: NDArray[np.float64]) -> Overfitting | None:
    # Of trials that are all alike none can be chosen.
    if (returns == returns[:, :1]).all():
        return None
    blocks = next((count for count in _BLOCKS if len(returns) >= 4 * count), None)
    return None if blocks is None else overfitting(returns, blocks=blocks)


def _snooping(runs: TrialRuns, seed: int) -> dict[str, SnoopingTest] | None:
    if len(runs.table.returns) < _LEAST:
        return None
    try:
        # Each trial has random entries of its own to be better than: what they leave is held to nothing at all.
        nothing = np.zeros(len(runs.hold))
        return {
            "hold": snooping_test(runs.table.returns, runs.hold, seed=seed),
            "random": snooping_test(runs.table.returns - runs.random, nothing, seed=seed),
        }
    except ConfigError:
        return None


def _out_of_sample(runs: TrialRuns, walked: WalkForward) -> dict[str, Figures]:
    first, end = walked.windows[0].test_first, walked.windows[-1].test_end
    return {
        "chosen": figures_of(walked.returns, runs.per_year),
        "hold": figures_of(runs.hold[first:end], runs.per_year),
        "random": figures_of(random_windows(runs, walked), runs.per_year),
    }


def random_windows(runs: TrialRuns, walked: WalkForward) -> NDArray[np.float64]:
    """Return what random entries like those of each window's setting earned there."""
    return np.concatenate(
        [
            runs.random[window.test_first : window.test_end, chosen]
            for window, chosen in zip(walked.windows, walked.chosen, strict=True)
        ]
    )


def _walk_dict(walked: WalkForward, runs: TrialRuns) -> dict[str, Any]:
    year = sqrt(runs.per_year)
    return {
        "windows": [
            {
                "train_first_ns": int(runs.stamps_ns[window.train_first]),
                "train_end_ns": int(runs.stamps_ns[window.train_end]),
                "test_first_ns": int(runs.stamps_ns[window.test_first]),
                "test_end_ns": int(runs.stamps_ns[window.test_end]),
                "chosen": chosen,
                "parameters": dict(runs.trials[chosen].parameters),
                "sharpe_in": inside * year,
                "sharpe_out": outside * year,
            }
            for window, chosen, inside, outside in zip(
                walked.windows, walked.chosen, walked.scores_in, walked.scores_out, strict=True
            )
        ],
        "switches": walked.switches,
        "switch_cost": walked.switch_cost,
        "efficiency": _finite(walked.efficiency),
    }


def _cross_dict(crossed: CrossValidation, runs: TrialRuns) -> dict[str, Any]:
    ratios = crossed.path_sharpes * sqrt(runs.per_year)
    return {
        "groups": crossed.groups,
        "held_out": crossed.held_out,
        "embargo": crossed.embargo,
        "splits": len(crossed.chosen),
        "paths": len(crossed.path_returns),
        "purged_share": crossed.purged_share,
        "sharpe_annual_of_paths": ratios.tolist(),
        "sharpe_annual_mean": float(ratios.mean()),
        "sharpe_annual_least": float(ratios.min()),
        "losing_share": crossed.losing_share,
        "chosen": list(crossed.chosen),
    }


def _warnings(  # noqa: PLR0917 - what was found, part by part
    runs: TrialRuns,
    walked: WalkForward | None,
    out: dict[str, Figures],
    pbo: Overfitting | None,
    snooping: dict[str, SnoopingTest] | None,
    deflated: float,
) -> tuple[str, ...]:
    found = [] if walked is None else _walk_warnings(runs, out)
    idle, refused = sum(trial.orders == 0 for trial in runs.trials), sum(trial.refusals for trial in runs.trials)
    if idle or refused:
        why = max(runs.trials, key=lambda trial: trial.refusals).refused_by
        told = f"; {refused} requests were refused in all, of the setting with the most: {why}" if refused else ""
        found.append(f"{idle} of {len(runs.trials)} settings placed no order{told}")
    if pbo is not None and pbo.probability > 0.5:  # noqa: PLR2004 - worse than a coin
        found.append(f"the best in sample is below the median out of sample in {100 * pbo.probability:.0f} % of splits")
    if not deflated > _CONFIDENCE:
        found.append("the best setting is no better than luck explains, given how many were tried")
    if snooping is None:
        found.append("reality check and SPA were not made: they need arch (pip install 'bot4[quant]') and 30 periods")
    elif max(test.spa for test in snooping.values()) > 1.0 - _CONFIDENCE:
        found.append("no setting is better than holding and random entries beyond what luck explains (SPA above 0.05)")
    return (*found, *runs.notes)


def _walk_warnings(runs: TrialRuns, out: dict[str, Figures]) -> list[str]:
    found, chosen = [], out["chosen"]
    if chosen.profit_share <= 0.0:
        found.append("out of sample the chosen settings lost, or did not gain")
    elif chosen.track_record_least is None or chosen.track_record_least > chosen.periods:
        found.append(
            f"the sample is too short: {chosen.periods} {runs.period}s out of sample are not enough to be 95 % "
            "sure that the Sharpe ratio is above 0"
        )
    if chosen.profit_share < out["hold"].profit_share:
        found.append("holding earned more over the same windows")
    if chosen.profit_share < out["random"].profit_share:
        found.append("random entries earned more over the same windows")
    return found
