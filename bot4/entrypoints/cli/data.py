"""``bot4 data``: recorded data without trading: checked, imported, listed, made into features."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot4.entrypoints.cli.data_archive import import_data, list_data
from bot4.entrypoints.cli.data_features import features
from bot4.entrypoints.cli.options import instrument_option, market_option

if TYPE_CHECKING:
    from bot4.dto.data_check import CheckReport


@click.group()
def data() -> None:
    """Check, import and list recorded market data; make feature vectors of it.

    \b
    bot4 data check btcusdt_20240808.gz
    bot4 data import BTCUSDT-1h-2024-08.zip
    bot4 data list
    bot4 data features BTCUSDT@store --out btcusdt.npz
    """  # noqa: D301 - click's mark for a block left as it is


@data.command("check")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--json", "json_file", metavar="FILE", help="Write the report as JSON to FILE; - writes only that to stdout."
)
@instrument_option
@market_option
@click.option(
    "--list-max",
    default=10_000,
    show_default=True,
    type=click.IntRange(min=0),
    help="Defects listed with their place; all are counted.",
)
@click.pass_context
def check(  # noqa: PLR0917 - click hands them over by name
    context: click.Context,
    paths: tuple[Path, ...],
    json_file: str | None,
    instrument_files: tuple[Path, ...],
    market: str | None,
    list_max: int,
) -> None:
    """Read captures and CSV dumps, and tell what is wrong with them and where.

    Files that continue each other (instrument rules, a snapshot, its stream, the next day) are named in that order.

    Exit code: 0 every file is clean, 1 defects were found, 65 a file is not readable as market data, 66 a file is
    missing, 73 the report cannot be written, 78 instrument rules are missing or wrong.

    \b
    bot4 data check btcusdt_20240808.gz btcusdt_20240809.gz
    bot4 data check --json - BTCUSDT-trades-2024-08-09.zip
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import check_recordings
    from bot4.domain.errors import Bot4Error
    from bot4.entrypoints.cli.progress import ByteBar

    try:
        with ByteBar("checking") as bar:
            report = check_recordings(
                paths, instrument_files=instrument_files, market=market, listed_max=list_max, progress=bar.update
            )
        if json_file is not None:
            _write_json(report, json_file)
    except Bot4Error as error:
        click.echo(f"bot4: {error}", err=True)
        context.exit(error.exit_code)
    if json_file != "-":
        from bot4.entrypoints.cli.data_report import render

        render(report)
    context.exit(report.exit_code)


data.add_command(import_data)
data.add_command(list_data)
data.add_command(features)


def _write_json(report: CheckReport, name: str) -> None:
    import orjson

    from bot4.domain.errors import OutputError

    text = orjson.dumps(report.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if name == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    try:
        Path(name).write_bytes(text)
    except OSError as error:
        raise OutputError(f"{name} cannot be written: {(error.strerror or str(error)).lower()}") from None
