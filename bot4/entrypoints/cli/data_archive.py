"""``bot4 data import`` and ``bot4 data list``: market data kept for backtests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot4.entrypoints.cli.options import config_option, instrument_option, market_option

if TYPE_CHECKING:
    from bot4.config import Settings
    from bot4.dto.holdings import Holding, ImportReport

_ARCHIVE = "market"
_STORE = "store"


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--into",
    metavar="DIR",
    help="The archive, or store: its tables of trades.  [default: market in the data directory]",
)
@config_option
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where runs and the archive are kept.")
@instrument_option
@market_option
@click.option(
    "--json", "json_file", metavar="FILE", help="Write the report as JSON to FILE; - writes only that to stdout."
)
def import_data(  # noqa: PLR0917 - click hands them over by name
    paths: tuple[Path, ...],
    into: str | None,
    config_file: Path | None,
    data_dir: Path | None,
    instrument_files: tuple[Path, ...],
    market: str | None,
    json_file: str | None,
) -> None:
    """Take captures, Binance CSV dumps and plain tables of bars into the archive that `bot4 backtest NAME` reads.

    Each file is checked first. Missing rows are counted and the file is taken; a file with any other defect is refused,
    for nothing is mended. What is there already is not added again.

    Exit code: 0 every file is in the archive, else that of the first that is not: 65 it has defects or is no market
    data, 66 it is missing, 78 its rules are missing or wrong.

    \b
    bot4 data import BTCUSDT-trades-2024-08-*.zip
    bot4 data import BTCUSDT.csv ETHUSDT.csv --market usdm
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import import_market_data
    from bot4.domain.errors import Bot4Error
    from bot4.entrypoints.cli.progress import ByteBar

    try:
        place = _place(into, config_file, data_dir)
        with ByteBar("importing") as bar:
            report = import_market_data(
                paths, place, instrument_files=instrument_files, market=market, progress=bar.update
            )
        if json_file is not None:
            _write(report.to_dict(), json_file)
    except Bot4Error as error:
        click.echo(f"bot4: {error}", err=True)
        sys.exit(error.exit_code)
    if json_file != "-":
        _show(report)
    sys.exit(report.exit_code)


@click.command("list")
@click.argument("archive", required=False, metavar="[DIR]")
@config_option
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where runs and the archive are kept.")
@click.option("--json", "as_json", is_flag=True, help="Write it as JSON.")
def list_data(archive: str | None, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """List what was imported: symbol, kind, period, rows, gaps, size, and where it came from.

    DIR is the archive, or store: the trades in its tables; market in the data directory where not given.

    \b
    bot4 data list
    bot4 data list store
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import list_market_data
    from bot4.domain.errors import Bot4Error

    try:
        held = list_market_data(_place(archive, config_file, data_dir))
    except Bot4Error as error:
        click.echo(f"bot4: {error}", err=True)
        sys.exit(error.exit_code)
    if as_json:
        _write([holding.to_dict() for holding in held], "-")
        return
    _table(held)


def archive_of(data_dir: str | Path) -> Path:
    """Return the archive of a data directory."""
    return Path(data_dir) / _ARCHIVE


def moment_ns(text: str | None) -> int | None:
    """Return a moment in ns UTC; what names no zone is UTC.

    >>> moment_ns("2024-08-01"), moment_ns(None)
    (1722470400000000000, None)
    """
    from datetime import UTC, datetime

    from bot4.domain.errors import ConfigError

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"a time is written as 2024-08-01 or 2024-08-01T12:30, was {text!r}") from None
    stamp_ns = round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6) * 1_000
    if not 0 <= stamp_ns < 2**63:
        raise ConfigError(f"a time is from 1970 to 2262, was {text!r}")
    return stamp_ns


def _place(given: str | None, config_file: Path | None, data_dir: Path | None) -> Path | Settings:
    """Return the folder that was named, the settings of the store, or the folder of the settings."""
    from bot4.config import load_settings

    if given not in (None, _STORE):
        return Path(str(given))
    overrides = {} if data_dir is None else {"run.data_dir": str(data_dir)}
    settings = load_settings(config_file, overrides=overrides)
    return settings if given == _STORE else archive_of(settings.run.data_dir)


def _show(report: ImportReport) -> None:
    for file in report.files:
        names = ", ".join(file.names[:4]) + (f" and {len(file.names) - 4} more" if len(file.names) > 4 else "")  # noqa: PLR2004 - a line
        match file.outcome:
            case "refused":
                click.secho(f"{file.path}: refused: {file.error}", fg="red")
            case "rules":
                click.echo(f"{file.path}: instrument rules")
            case "known":
                click.echo(f"{file.path}: {names}: nothing new among {file.rows:,} rows")
            case _:
                click.echo(f"{file.path}: {names}: {file.rows_new:,} of {file.rows:,} rows are new")
        told = ", ".join(f"{kind} {count:,}" for kind, count in file.defects.items())
        if told:
            click.secho(f"  defects: {told}", fg="yellow")
        for note in file.notes:
            click.secho(f"  note: {note}", fg="yellow")


def _table(held: list[Holding]) -> None:
    from datetime import UTC, datetime

    if not held:
        click.echo("nothing was imported")
        return
    head = ("name", "venue", "from (UTC)", "to", "rows", "gaps", "missing", "size", "from files")
    rows = [head]
    for one in held:
        begin, end = (
            f"{datetime.fromtimestamp(stamp // 10**9, UTC):%Y-%m-%d %H:%M}" for stamp in (one.first_ns, one.last_ns)
        )
        sources = one.sources[0] + (f" and {len(one.sources) - 1} more" if len(one.sources) > 1 else "")
        rows.append(
            (one.name, one.venue, begin, end, f"{one.rows:,}", f"{one.gaps:,}", f"{one.missing:,}",
             f"{one.bytes / 1e6:.1f} MB" if one.bytes else "", sources)
        )  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    right = {4, 5, 6, 7}
    for row in rows:
        cells = (
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        click.echo("  ".join(cells).rstrip())


def _write(plain: Any, name: str) -> None:
    import orjson

    from bot4.domain.errors import OutputError

    text = orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if name == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    try:
        Path(name).write_bytes(text)
    except OSError as error:
        raise OutputError(f"{name} cannot be written: {(error.strerror or str(error)).lower()}") from None
