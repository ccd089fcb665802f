"""``bot4 golive``: has a strategy shown what real orders ask for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot4.entrypoints.cli.options import (
    config_option,
    funding_option,
    instrument_option,
    market_option,
    set_option,
    strategy_arg_option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.application.evidence.golive import Check, Evidence


@click.group("golive")
def golive() -> None:
    """Tell whether a strategy has shown what real orders ask for."""


@golive.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--capture",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A recording to run in a backtest and on paper: both must trade alike.",
)
@click.option("--strategy", metavar="NAME", help="module:name or file.py:name.  [default: the policy of the settings]")
@strategy_arg_option
@click.option(
    "--grid", "grid_words", multiple=True, metavar="KEY=A,B,C", help="What the strategy's parameters are chosen from."
)
@click.option(
    "--windows", type=click.IntRange(min=2), default=5, show_default=True, metavar="N", help="Scored out of sample."
)
@funding_option
@instrument_option
@market_option
@config_option
@set_option
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where paper runs and evidence are.")
@click.option("--json", "json_file", metavar="FILE", help="Write evidence and checks as JSON; - is stdout.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def check(  # noqa: PLR0917 - click hands them over by name
    paths: tuple[Path, ...],
    capture: Path | None,
    strategy: str | None,
    strategy_args: tuple[str, ...],
    grid_words: tuple[str, ...],
    windows: int,
    funding_files: tuple[Path, ...],
    instrument_files: tuple[Path, ...],
    market: str | None,
    config_file: Path | None,
    pairs: tuple[str, ...],
    data_dir: Path | None,
    json_file: str | None,
    *,
    quiet: bool,
) -> None:
    """Gather the evidence of a strategy as it would go live, keep it, and hold it to the thresholds of [golive].

    Walk-forward over PATH..., parity on the capture, days of its paper runs in the data directory. Exit code 0 only
    where every check passes; `bot4 run --live` on a real venue starts nothing else.

    \b
    bot4 golive check BTCUSDT.csv.gz --capture btcusdt_20240808.gz --strategy mine.py:Mine --strategy-arg fast=20 \\
        --grid fast=10,20,50
    """  # noqa: D301 - click's mark for a block left as it is
    from datetime import UTC, datetime

    from bot4.application.evidence.golive import checks
    from bot4.bootstrap import BacktestInput, TrialRunner, gather_evidence
    from bot4.config import load_settings
    from bot4.domain.errors import Bot4Error
    from bot4.entrypoints.cli.data_archive import archive_of
    from bot4.entrypoints.cli.overrides import read_pairs
    from bot4.entrypoints.cli.validation import Ways, choose, chosen_ways

    try:
        settings = load_settings(config_file, overrides=read_pairs(pairs, data_dir=data_dir))
        ways = chosen_ways(grid_words, windows, None, rolling=False, embargo=1)
        source = BacktestInput(
            paths, instrument_files=instrument_files, market=market, funding_files=funding_files,
            archive=archive_of(settings.run.data_dir),
        )  # fmt: skip
        runner = TrialRunner(source, strategy, strategy_args, settings)
        found = choose(ways or Ways({}, windows, False, None, 2, 1), runner, trials=None, quiet=quiet)
        evidence = gather_evidence(
            found, settings, strategy, strategy_args, instruments=runner.instruments, capture=capture,
            instrument_files=instrument_files, market=market,
        )  # fmt: skip
        made = checks(evidence, settings.golive, datetime.now(UTC))
        _show(evidence, made, found.warnings, json_file)
    except Bot4Error as error:
        click.echo(f"bot4: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)
    sys.exit(0 if all(one.is_passed for one in made) else 1)


def _show(evidence: Evidence, made: Sequence[Check], notes: Sequence[str], json_file: str | None) -> None:
    from dataclasses import asdict

    import orjson

    from bot4.domain.errors import OutputError

    if json_file is not None:
        told = {"evidence": evidence.to_dict(), "checks": [asdict(one) for one in made], "notes": list(notes)}
        plain = {"kind": "bot4 golive", **told}
        data = orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        if json_file == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        try:
            Path(json_file).write_bytes(data)
        except OSError as error:
            raise OutputError(f"evidence {json_file} cannot be written: {error.strerror}") from None
    click.echo(f"{evidence.strategy} on {', '.join(evidence.symbols)}, {evidence.market}: {evidence.digest}")
    for one in made:
        click.echo(f"{'pass' if one.is_passed else 'FAIL'}  {one.name:<16} {one.shown}; needed: {one.needed}")
        click.echo(f"      {'':<16} {one.reason}")
    for text in notes:
        click.echo(f"note: {text}")
