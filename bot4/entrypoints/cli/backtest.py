"""``bot4 backtest`` and ``bot4 compare``: a strategy over recordings, its report, and two reports side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from bot4.entrypoints.cli.number import FiniteRange
from bot4.entrypoints.cli.options import (
    config_option,
    funding_option,
    instrument_option,
    market_option,
    set_option,
    strategy_arg_option,
)

if TYPE_CHECKING:
    from bot4.application.backtest.result import BacktestResult
    from bot4.application.backtest.statistics import BacktestStatistics
    from bot4.bootstrap import BacktestInput
    from bot4.config import Settings


@click.command("backtest")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--strategy",
    metavar="NAME",
    help="module:name or file.py:name.  [default: the policy of [strategy] in the settings]",
)
@strategy_arg_option
@click.option(
    "--strategy-latency", type=FiniteRange(0.0, 60_000.0), default=0.0, metavar="MS", help="Its own, milliseconds."
)
@click.option("--html", "html_file", type=click.Path(path_type=Path), metavar="FILE", help="Write the report.")
@click.option(
    "--json", "json_file", metavar="FILE", help="Write the result as JSON; - is stdout, which then holds nothing else."
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    metavar="N",
    help="Choices tried on this data so far, where that is more than the store counted.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where trials are counted, and imported data is looked for.",
)
@click.option("--archive", type=click.Path(path_type=Path), metavar="DIR", help="Imported data elsewhere.")
@click.option("--from", "from_day", metavar="TIME", help="First moment of imported data, as 2024-08-01 (UTC).")
@click.option("--to", "to_day", metavar="TIME", help="First moment that is not taken any more.")
@click.option(
    "--grid", "grid_words", multiple=True, metavar="KEY=A,B,C", help="Try each value: of a setting, or an argument."
)
@click.option(
    "--walk-forward",
    "windows",
    type=click.IntRange(min=1),
    metavar="N",
    help="Choose from --grid on the past, score on the next of N windows.",
)
@click.option("--rolling", is_flag=True, help="Choose on as much of the past as a window has, not on all of it.")
@click.option(
    "--cross-validate",
    "groups",
    metavar="N:K",
    help="Choose from --grid on all but K of N groups, purged, and score on those; every way to hold out K.",
)
@click.option(
    "--embargo",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="Periods left out beside what is scored.",
)
@instrument_option
@funding_option
@market_option
@config_option
@set_option
@click.option("--seed", type=click.IntRange(min=0), help="Of the simulated venue's latencies and draws.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def backtest(  # noqa: PLR0917 - click hands them over by name
    paths: tuple[Path, ...],
    strategy: str | None,
    strategy_args: tuple[str, ...],
    strategy_latency: float,
    html_file: Path | None,
    json_file: str | None,
    trials: int | None,
    data_dir: Path | None,
    archive: Path | None,
    from_day: str | None,
    to_day: str | None,
    grid_words: tuple[str, ...],
    windows: int | None,
    groups: str | None,
    embargo: int,
    instrument_files: tuple[Path, ...],
    funding_files: tuple[Path, ...],
    market: str | None,
    config_file: Path | None,
    pairs: tuple[str, ...],
    seed: int | None,
    *,
    rolling: bool,
    quiet: bool,
) -> None:
    """Run a strategy over recordings or imported data, and say what came of it and what that is worth.

    The engine, the guards and the simulated exchange are those of `bot4 run`. Kept are the report, and a row in the
    data directory: how often a strategy was tried on this data is counted there.

    \b
    bot4 backtest btcusdt_20240808.gz --html report.html
    bot4 backtest BTCUSDT@1h --from 2024-01-01 --to 2025-01-01
    bot4 backtest BTCUSDT-1m-2024-08.zip --set strategy.order_notional=250 --json -
    bot4 backtest day.gz --strategy bot4.strategy.ema_cross:EmaCross --strategy-arg lots=1000
    bot4 backtest hours.csv.gz --walk-forward 6 --grid strategy.enter_score=0.2,0.3,0.4
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import BacktestInput, TrialRunner
    from bot4.config import load_settings
    from bot4.domain.errors import Bot4Error
    from bot4.entrypoints.cli.data_archive import archive_of, moment_ns
    from bot4.entrypoints.cli.overrides import read_pairs
    from bot4.entrypoints.cli.validation import choose, chosen_ways, show_validation

    latency_ns = round(strategy_latency * 1e6)
    outputs = _Outputs(html_file, json_file)
    try:
        settings = load_settings(config_file, overrides=read_pairs(pairs, data_dir=data_dir, seed=seed))
        ways = chosen_ways(grid_words, windows, groups, rolling=rolling, embargo=embargo)
        source = BacktestInput(
            paths,
            instrument_files=instrument_files,
            market=market,
            funding_files=funding_files,
            archive=archive if archive is not None else archive_of(settings.run.data_dir),
            store=settings,
            from_ns=moment_ns(from_day),
            to_ns=moment_ns(to_day),
        )
        if ways is None:
            _run_one(source, _Choice(strategy, strategy_args, latency_ns, settings), outputs, trials, quiet=quiet)
        else:
            runner = TrialRunner(source, strategy, strategy_args, settings, strategy_latency_ns=latency_ns)
            show_validation(choose(ways, runner, trials=trials, quiet=quiet), html_file, json_file)
    except Bot4Error as error:
        click.echo(f"bot4: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)


class _Choice(NamedTuple):
    """What is run."""

    strategy: str | None
    arguments: tuple[str, ...]
    latency_ns: int
    settings: Settings


class _Outputs(NamedTuple):
    """Where the report goes."""

    html_file: Path | None
    json_file: str | None


def _run_one(source: BacktestInput, choice: _Choice, outputs: _Outputs, trials: int | None, *, quiet: bool) -> None:
    """Run it, count it as a trial, write and show what came of it."""
    from bot4.application.backtest.statistics import judge
    from bot4.bootstrap import TrialBook, load_strategy, parameters_digest
    from bot4.domain.errors import Bot4Error
    from bot4.entrypoints.cli.progress import ByteBar

    strategy, arguments, latency_ns, settings = choice
    made = None if strategy is None else load_strategy(strategy, arguments)
    digest = parameters_digest(settings, strategy, arguments, strategy_latency_ns=latency_ns)
    with TrialBook(settings, digest) as book, ByteBar("backtest", counts_bytes=False) as bar:
        result = source.run(made, settings, strategy_latency_ns=latency_ns, progress=None if quiet else bar.update)
        statistics = judge(result)
        try:
            counted = book.record(result)
        except Bot4Error:  # not counted: what came of it is written all the same
            _write(result, statistics, outputs)
            raise
    if (tried := max(counted.trials, trials or 1)) > 1:
        statistics = judge(result, trials=tried, trial_variance=counted.sharpe_variance)
    _write(result, statistics, outputs)
    if outputs.json_file != "-":
        _show(result, statistics)


def _write(result: BacktestResult, statistics: BacktestStatistics, outputs: _Outputs) -> None:
    from bot4.application.backtest.report import report_html, report_json
    from bot4.domain.errors import OutputError

    html_file, json_file = outputs
    try:
        if html_file is not None:
            html_file.write_text(report_html(result, statistics), encoding="utf-8")
        if json_file == "-":
            sys.stdout.buffer.write(report_json(result, statistics))
            sys.stdout.buffer.flush()
        elif json_file is not None:
            Path(json_file).write_bytes(report_json(result, statistics))
    except OSError as error:
        raise OutputError(f"report {error.filename} cannot be written: {error.strerror}") from None


def _show(result: BacktestResult, found: BacktestStatistics) -> None:
    """Print what a person wants to know first."""
    from bot4.application.backtest.expectation import expectation_text
    from bot4.application.backtest.page import amount_text

    rows = [
        ("profit", f"{result.profit:f} {result.settle}, {100 * found.profit_share:.3f} %"),
        ("buy and hold", f"{amount_text(found.hold_profit)} {result.settle}"),
        ("random entries", _percent(found.random_better_share, "of draws did at least as well")),
        ("drawdown", f"{100 * found.drawdown_max:.3f} %"),
        ("before costs", expectation_text(found.expectation)),
        ("fees", ", ".join(f"{amount:f} {asset}" for asset, amount in result.fees.items() if amount) or "none"),
        ("orders, fills", f"{len(result.orders):,}, {len(result.fills):,}"),
        ("round trips, won", f"{found.trades:,}, {found.trades_won:,}"),
        ("Sharpe, annual", "not measured" if found.sharpe_annual is None else f"{found.sharpe_annual:.2f}"),
        ("deflated", _percent(found.deflated_sharpe, f"sure, after {found.trials} trials")),
        ("result", f"{result.result_hash}, {result.rows:,} events in {result.elapsed_s:.2f} s"),
    ]
    for name, text in rows:
        click.echo(f"{name:<17} {text}")
    for text in (*found.warnings, *result.notes):
        click.echo(f"note: {text}")


def _percent(share: float | None, what: str) -> str:
    return "not measured" if share is None else f"{100 * share:.1f} % {what}"


# -- compare -----------------------------------------------------------------------------------------------------------

_COMPARED = (
    "strategy", "symbols", "first_utc", "last_utc", "rows", "seed", "equity_start", "equity_end", "profit", "orders",
    "fills", "maker_fills", "refusals", "round_trips", "result_hash",
)  # fmt: skip
_COMPARED_STATISTICS = (
    "profit_share", "drawdown_max", "sharpe_annual", "psr", "deflated_sharpe", "trials", "hold_profit",
    "random_better_share", "fees", "turnover",
)  # fmt: skip


@click.command("compare")
@click.argument("first", type=click.Path(path_type=Path), metavar="A")
@click.argument("second", type=click.Path(path_type=Path), metavar="B")
def compare(first: Path, second: Path) -> None:
    """Put two results of `bot4 backtest --json` side by side; differences are marked.

    \b
    bot4 compare before.json after.json
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.domain.errors import Bot4Error

    try:
        one, other = _read(first), _read(second)
    except Bot4Error as error:
        click.echo(f"bot4: {error}", err=True)
        sys.exit(error.exit_code)
    for name, a, b in compared(one, other):
        click.echo(f"{'  ' if a == b else '* '}{name:<22} {a:>26}  {b:>26}")
    if one["sources"] != other["sources"] or one["first_utc"] != other["first_utc"]:
        click.echo("note: the two are not over the same data: their figures do not compare")
    if one["assumptions"] != other["assumptions"]:
        changed = sorted(key for key, value in one["assumptions"].items() if other["assumptions"].get(key) != value)
        click.echo(f"note: assumptions differ: {', '.join(changed)}")


def compared(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return name and both values of what is compared."""
    rows = [(name, one[name], other[name]) for name in _COMPARED]
    rows += [(name, one["statistics"][name], other["statistics"][name]) for name in _COMPARED_STATISTICS]
    rows += [(name, _expected(one, name), _expected(other, name)) for name in ("stated_bps", "brought_bps")]
    rows += [
        (f"{part} {name}", amount, other[part].get(name))
        for part in ("balances", "positions", "fees")
        for name, amount in one[part].items()
    ]
    return [(name, _shown(a), _shown(b)) for name, a, b in rows]


def _expected(result: dict[str, Any], name: str) -> float | None:
    found: float | None = result["statistics"].get("expectation", {}).get(name)
    return found


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else "-" if value is None else str(value)


def _read(path: Path) -> dict[str, Any]:
    import orjson

    from bot4.domain.errors import DataError, NoInputError

    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise NoInputError(f"result {path} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise DataError(f"{path} is no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("kind") != "bot4 backtest":
        raise DataError(f"{path} is no result of `bot4 backtest --json`")
    return found
