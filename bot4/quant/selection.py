"""What choosing the best of many trials is worth: each choice is made on one part of the record, scored on another.

All trials are one table of returns per period, in step. A choice never sees what it is scored by: walk-forward chooses
on the past alone; cross-validation on what purging and an embargo leave of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot4.quant.splits import combinatorial_splits, group_bounds, path_splits, purged_train, walk_forward_windows
from bot4.quant.track_record import sharpe_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bot4.quant.splits import Window

    Measure = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_LEAST = 2


@dataclass(frozen=True)
class TrialTable:
    """Trials side by side.

    Attributes
    ----------
    returns : ndarray[float64], shape (periods, trials)
        Net of costs.
    starts, ends : ndarray[int64], shape (periods, trials)
        Label of each period: from its first to the one after its last, the period itself included.
    leave_costs : ndarray[float64], shape (periods + 1, trials)
        Share of equity that it takes to close what a trial holds where each period begins, and at the end; to take it
        over costs the same.

    """

    returns: NDArray[np.float64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    leave_costs: NDArray[np.float64]

    def __post_init__(self) -> None:
        periods, trials = self.returns.shape
        if trials < 1 or self.starts.shape != self.returns.shape or self.ends.shape != self.returns.shape:
            raise ValueError(f"labels are in step with {periods} x {trials} returns, were {self.starts.shape}")
        if self.leave_costs.shape != (periods + 1, trials):
            raise ValueError(f"costs are of {periods + 1} x {trials}, were {self.leave_costs.shape}")


@dataclass(frozen=True)
class WalkForward:
    """Choices made one after the other; ``chosen`` has the trial of each window."""

    windows: tuple[Window, ...]
    chosen: tuple[int, ...]
    scores_in: tuple[float, ...]
    scores_out: tuple[float, ...]
    returns: NDArray[np.float64]
    switches: int
    switch_cost: float

    @property
    def sharpe(self) -> float:
        """Ratio per period of the returns of all windows, costs of changing over included."""
        return float(sharpe_columns(self.returns[:, None])[0])

    @property
    def efficiency(self) -> float:
        """Mean score out of sample over that in sample; NaN where nothing was earned in sample."""
        inside = float(np.mean(self.scores_in))
        return float(np.mean(self.scores_out)) / inside if inside > 0.0 else float("nan")


@dataclass(frozen=True)
class CrossValidation:
    """Choices of every combination, and the paths that they make through all periods."""

    groups: int
    held_out: int
    embargo: int
    chosen: tuple[int, ...]
    purged_share: float
    path_returns: NDArray[np.float64]
    path_sharpes: NDArray[np.float64]

    @property
    def losing_share(self) -> float:
        """Share of the paths whose ratio is not above 0."""
        return float((self.path_sharpes <= 0.0).mean())


def walk_forward(
    table: TrialTable,
    windows: int,
    *,
    anchored: bool = True,
    train_periods: int | None = None,
    embargo: int = 0,
    measure: Measure = sharpe_columns,
) -> WalkForward:
    """Choose the best trial on the past of each window, and score it there, costs of changing over included.

    Parameters
    ----------
    table : TrialTable
        Every trial there was.
    windows, anchored, train_periods, embargo
        As for `walk_forward_windows`.
    measure : callable
        Result of each column of a part of the returns; the best has the greatest.

    Raises
    ------
    ValueError
        There are too few periods.

    """
    cut = walk_forward_windows(
        len(table.returns), windows, anchored=anchored, train_periods=train_periods, embargo=embargo
    )
    out = table.returns[cut[0].test_first : cut[-1].test_end, 0].copy()
    chosen: list[int] = []
    inside, outside, paid, switches = [], [], 0.0, 0
    for window in cut:
        scores = measure(table.returns[window.train_first : window.train_end])
        best = int(np.argmax(scores))
        returns = table.returns[window.test_first : window.test_end, best].copy()
        if not chosen or chosen[-1] != best:
            cost = float(table.leave_costs[window.test_first, best])
            if chosen:
                cost += float(table.leave_costs[window.test_first, chosen[-1]])
                switches += 1
            returns[0] -= cost
            paid += cost
        if window is cut[-1]:
            cost = float(table.leave_costs[window.test_end, best])
            returns[-1] -= cost
            paid += cost
        out[window.test_first - cut[0].test_first : window.test_end - cut[0].test_first] = returns
        chosen.append(best)
        inside.append(float(scores[best]))
        outside.append(float(measure(returns[:, None])[0]) if len(returns) >= _LEAST else 0.0)
    return WalkForward(cut, tuple(chosen), tuple(inside), tuple(outside), out, switches, paid)


def cross_validate(
    table: TrialTable,
    *,
    groups: int = 6,
    held_out: int = 2,
    embargo: int = 0,
    measure: Measure = sharpe_columns,
) -> CrossValidation:
    """Choose the best trial on what each combination leaves, purged for each trial by its own labels; score the rest.

    A trial of which purging leaves fewer than two periods cannot be chosen.

    Raises
    ------
    ValueError
        Purging leaves nothing to choose on in some combination, or the groups do not fit.

    """
    periods, trials = table.returns.shape
    chosen: list[int] = []
    kept = allowed = 0
    for split in combinatorial_splits(periods, groups, held_out):
        scores = np.full(trials, -np.inf)
        for trial in range(trials):
            train = purged_train(split.is_test, table.starts[:, trial], table.ends[:, trial], embargo=embargo)
            kept += int(train.sum())
            if train.sum() >= _LEAST:
                scores[trial] = measure(table.returns[train, trial : trial + 1])[0]
        allowed += int((~split.is_test).sum()) * trials
        if not np.isfinite(scores).any():
            raise ValueError(
                f"purging leaves no period to choose on where groups {split.held_out} are held out: positions are held "
                "for longer than a group"
            )
        chosen.append(int(np.argmax(scores)))
    paths = _paths(table, chosen, groups, held_out)
    return CrossValidation(
        groups, held_out, embargo, tuple(chosen), 1.0 - kept / allowed, paths, sharpe_columns(paths.T)
    )


def _paths(table: TrialTable, chosen: list[int], groups: int, held_out: int) -> NDArray[np.float64]:
    """Put each path together, shape (paths, periods); changing over from one trial to another is paid for."""
    periods = len(table.returns)
    bounds = group_bounds(periods, groups)
    taken = path_splits(groups, held_out)
    paths = np.zeros((len(taken), periods))
    for path, splits in zip(paths, taken, strict=True):
        before: int | None = None
        for group, split in enumerate(splits):
            first, end, trial = bounds[group], bounds[group + 1], chosen[split]
            path[first:end] = table.returns[first:end, trial]
            if trial != before:
                path[first] -= table.leave_costs[first, trial]
                path[first] -= 0.0 if before is None else table.leave_costs[first, before]
            before = trial
        path[-1] -= table.leave_costs[periods, before or 0]
    return paths


def sharpe_variance(table: TrialTable) -> float:
    """Return the variance of the trials' ratios per period, for `deflated_sharpe`; of one trial, of worthless ones."""
    periods, trials = len(table.returns), len(table.returns.T)
    if trials < _LEAST:
        return 1.0 / periods
    ratios = sharpe_columns(table.returns)
    return float(((ratios - ratios.mean()) ** 2).sum() / (trials - 1))
