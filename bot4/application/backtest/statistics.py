"""What a backtest's figures are worth: risk-adjusted, beside baselines, and whether the sample is long enough."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite, isnan, nan, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bot4.application.backtest.baselines import hold_profit, random_profits
from bot4.application.backtest.expectation import expectation_of
from bot4.domain.instrument import ContractKind
from bot4.quant.track_record import deflated_sharpe, minimum_track_record, moments, probabilistic_sharpe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.application.backtest.expectation import Expectation
    from bot4.application.backtest.result import BacktestResult

_NS = 1_000_000_000
# Name, seconds, how many make a year of a market that never closes; the longest that gives enough of them is used.
PERIODS = (("day", 86_400, 365.0), ("hour", 3_600, 8_760.0), ("minute", 60, 525_600.0), ("second", 1, 31_536_000.0))
_PERIODS_LEAST = 30
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class BacktestStatistics:
    """Figures beside a result; a ratio that cannot be measured is None.

    Attributes
    ----------
    period : str or None
        Over which returns are taken: day, hour, minute or second; None where the run is too short for any.
    sharpe, sharpe_annual : float or None
        Per period, and times the root of the periods in a year.
    psr : float or None
        Probability that the true ratio is above 0.
    track_record_least : float or None
        Periods it takes to be 95 % sure of that; None where no number is enough.
    trials : int
        Strategies tried before this one was shown, itself included.
    deflated_sharpe : float or None
        Probability that it is better than the best of so many worthless ones; with one trial the PSR.
    hold_profit : float
        Of the first instrument, bought with the whole opening at the first mark, sold at the last, less taker fees.
    random_profit_mean, random_better_share : float or None
        Of as many trades of the same lengths and sizes at random times, at the mid and net of taker fees: their mean
        profit, and the share of draws that did at least as well as the strategy.
    expectation : Expectation
        What its orders were stated to be worth before costs, and what they brought.
    warnings : tuple of str
        Why not to believe the figures.

    """

    period: str | None
    periods: int
    sharpe: float | None
    sharpe_annual: float | None
    skewness: float | None
    kurtosis: float | None
    psr: float | None
    track_record_least: float | None
    trials: int
    deflated_sharpe: float | None
    profit: float
    profit_share: float
    drawdown_max: float
    trades: int
    trades_won: int
    fees: float
    turnover: float
    hold_profit: float
    random_profit_mean: float | None
    random_better_share: float | None
    expectation: Expectation
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def judge(
    result: BacktestResult, *, trials: int = 1, trial_variance: float | None = None, seed: int = 1
) -> BacktestStatistics:
    """Measure a result.

    Parameters
    ----------
    result : BacktestResult
        Of any run.
    trials : int
        Strategies or settings tried on this data so far, this one included.
    trial_variance : float, optional
        Variance of their Sharpe ratios per period; where not given, that of ratios of worthless ones, 1 / periods.
    seed : int
        Of the random entries.

    """
    if trials < 1:
        raise ValueError(f"trials must be at least 1, were {trials}")
    taken = returns_of(result)
    ratios = _ratios(taken, trials, trial_variance)
    random, expectation = random_profits(result, seed), expectation_of(result)
    profit, start = float(result.profit), float(result.equity_start)
    return BacktestStatistics(
        period=taken.name,
        periods=len(taken.returns),
        sharpe=_finite(ratios.sharpe),
        sharpe_annual=_finite(ratios.sharpe * sqrt(taken.per_year)),
        skewness=_finite(ratios.skewness),
        kurtosis=_finite(ratios.kurtosis),
        psr=_finite(ratios.psr),
        track_record_least=_finite(ratios.least),
        trials=trials,
        deflated_sharpe=_finite(ratios.deflated),
        profit=profit,
        profit_share=profit / start if start else 0.0,
        drawdown_max=result.drawdown_max,
        trades=len(result.trades),
        trades_won=int((result.trades["result"] > 0).sum()),
        fees=float(result.fees[result.settle]),
        turnover=_turnover(result),
        hold_profit=hold_profit(result),
        random_profit_mean=None if random is None else float(random.mean()),
        random_better_share=None if random is None else float((random >= result.trades["result"].sum()).mean()),
        expectation=expectation,
        warnings=(
            *_warnings(
                result, taken.name, len(taken.returns), ratio=ratios.sharpe, least=ratios.least, trials=trials
            ),
            *_overstated(expectation, result.expected_bps),
        ),
    )  # fmt: skip


class _Ratios(NamedTuple):
    """Of returns per period; NaN where there is none."""

    sharpe: float = nan
    skewness: float = nan
    kurtosis: float = nan
    psr: float = nan
    least: float = nan
    deflated: float = nan


def _ratios(taken: PeriodReturns, trials: int, trial_variance: float | None) -> _Ratios:
    if len(taken.returns) == 0:
        return _Ratios()
    found = moments(taken.returns)
    ratio, shape = found.sharpe, {"skewness": found.skewness, "kurtosis": found.kurtosis}
    if isnan(ratio):
        return _Ratios(**shape)
    variance = 1.0 / found.periods if trial_variance is None else trial_variance
    return _Ratios(
        ratio,
        found.skewness,
        found.kurtosis,
        probabilistic_sharpe(ratio, found.periods, **shape),
        minimum_track_record(ratio, confidence=_CONFIDENCE, **shape),
        deflated_sharpe(ratio, found.periods, trials=trials, trial_variance=variance, **shape),
    )


def measured_sharpe(result: BacktestResult) -> tuple[str | None, float | None]:
    """Return the period that `judge` takes returns over, and the Sharpe ratio per period; None where there is none."""
    taken = returns_of(result)
    return taken.name, _finite(moments(taken.returns).sharpe) if len(taken.returns) else None


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


@dataclass(frozen=True)
class PeriodReturns:
    """Returns of equity over the longest period of which there are enough; the name is None where there is none.

    ``ends_ns`` and ``values`` are the stamps and equity between which they are taken, one more than returns.
    """

    name: str | None
    per_year: float
    ends_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    returns: NDArray[np.float64]


def returns_of(result: BacktestResult) -> PeriodReturns:
    """Take them."""
    span_ns = int(result.equity_ns[-1] - result.equity_ns[0])
    none = np.zeros(0)
    for name, seconds, per_year in PERIODS:
        if span_ns >= _PERIODS_LEAST * seconds * _NS:
            ends = np.arange(result.equity_ns[0], result.equity_ns[-1] + 1, seconds * _NS)
            values = result.equity[np.searchsorted(result.equity_ns, ends, side="right") - 1]
            if (values <= 0).any():
                break
            return PeriodReturns(name, per_year, ends, values, np.diff(values) / values[:-1])
    return PeriodReturns(None, 0.0, np.zeros(0, np.int64), none, none)


def _turnover(result: BacktestResult) -> float:
    """Value of all fills, in the quote of each instrument added up."""
    total = 0.0
    for lane, instrument in enumerate(result.instruments):
        fills = result.fills[result.fills["instrument"] == lane]
        lots = fills["qty_lots"].astype(np.float64)
        unit = float(instrument.lot_size * instrument.contract_size)
        if instrument.kind is ContractKind.INVERSE:
            total += float(lots.sum()) * unit
        else:
            total += float((lots * fills["price_ticks"]).sum()) * unit * float(instrument.tick_size)
    return total


def _warnings(
    result: BacktestResult,
    period: str | None,
    periods: int,
    *,
    ratio: float,
    least: float,
    trials: int,
) -> tuple[str, ...]:
    found = []
    if period is None:
        found.append(f"the run is shorter than {_PERIODS_LEAST} seconds, or lost all its equity: no ratio is measured")
    elif isnan(ratio):
        found.append("equity did not vary: there is no ratio")
    elif not ratio > 0.0:
        found.append("the strategy lost, or did not gain: no length of record would speak for it")
    elif least > periods:
        found.append(
            f"the sample is too short: {periods} {period}s, and {least:.0f} are needed to be 95 % sure that the Sharpe "
            "ratio is above 0"
        )
    if period is not None and period != "day":
        found.append(f"returns are of {period}s: a year is far from a sample this short")
    if len(result.trades) < _PERIODS_LEAST:
        found.append(f"{len(result.trades)} round trips are too few to tell skill from luck")
    if trials == 1:
        found.append("one trial is counted: any other setting tried, here or elsewhere, lessens the deflated ratio")
    return tuple(found)


def _overstated(found: Expectation, by_settings_bps: float | None) -> tuple[str, ...]:
    """Say whose word the gate took where a strategy said nothing, and where its own was more than came of it."""
    if found.brought_bps is None:
        return ()
    if found.unstated:
        said = f"{found.unstated} of {found.orders} orders that added risk stated nothing"
        judged = f"judged by strategy.expected_bps = {by_settings_bps:g}"
        return (f"{said}: {judged}; brought {found.brought_bps:.1f} bps before costs",)
    if found.stated_bps is not None and found.stated_bps > found.brought_bps:
        said = f"orders that added risk were stated to be worth {found.stated_bps:.1f} bps before costs"
        return (f"{said}, and brought {found.brought_bps:.1f} bps",)
    return ()
