"""``bot4 run``: trade on paper over a recording, a live venue's market data or the built-in synthetic market."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot4.entrypoints.cli.options import config_option, instrument_option, set_option, strategy_arg_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.application.session.failure import SessionFailedError
    from bot4.bootstrap import OpenStandby
    from bot4.bootstrap.session import OpenSession
    from bot4.dto.summary import RunSummary
    from bot4.entrypoints.cli.run_request import RunRequest

# With a live venue: how long a thread that computes may keep the interpreter from the one that reads (docs/venues.md).
_SWITCH_S = 0.0005


def _speed(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return the factor; 0 stands for max."""
    if value is None or value == "max":
        return None if value is None else 0.0
    try:
        speed = float(value)
    except ValueError:
        speed = 0.0
    if not 0.0 < speed <= 1e6:  # noqa: PLR2004 - the rule is in the message
        raise click.BadParameter(f"must be above 0 and at most 1000000, or max, was {value!r}", ctx, param)
    return speed


def _duration(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 1e-9 <= value <= 1e9:  # noqa: PLR2004 - the rule is in the message
        raise click.BadParameter(f"must be above 0 and at most 1000000000 seconds, was {value}", ctx, param)
    return value


@click.command("run")
@click.option(
    "--replay",
    "replay",
    multiple=True,
    type=click.Path(path_type=Path, readable=False),
    metavar="PATH",
    help="Recording to trade over; repeat the option, or name several files after it, to chain them in order.",
)
@click.argument("more_paths", nargs=-1, type=click.Path(path_type=Path, readable=False), metavar="[PATH]...")
@click.option(
    "--venue",
    type=click.Choice(["binance", "bybit", "coinbase", "kraken", "okx"]),
    help="Live market data of this venue, traded on paper: it is read from, nothing is sent to it.",
)
@click.option(
    "--symbol",
    "symbols",
    multiple=True,
    metavar="SYMBOL",
    help="With --venue; may be repeated.  [default: bitcoin in dollars]",
)
@click.option(
    "--live",
    is_flag=True,
    help="With --venue: real orders with real money. Needs both consents, a key and a passed preflight: docs/live.md.",
)
@click.option(
    "--standby",
    is_flag=True,
    help="With --live: wait beside a leader of the same settings, and trade on where it fails. Needs PostgreSQL.",
)
@click.option(
    "--accept-balances",
    is_flag=True,
    help="With --live: go on with a run that halted over balances, at the venue's. Once, by hand: docs/live.md.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="With --venue: keep what it sends in a new file that --replay reads; .gz at its end compresses.",
)
@click.option(
    "--speed",
    metavar="FACTOR",
    callback=_speed,
    help="1 is the pace of the market, 10 ten times that, max as fast as it goes."
    "  [default: max with --replay, else 1]",
)
@click.option("--duration", type=float, metavar="SECONDS", callback=_duration, help="Market time to run.")
@instrument_option
@click.option(
    "--market",
    type=click.Choice(["spot", "usdm", "coinm"]),
    help="Market of recordings that do not say, or of --venue.",
)
@config_option
@set_option
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="Where runs are kept.  [default: bot4-data]",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the synthetic market and of the venue's latency.")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    help="Write the summary as JSON; - is stdout, which then holds nothing else.",
)
@click.option(
    "--strategy",
    metavar="NAME",
    help="A strategy of your own, module:name or file.py:name, instead of the built-in policy.",
)
@strategy_arg_option
@click.option("--quiet", is_flag=True, help="No live view; only the summary.")
def run(  # noqa: PLR0917 - click hands them over by name
    replay: tuple[Path, ...],
    more_paths: tuple[Path, ...],
    venue: str | None,
    symbols: tuple[str, ...],
    record: Path | None,
    speed: float | None,
    duration: float | None,
    instrument_files: tuple[Path, ...],
    market: str | None,
    config_file: Path | None,
    pairs: tuple[str, ...],
    data_dir: Path | None,
    seed: int | None,
    json_file: str | None,
    strategy: str | None,
    strategy_args: tuple[str, ...],
    *,
    live: bool,
    accept_balances: bool,
    standby: bool,
    quiet: bool,
) -> None:
    """Trade on paper: over a recording, a live venue's market data or the built-in synthetic market.

    Without --live nothing here can send an order to a venue. Ctrl-C ends the run in order: orders are cancelled,
    everything is written, the summary is shown; a second Ctrl-C forces.

    \b
    bot4 run
    bot4 run --duration 30 --json -
    bot4 run --replay btcusdt_20240808.gz btcusdt_20240809.gz --speed max
    bot4 run --replay BTCUSDT-1m-2024-08.zip --set strategy.order_notional=250
    bot4 run --venue binance --symbol BTCUSDT --symbol ETHUSDT --record today.gz
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.domain.errors import Bot4Error
    from bot4.entrypoints.cli.overrides import read_pairs
    from bot4.entrypoints.cli.run_request import RunRequest

    try:
        request = RunRequest(
            replay=(*replay, *more_paths),
            venue=venue,
            symbols=symbols,
            record=record,
            live=live,
            accept_balances=accept_balances,
            standby=standby,
            speed=speed,
            duration=duration,
            instrument_files=instrument_files,
            market=market,
            config_file=config_file,
            overrides=read_pairs(pairs, data_dir=data_dir, seed=seed),
            json_file=json_file,
            strategy=None if strategy is None else (strategy, strategy_args),
            quiet=quiet,
        )
        code = _run(request)
    except Bot4Error as error:
        for line in getattr(error, "lines", None) or [str(error)]:
            click.echo(f"bot4: {' '.join(line.split())}", err=True)
        code = error.exit_code
    sys.exit(code)


def _run(request: RunRequest) -> int:
    from bot4.bootstrap import load_strategy, open_session, open_standby
    from bot4.config import load_settings
    from bot4.entrypoints.cli.run_display import make_display

    request.refuse_contradictions()
    _require_place(request.json_file)
    settings = load_settings(request.config_file, overrides=request.overrides)
    speed = request.chosen_speed()
    if request.venue is not None:
        sys.setswitchinterval(_SWITCH_S)
    opening = partial(
        open_session,
        settings,
        make_display(quiet=request.quiet, to_stderr=request.json_file == "-"),
        replay=request.replay,
        instrument_files=request.instrument_files,
        market=request.market,
        venue=request.venue,
        symbols=request.symbols,
        record=request.record,
        live=request.live,
        accept_balances=request.accept_balances,
        speed=speed,
        duration_s=request.duration,
        strategy=None if request.strategy is None else load_strategy(*request.strategy),
        named=request.strategy,
    )
    waiting = partial(
        open_standby,
        settings,
        venue=request.venue or "",
        market=request.market,
        symbols=request.symbols,
        say=_say,
    )
    return _trade(opening, request.json_file, waiting if request.standby else None)


def _trade(
    opening: Callable[..., OpenSession], json_file: str | None, standby: Callable[[], OpenStandby] | None
) -> int:
    """Run it to its end; whatever failed on the way, there is a summary."""
    from bot4.application.session.failure import SessionFailedError
    from bot4.domain.errors import StrategyFailedError
    from bot4.entrypoints.cli.run_signals import RunSignals
    from bot4.entrypoints.cli.run_summary import show_summary

    failure: SessionFailedError | StrategyFailedError | None = None
    code = 0
    with RunSignals() as signals:
        try:
            if standby is not None:
                waiting = standby()
                signals.stop(waiting)
                if (lead := waiting.wait()) is None:
                    return 0
                opening = partial(opening, took_over=(lead, waiting.data_dir))
            opened = opening()
            with opened as session:
                signals.stop(session, opened.guard)
                try:
                    summary = session.run()
                except SessionFailedError as error:
                    failure, code, summary = error, error.failed_with, error.summary
        except StrategyFailedError as error:
            if failure is None:
                failure, code = error, error.exit_code
        try:
            show_summary(summary, to_stderr=json_file == "-")
            if failure is not None:
                click.echo(f"bot4: {failure}", err=True)
        finally:  # a reader of the screen that has gone costs no summary
            _write_json(summary, json_file)
    return code


def _require_place(json_file: str | None) -> None:
    """Refuse a summary that could not be written before the run, not after it."""
    from bot4.domain.errors import OutputError

    if json_file is None or json_file == "-":
        return
    if not Path(json_file).absolute().parent.is_dir():
        raise OutputError(f"summary {json_file} cannot be written: its folder is not there")
    if Path(json_file).is_dir():
        raise OutputError(f"summary {json_file} cannot be written: it is a folder")


def _write_json(summary: RunSummary, json_file: str | None) -> None:
    if json_file is None:
        return
    import orjson

    from bot4.domain.errors import OutputError

    text = orjson.dumps(summary.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if json_file == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    else:
        try:
            Path(json_file).write_bytes(text)
        except OSError as error:
            raise OutputError(f"summary {json_file} cannot be written: {error.strerror}") from None


def _say(line: str) -> None:
    click.echo(line, err=True)
