"""What a strategy has shown, and whether that is enough for real orders."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot4.application.backtest.expectation import expectation_in
from bot4.application.live.preflight import PreflightError
from bot4.domain.errors import DataError
from bot4.quant.selection import sharpe_variance
from bot4.quant.track_record import deflated_sharpe, moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.application.backtest.expectation import Expectation
    from bot4.application.evidence.validation import Validation
    from bot4.config import GoliveSettings

_DAY_S = 86_400.0
_DAY_NS = 86_400_000_000_000
_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one strategy with one configuration has shown on its instruments.

    Attributes
    ----------
    digest : str
        Of the strategy's code, its arguments, the settings that decide what is traded, and the instruments.
    out_of_sample_days, profit_share, sharpe_annual, drawdown_max
        Of the windows of a walk-forward, net of costs; the drawdown is the greater of that and of the whole backtest.
    trials : int
        Choices tried on this data, as the store counted them.
    deflated_sharpe : float or None
        Of the returns out of sample after so many trials.
    added_orders, unstated_orders : int
        Orders out of sample that added risk, and of how many the settings had to say what they are worth.
    stated_bps, brought_bps : float or None
        What they were stated to be worth before costs, None where it was measured; and what came of it before costs.
    preferred : str
        What the walk-forward would trade now where that is another choice; else empty.
    parity_orders, parity_fills : int or None
        Of a backtest and a paper run over the same capture; None where none was compared.
    is_equal : bool
        Whether those were the same, byte for byte.
    paper_days : float
        Of paper runs on a venue's live market data.

    """

    digest: str
    strategy: str
    arguments: tuple[str, ...]
    symbols: tuple[str, ...]
    market: str
    version: str
    made_utc: str
    first_utc: str
    last_utc: str
    out_of_sample_days: float
    profit_share: float
    sharpe_annual: float | None
    drawdown_max: float
    trials: int
    deflated_sharpe: float | None
    added_orders: int
    unstated_orders: int
    stated_bps: float | None
    brought_bps: float | None
    preferred: str
    parity_orders: int | None
    parity_fills: int | None
    is_equal: bool
    paper_days: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Evidence:
        """Read it back; raises DataError where it is none."""
        names = {field.name for field in fields(cls)}
        if set(plain) != names:
            again = "gather it again by `bot4 golive check`"
            raise DataError(f"evidence has the fields {sorted(names)}, was given {sorted(plain)}: {again}")
        return cls(**{**plain, "arguments": tuple(plain["arguments"]), "symbols": tuple(plain["symbols"])})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing asked for: what was shown, what is needed, and why it is asked for."""

    name: str
    shown: str
    needed: str
    is_passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class OutOfSample:
    """Figures of a walk-forward for evidence."""

    days: float
    profit_share: float
    sharpe_annual: float | None
    drawdown_max: float
    deflated_sharpe: float | None
    preferred: str
    expectation: Expectation


def out_of_sample(found: Validation, chosen: dict[str, str]) -> OutOfSample:
    """Read them off a validation with a walk-forward.

    Parameters
    ----------
    found : Validation
        Its trials count.
    chosen : dict of str to str
        What of the grid's names the strategy that wants to go live has.

    """
    walked, runs = found.walk_forward, found.runs
    if walked is None:
        raise ValueError("evidence is of a walk-forward")
    stamps = runs.stamps_ns
    days = float(stamps[walked.windows[-1].test_end] - stamps[walked.windows[0].test_first]) / _DAY_NS
    figures, measured = found.out_of_sample["chosen"], moments(walked.returns)
    deflated = deflated_sharpe(
        measured.sharpe, measured.periods, trials=found.trials, trial_variance=sharpe_variance(runs.table),
        skewness=measured.skewness, kurtosis=measured.kurtosis,
    )  # fmt: skip
    last = {name: str(value) for name, value in runs.trials[walked.chosen[-1]].parameters.items()}
    preferred = "" if all(chosen.get(name) == value for name, value in last.items()) else _words(last)
    mine = [trial for trial in runs.trials if all(chosen.get(k) == str(v) for k, v in trial.parameters.items())]
    drawdown = max([figures.drawdown_max, *(trial.drawdown_max for trial in mine)])
    # NaN is no figure: there is nothing to compare.
    return OutOfSample(
        days, figures.profit_share, figures.sharpe_annual, drawdown, deflated if deflated == deflated else None,  # noqa: PLR0124
        preferred,
        expectation_in(
            [
                (runs.worths[trial], window.test_first, window.test_end)
                for window, trial in zip(walked.windows, walked.chosen, strict=True)
            ]
        ),
    )  # fmt: skip


def _words(parameters: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in parameters.items())


def checks(evidence: Evidence, rules: GoliveSettings, now: datetime) -> list[Check]:
    """Hold evidence to the rules; every check is made, so that one look shows everything that is missing."""
    shown = [*_earned(evidence, rules), _expected(evidence, rules), *_kept(evidence, rules)]
    return [*shown, *_lived(evidence, rules, now)]


def _earned(evidence: Evidence, rules: GoliveSettings) -> list[Check]:
    """Hold the figures out of sample to the rules."""
    least, sure = rules.profit_min_bps, evidence.deflated_sharpe
    return [
        Check(
            "out of sample", f"{evidence.out_of_sample_days:.1f} days",
            f"at least {rules.out_of_sample_days_min:g} days (golive.out_of_sample_days_min)",
            evidence.out_of_sample_days >= rules.out_of_sample_days_min,
            "a strategy has to have met more than one mood of the market on data it was not chosen on",
        ),
        Check(
            "profit", f"{_BPS * evidence.profit_share:+.1f} bps out of sample, net of costs",
            f"above {least:g} bps (golive.profit_min_bps)", evidence.profit_share * _BPS > least,
            "what does not earn after fees, spread and funding on paper will not with money",
        ),
        Check(
            "drawdown", f"{_BPS * evidence.drawdown_max:.0f} bps",
            f"at most {rules.drawdown_max_bps} bps (golive.drawdown_max_bps)",
            evidence.drawdown_max * _BPS <= rules.drawdown_max_bps,
            "live trading stops at the drawdown limit: a strategy that went beyond it before would be stopped",
        ),
        Check(
            "deflated Sharpe", "not measured" if sure is None else f"{sure:.4f} after {evidence.trials} trials",
            f"at least {rules.deflated_sharpe_min:g} (golive.deflated_sharpe_min)",
            sure is not None and sure >= rules.deflated_sharpe_min,
            "the best of many worthless choices looks good: how many were tried counts against it",
        ),
    ]  # fmt: skip


def _expected(evidence: Evidence, rules: GoliveSettings) -> Check:
    """Hold what orders were stated to be worth to what they brought."""
    stated, brought, most = evidence.stated_bps, evidence.brought_bps, rules.overstated_bps_max
    if brought is None:
        shown = "no order added risk out of sample"
    elif stated is None:
        shown = f"measured by the policy, not stated; brought {brought:.1f} bps before costs"
    else:
        shown = (
            f"stated {stated:.1f} bps, brought {brought:.1f} bps before costs, {evidence.added_orders} orders, "
            f"{evidence.unstated_orders} by strategy.expected_bps"
        )
    return Check(
        "expectation", shown, f"stated at most {most:g} bps above what was brought (golive.overstated_bps_max)",
        brought is not None and (stated is None or stated <= brought + most),
        "the gate lets orders through by what they are stated to be worth: too much hides costs that are not earned",
    )  # fmt: skip


def _kept(evidence: Evidence, rules: GoliveSettings) -> list[Check]:
    """Hold to the rules whether what is to go live is what was measured."""
    orders = evidence.parity_orders
    return [
        Check(
            "choice", f"the walk-forward would trade {evidence.preferred} now" if evidence.preferred else "the same",
            "what the walk-forward chose last", not evidence.preferred,
            "the figures are of the way of choosing: another choice has not earned them",
        ),
        Check(
            "parity", "not compared" if orders is None else f"{'equal' if evidence.is_equal else 'different'}, "
            f"{orders} orders and {evidence.parity_fills} fills",
            f"equal, of at least {rules.parity_orders_min} orders (golive.parity_orders_min)",
            evidence.is_equal and orders is not None and orders >= rules.parity_orders_min,
            "a backtest that does not do what a run does says nothing about it",
        ),
    ]  # fmt: skip


def _lived(evidence: Evidence, rules: GoliveSettings, now: datetime) -> list[Check]:
    """Hold the time on paper, and the age of it all, to the rules."""
    age = (now - datetime.fromisoformat(evidence.made_utc)).total_seconds() / _DAY_S
    return [
        Check(
            "days on paper", f"{evidence.paper_days:.2f}", f"at least {rules.paper_days_min:g} (golive.paper_days_min)",
            evidence.paper_days >= rules.paper_days_min,
            "feeds, latencies and limits of the venue are met on its live market data first",
        ),
        Check(
            "age", f"{age:.1f} days", f"at most {rules.evidence_days_max:g} days (golive.evidence_days_max)",
            0.0 <= age <= rules.evidence_days_max, "markets change: what was shown long ago has to be shown again",
        ),
    ]  # fmt: skip


def require_passed(evidence: Evidence | None, rules: GoliveSettings, now: datetime, digest: str) -> None:
    """Raise PreflightError with a line for each thing that evidence of this digest lacks."""
    if evidence is None or evidence.digest != digest:
        asked = "a changed strategy has to pass again, by `bot4 golive check`"
        raise PreflightError([f"golive: there is no evidence for this code and configuration ({digest}): {asked}"])
    lines = failed(checks(evidence, rules, now))
    if lines:
        raise PreflightError(lines)


def failed(found: Sequence[Check]) -> list[str]:
    """Return a line for each check that failed."""
    return [
        f"golive: {check.name}: {check.shown}, needed is {check.needed}: {check.reason}"
        for check in found
        if not check.is_passed
    ]
