"""Every setting of a grid run once over the same data, and laid side by side: the table that selection is judged on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4.application.backtest.assumptions import refusal_reasons
from bot4.application.backtest.baselines import hold_returns, random_returns
from bot4.application.backtest.breakdown import held_value, taker_slippage
from bot4.application.backtest.expectation import worth_by_period
from bot4.application.backtest.statistics import PERIODS
from bot4.domain.errors import ConfigError, DataError
from bot4.quant.selection import TrialTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bot4.application.backtest.expectation import Worth
    from bot4.application.backtest.result import BacktestResult

    RunOne = Callable[[Mapping[str, Any], Callable[[int, int], None]], BacktestResult]

_NS = 1_000_000_000
_TRIALS_MAX = 10_000
_RESOLUTION = 1_000


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting of the grid and what it came to; ``refused_by`` are the rules that refused, by frequency."""

    parameters: Mapping[str, Any]
    profit: float
    drawdown_max: float
    fees: float
    orders: int
    round_trips: int
    refusals: int
    refused_by: str
    result_hash: str


@dataclass(frozen=True)
class TrialRuns:
    """All of them over the same periods.

    ``hold`` are returns per period of holding the first instrument; ``random``, shape (periods, trials), of entries of
    the same number, length and size as each trial's at random times, the mean of many draws; both net of taker fees.
    ``worths`` are what the orders of each trial were stated to be worth, and what they brought; ``notes`` what was said
    of every one of them: of the data, of funding that was left out.
    """

    strategy: str
    settle: str
    equity_start: float
    period: str
    per_year: float
    stamps_ns: NDArray[np.int64]
    trials: tuple[Trial, ...]
    table: TrialTable
    hold: NDArray[np.float64]
    random: NDArray[np.float64]
    worths: tuple[Worth, ...]
    notes: tuple[str, ...]


def expand_grid(grid: Mapping[str, Sequence[Any]]) -> tuple[dict[str, Any], ...]:
    """Return every combination of the values, the last name turning fastest.

    >>> expand_grid({"fast": [5, 10], "slow": [50]})
    ({'fast': 5, 'slow': 50}, {'fast': 10, 'slow': 50})
    """
    count = prod(len(values) for values in grid.values())
    if not 1 <= count <= _TRIALS_MAX:
        raise ConfigError(f"a grid has 1 to {_TRIALS_MAX} settings, was {count}")
    return tuple(dict(zip(grid, values, strict=True)) for values in product(*grid.values()))


def run_trials(
    grid: Mapping[str, Sequence[Any]],
    run_one: RunOne,
    *,
    periods_least: int,
    progress: Callable[[int, int], None] | None = None,
    seed: int = 1,
) -> TrialRuns:
    """Run every setting of a grid over the same data.

    A strategy is told nothing before its time, so a run over everything shows in each period what a run that ended
    there would have shown; cutting it afterwards reads nothing of the future.

    Parameters
    ----------
    grid : mapping of str to values
        Parameters and what to try for each.
    run_one : callable(parameters, progress)
        Runs one setting; always over the same data.
    periods_least : int
        Returns are taken over the longest period of which there are as many.
    progress : callable(done, total), optional
        Called now and then, over all runs.
    seed : int
        Of the random entries.

    Raises
    ------
    ConfigError
        The grid is empty or too large.
    DataError
        The data are shorter than `periods_least` seconds, or two settings saw different data.

    """
    settings = expand_grid(grid)
    trials, columns, worths, notes = [], [], [], []
    hold: NDArray[np.float64] | None = None
    twins = []
    first: BacktestResult | None = None
    for number, parameters in enumerate(settings):
        result = run_one(parameters, _part_of(progress, number, len(settings)))
        if first is None:
            first = result
            name, seconds, per_year = _period(result, periods_least)
            ends = np.arange(result.first_ns, result.last_ns + 1, seconds * _NS)
            hold = hold_returns(result, ends)
        elif (result.first_ns, result.last_ns, result.rows) != (first.first_ns, first.last_ns, first.rows):
            raise DataError(f"the settings {parameters} did not run over the same data as the first ones")
        trials.append(_trial(parameters, result))
        columns.append(_column(result, ends))
        twins.append(random_returns(result, ends, seed + number))
        worths.append(worth_by_period(result, ends))
        notes.append(result.notes)
    if first is None or hold is None:
        raise ConfigError("a grid has one setting at least")
    parts = [np.stack(part, axis=1) for part in zip(*columns, strict=True)]
    return TrialRuns(
        first.strategy, first.settle, float(first.equity_start), name, per_year, ends, tuple(trials),
        TrialTable(*parts), hold, np.stack(twins, axis=1), tuple(worths),
        tuple(note for note in first.notes if all(note in others for others in notes)),
    )  # fmt: skip


