"""The part of ``bot4 backtest`` that chooses from a grid: what was asked for, and what is shown of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot4.application.evidence.validation import Figures, Validation
    from bot4.bootstrap import TrialRunner


@dataclass(frozen=True, slots=True)
class Ways:
    """How to choose, as the command line says it."""

    grid: Mapping[str, Sequence[str]]
    windows: int | None
    is_rolling: bool
    groups: int | None
    held_out: int
    embargo: int


def chosen_ways(
    grid_words: Sequence[str], windows: int | None, groups: str | None, *, rolling: bool, embargo: int
) -> Ways | None:
    """Read the options; None where nothing is to be chosen."""
    from bot4.domain.errors import ConfigError

    if windows is None and groups is None:
        if grid_words:
            raise ConfigError("--grid goes with --walk-forward or --cross-validate: the best of many proves nothing")
        return None
    if rolling and windows is None:
        raise ConfigError("--rolling goes with --walk-forward")
    grid: dict[str, list[str]] = {}
    for word in grid_words:
        key, equals, values = word.partition("=")
        if not equals or not values:
            raise ConfigError(f"--grid takes KEY=A,B,C, was {word!r}")
        grid[key.strip()] = [value.strip() for value in values.split(",")]
    count, colon, held = (groups or "6:2").partition(":")
    if not (colon and count.isdecimal() and held.isdecimal()):
        raise ConfigError(f"--cross-validate takes N:K, was {groups!r}")
    return Ways(grid, windows, rolling, None if groups is None else int(count), int(held), embargo)


def choose(
    ways: Ways,
    runner: TrialRunner,
    *,
    trials: int | None,
    quiet: bool,
) -> Validation:
    """Run the grid and judge it."""
    from bot4.application.evidence.trial_runs import run_trials
    from bot4.application.evidence.validation import PERIODS_PER_PART, validate
    from bot4.entrypoints.cli.progress import ByteBar

    parts = max((ways.windows or 0) + 1, ways.groups or 0)
    with ByteBar("grid", counts_bytes=False) as bar:
        runs = run_trials(
            ways.grid, runner, periods_least=parts * PERIODS_PER_PART, progress=None if quiet else bar.update
        )
    return validate(
        runs,
        windows=ways.windows,
        anchored=not ways.is_rolling,
        groups=ways.groups,
        held_out=ways.held_out,
        embargo=ways.embargo,
        trials=max(trials or 0, runner.counted),
    )


def show_validation(found: Validation, html_file: Path | None, json_file: str | None) -> None:
    """Write the files that were asked for, and print what a person wants to know first."""
    from bot4.application.evidence.validation_report import validation_html, validation_json
    from bot4.domain.errors import OutputError

    try:
        if html_file is not None:
            html_file.write_text(validation_html(found), encoding="utf-8")
        if json_file == "-":
            sys.stdout.buffer.write(validation_json(found))
            sys.stdout.buffer.flush()
        elif json_file is not None:
            Path(json_file).write_bytes(validation_json(found))
    except OSError as error:
        raise OutputError(f"report {error.filename} cannot be written: {error.strerror}") from None
    if json_file != "-":
        for line in lines(found):
            click.echo(line)


def lines(found: Validation) -> list[str]:
    """Return what is printed."""
    runs = found.runs
    rows: list[tuple[str, str]] = [
        ("settings tried", f"{len(runs.trials)} here, {found.trials} counted, over {len(runs.hold)} {runs.period}s"),
        ("best of all", f"{_named(runs.trials[found.best].parameters)}: {runs.trials[found.best].profit:.2f}"),
        ("deflated", _share(found.deflated_sharpe, "sure that it is better than luck")),
    ]
    if found.overfitting is not None:
        rows.append(("overfitting", _share(found.overfitting.probability, "of splits choose one that falls behind")))
    for name, test in (found.snooping or {}).items():
        rows.append((f"against {name}", f"reality check p {test.reality_check:.3f}, SPA p {test.spa:.3f}"))
    told = [f"{name:<17} {text}" for name, text in rows]
    if found.walk_forward is not None:
        told += _walked(found)
    if found.cross_validation is not None:
        told += _crossed(found)
    return told + [f"note: {text}" for text in found.warnings]


def _walked(found: Validation) -> list[str]:
    from bot4.application.evidence.validation_report import walk_rows

    told = [f"window {row[0]:<10} {row[1]}  {row[2]}  in {row[3]}, out {row[4]}" for row in walk_rows(found)]
    return told + [f"{name:<17} {_figures(figures)}" for name, figures in found.out_of_sample.items()]


def _crossed(found: Validation) -> list[str]:
    plain = found.to_dict()["cross_validation"]
    purged, losing = (f"{100 * plain[name]:.1f} %" for name in ("purged_share", "losing_share"))
    mean, least = plain["sharpe_annual_mean"], plain["sharpe_annual_least"]
    return [
        f"{'combinations':<17} {plain['splits']} splits, {plain['paths']} paths, {purged} to choose on purged",
        f"{'paths':<17} Sharpe, annual, {mean:.2f} on average, {least:.2f} at worst; {losing} lose",
    ]


def _figures(figures: Figures) -> str:
    ratio = "not measured" if figures.sharpe_annual is None else f"{figures.sharpe_annual:.2f}"
    return (
        f"{100 * figures.profit_share:+.3f} % out of sample, drawdown {100 * figures.drawdown_max:.3f} %, "
        f"Sharpe, annual {ratio}"
    )


def _named(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in parameters.items()) or "as given"


def _share(share: float | None, what: str) -> str:
    return "not measured" if share is None else f"{100 * share:.1f} % {what}"
