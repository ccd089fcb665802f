"""``bot4 run``: trade on paper over a recording, a live venue's market data or the built-in synthetic market."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Self

    from bot4.application.session.failure import SessionFailedError
    from bot4.application.session.guard import RunGuard
    from bot4.application.session.session import PaperSession
    from bot4.bootstrap import OpenStandby
    from bot4.bootstrap.session import OpenSession
    from bot4.dto.summary import RunSummary

_FORCED = 130
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
@click.option(
    "--instrument",
    "instrument_files",
    multiple=True,
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Instrument rules: our TOML or JSON table, or a recorded exchangeInfo. May be repeated.",
)
@click.option(
    "--market",
    type=click.Choice(["spot", "usdm", "coinm"]),
    help="Market of recordings that do not say, or of --venue.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Settings file.  [default: bot4.toml]",
)
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Override a setting: risk.open_orders_max=4.")
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
@click.option("--strategy-arg", "strategy_args", multiple=True, metavar="KEY=VALUE", help="An argument of --strategy.")
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

    try:
        code = _run(
            replay=(*replay, *more_paths),
            venue=venue,
            symbols=symbols,
            record=record,
            live=live,
            standby=standby,
            speed=speed,
            duration=duration,
            instrument_files=instrument_files,
            market=market,
            config_file=config_file,
            overrides=_overrides(pairs, data_dir, seed),
            json_file=json_file,
            strategy=None if strategy is None else (strategy, strategy_args),
            quiet=quiet,
        )
    except Bot4Error as error:
        for line in getattr(error, "lines", None) or [str(error)]:
            click.echo(f"bot4: {' '.join(line.split())}", err=True)
        code = error.exit_code
    sys.exit(code)


def _overrides(pairs: tuple[str, ...], data_dir: Path | None, seed: int | None) -> dict[str, Any]:
    from bot4.domain.errors import ConfigError

    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set takes KEY=VALUE, was {pair!r}")
        overrides[key.strip()] = value.strip()
    if data_dir is not None:
        overrides["run.data_dir"] = str(data_dir)
    if seed is not None:
        overrides["run.seed"] = seed
    return overrides


def _run(
    *,
    replay: tuple[Path, ...],
    venue: str | None,
    symbols: tuple[str, ...],
    record: Path | None,
    live: bool,
    standby: bool,
    speed: float | None,
    duration: float | None,
    instrument_files: tuple[Path, ...],
    market: str | None,
    config_file: Path | None,
    overrides: dict[str, Any],
    json_file: str | None,
    strategy: tuple[str, tuple[str, ...]] | None,
    quiet: bool,
) -> int:
    from bot4.bootstrap import load_strategy, open_session, open_standby
    from bot4.config import load_settings
    from bot4.domain.errors import ConfigError
    from bot4.entrypoints.cli.run_display import make_display

    if venue is not None:
        sys.setswitchinterval(_SWITCH_S)
        _refuse_beside_venue(venue, replay=replay, speed=speed, instrument_files=instrument_files, record=record)
    elif symbols or record is not None or live:
        raise ConfigError(f"{'--symbol' if symbols else '--record' if record else '--live'} needs --venue")
    elif not replay and market not in {None, "spot"}:
        raise ConfigError("--market is for --replay and --venue: the synthetic market is a spot market")
    if standby and not live:
        raise ConfigError("--standby needs --venue and --live: it takes over real orders")
    _require_place(json_file)
    settings = load_settings(config_file, overrides=overrides)
    chosen_speed = speed if speed is not None else (0.0 if replay or venue else 1.0)
    if not (replay or venue) and chosen_speed == 0.0 and duration is None:
        raise ConfigError("the synthetic market never ends: --speed max needs --duration SECONDS")
    display = make_display(quiet=quiet, to_stderr=json_file == "-")
    opening = partial(
        open_session,
        settings,
        display,
        replay=replay,
        instrument_files=instrument_files,
        market=market,
        venue=venue,
        symbols=symbols,
        record=record,
        live=live,
        speed=chosen_speed,
        duration_s=duration,
        strategy=None if strategy is None else load_strategy(*strategy),
        named=strategy,
    )
    waiting = partial(open_standby, settings, venue=venue or "", market=market, symbols=symbols, say=_say)
    return _trade(opening, json_file, waiting if standby else None)


def _trade(
    opening: Callable[..., OpenSession], json_file: str | None, standby: Callable[[], OpenStandby] | None
) -> int:
    """Run it to its end; whatever failed on the way, there is a summary."""
    from bot4.application.session.failure import SessionFailedError
    from bot4.domain.errors import StrategyFailedError
    from bot4.entrypoints.cli.run_display import show_summary

    failure: SessionFailedError | StrategyFailedError | None = None
    code = 0
    with _Signals() as signals:
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
        show_summary(summary, to_stderr=json_file == "-")
        if failure is not None:
            click.echo(f"bot4: {failure}", err=True)
        _write_json(summary, json_file)
    return code


def _refuse_beside_venue(
    venue: str,
    *,
    replay: tuple[Path, ...],
    speed: float | None,
    instrument_files: tuple[Path, ...],
    record: Path | None,
) -> None:
    from bot4.domain.errors import ConfigError

    if replay:
        raise ConfigError("--venue and --replay exclude each other: a run has one source")
    if speed is not None:
        raise ConfigError("--speed is not for --venue: a live market has its own pace")
    if record is not None and venue != "binance":
        raise ConfigError(f"--record keeps Binance's streams, which --replay reads, not those of {venue}")
    if instrument_files:
        raise ConfigError("--instrument is not for --venue: the venue gives its own rules")


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


class _Signals:
    """Ctrl-C and SIGTERM end the run in order, one that is only being put together too; a second one leaves at once.

    SIGUSR1 sets the kill switch: the run goes on, and sends no order until it is reset.
    """

    def __init__(self) -> None:
        self._session: PaperSession | OpenStandby | None = None
        self._guard: RunGuard | None = None
        self._asked = False
        self._killed = False
        self._before: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._kill)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def stop(self, session: PaperSession | OpenStandby, guard: RunGuard | None = None) -> None:
        """Stop this session at the first signal, or now where it has come."""
        self._session, self._guard = session, guard
        if self._killed and guard is not None:
            guard.ask("signal")
        if self._asked:
            session.stop()

    def _kill(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._killed = True
        if self._guard is not None:
            self._guard.ask("signal")

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._asked:
            os._exit(_FORCED)
        self._asked = True
        if self._session is not None:
            self._session.stop()