def _part_of(progress: Callable[[int, int], None] | None, number: int, count: int) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(number * _RESOLUTION + _RESOLUTION * done // max(total, 1), count * _RESOLUTION)

    return tell


def _period(result: BacktestResult, least: int) -> tuple[str, int, float]:
    span_ns = result.last_ns - result.first_ns
    for name, seconds, per_year in PERIODS:
        if span_ns >= least * seconds * _NS:
            return name, seconds, per_year
    raise DataError(f"the data are {span_ns / _NS:.1f} s long, and {least} seconds at least are needed")


def _trial(parameters: Mapping[str, Any], result: BacktestResult) -> Trial:
    return Trial(
        dict(parameters), float(result.profit), result.drawdown_max, float(result.fees[result.settle]),
        len(result.orders), len(result.trades), len(result.refusals), refusal_reasons(result.refusals),
        result.result_hash,
    )  # fmt: skip


def _column(
    result: BacktestResult, ends: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    equity = result.equity[np.searchsorted(result.equity_ns, ends, side="right") - 1]
    # What lost everything has lost it: no return is taken after that.
    equity = np.where(np.minimum.accumulate(equity) > 0.0, equity, 0.0)
    before = equity[:-1]
    returns = np.divide(np.diff(equity), before, out=np.zeros(len(before)), where=before > 0.0)
    starts, stops = _labels(result, ends)
    held = sum(held_value(result, lane, ends) for lane in range(len(result.instruments)))
    share = np.divide(held, equity, out=np.zeros(len(equity)), where=equity > 0.0)
    return returns, starts, stops, share * (result.taker_fee + taker_slippage(result))


def _labels(result: BacktestResult, ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Periods that share a position have one label; a period without any is its own."""
    periods = len(ends) - 1
    starts, stops = np.arange(periods), np.arange(1, periods + 1)
    for lane in range(len(result.instruments)):
        for opened_ns, closed_ns in holding_spans(result.fills[result.fills["instrument"] == lane], result.last_ns):
            first = int(np.clip(np.searchsorted(ends, opened_ns, side="right") - 1, 0, periods - 1))
            last = int(np.clip(np.searchsorted(ends, closed_ns, side="left") - 1, first, periods - 1))
            starts[first : last + 1] = np.minimum(starts[first : last + 1], first)
            stops[first : last + 1] = np.maximum(stops[first : last + 1], last + 1)
    return starts, stops


def holding_spans(fills: NDArray[np.void], last_ns: int) -> list[tuple[int, int]]:
    """Return when positions were opened and closed; one that is still held at the end is closed there."""
    held = np.cumsum(np.where(fills["side"] == 0, fills["qty_lots"], -fills["qty_lots"]))
    side = np.sign(held)
    before = np.concatenate([[0], side[:-1]])
    turns = np.flatnonzero(side != before)
    stamps = fills["recv_ns"]
    ends = [*stamps[turns[1:]].tolist(), last_ns]
    return [(int(stamps[at]), int(end)) for at, end in zip(turns, ends, strict=False) if side[at] != 0]
