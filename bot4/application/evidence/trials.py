"""Trials of a strategy on data, kept in the store and counted there: the best of many is worth less than it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.application.backtest.statistics import measured_sharpe
from bot4.domain.specification import where
from bot4.domain.trial import Trial, TrialCount, count_of

if TYPE_CHECKING:
    from bot4.application.backtest.result import BacktestResult
    from bot4.ports.unit_of_work import Store


def record_trial(store: Store, trial: Trial) -> None:
    """Keep a trial; the same choice on the same data is replaced by its last run."""
    with store.unit_of_work() as unit:
        unit.trials.save(trial)
        unit.commit()


def count_trials(store: Store, trial: Trial) -> TrialCount:
    """Count the choices of the same strategy tried on any part of the same data, `trial` included.

    Data is the same where the symbols are and the spans overlap: who tried on the first half knows half of the whole.

    Parameters
    ----------
    store : Store
        Where trials are kept.
    trial : Trial
        Need not be in the store yet.

    """
    with store.unit_of_work() as unit:
        known = unit.trials.find(
            (where("family") == trial.family)
            & (where("symbols") == trial.symbols)
            & (where("first_ns") <= trial.last_ns)
            & (where("last_ns") >= trial.first_ns)
        )
    others = [one for one in known if one.parameters != trial.parameters]
    return count_of([*others, trial], trial.period)


def trial_of(result: BacktestResult, *, parameters: str, ran_utc: str) -> Trial:
    """Return a backtest as a trial.

    Parameters
    ----------
    result : BacktestResult
        What came of it.
    parameters : str
        Digest of everything that was chosen.
    ran_utc : str
        Now, ISO 8601.

    """
    period, sharpe = measured_sharpe(result)
    start = float(result.equity_start)
    return Trial(
        family=result.strategy,
        parameters=parameters,
        symbols=",".join(sorted(result.symbols)),
        first_ns=result.first_ns,
        last_ns=result.last_ns,
        rows=result.rows,
        result_hash=result.result_hash,
        ran_utc=ran_utc,
        period=period,
        sharpe=sharpe,
        profit_share=float(result.profit) / start if start else 0.0,
        drawdown_max=result.drawdown_max,
    )
