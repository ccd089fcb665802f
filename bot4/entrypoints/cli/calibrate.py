"""``bot4 calibrate``: from a capture to the parameters of a market like it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot4.entrypoints.cli.number import FiniteRange
from bot4.entrypoints.cli.options import instrument_option, market_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.quant.calibration import Calibration


@click.command()
@click.argument(
    "captures", nargs=-1, required=True, metavar="CAPTURE...", type=click.Path(path_type=Path, readable=False)
)
@click.option(
    "--out",
    "out_file",
    default="market.json",
    show_default=True,
    metavar="FILE",
    help="Parameter file to write; - writes only that to stdout.",
)
@click.option(
    "--score",
    "score_files",
    multiple=True,
    metavar="CAPTURE",
    type=click.Path(path_type=Path, readable=False),
    help="Capture the parameters are compared with and not fitted to; may be given several times.",
)
@click.option(
    "--plot",
    "plot_dir",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Draw the fits into DIR as SVG; needs matplotlib (pip install 'bot4[plots]').",
)
@click.option("--json", "json_file", metavar="FILE", help="Write the scores as JSON to FILE; - is stdout.")
@click.option("--symbol", metavar="SYMBOL", help="Which instrument, where the captures hold several.")
@instrument_option
@market_option
@click.option("--seed", default=7, show_default=True, type=click.IntRange(min=0), help="Of the generated market.")
@click.option(
    "--seconds",
    default=900.0,
    show_default=True,
    type=FiniteRange(min=60.0, max=86_400.0),
    help="Length of the generated market that is compared with the recorded one.",
)
@click.pass_context
def calibrate(  # noqa: PLR0917 - click hands them over by name
    context: click.Context,
    captures: tuple[Path, ...],
    out_file: str,
    score_files: tuple[Path, ...],
    plot_dir: Path | None,
    json_file: str | None,
    symbol: str | None,
    instrument_files: tuple[Path, ...],
    market: str | None,
    seed: int,
    seconds: float,
) -> None:
    """Measure spread, depth, rates, sizes, volatility and latency of captures; write the parameters of a market.

    Captures that continue each other are named in that order: depth diffs with their snapshot, and trades. The
    parameters are compared with what they were made from, and with another capture where --score names one.

    Exit code: 0 done, 65 a capture is not readable or holds too little, 66 a file is missing, 73 an output cannot be
    written, 78 instrument rules are missing or matplotlib is.

    \b
    bot4 calibrate btcusdt_20240808.gz --out btcusdt.json
    bot4 calibrate btcusdt_20240808.gz --score btcusdt_20240809.gz --plot plots
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import calibrate_recordings
    from bot4.domain.errors import Bot4Error
    from bot4.entrypoints.cli.progress import ByteBar

    if out_file == "-" and json_file == "-":
        raise click.UsageError("--out - and --json - cannot both have stdout")
    try:
        # Before the work: what is missing is told at once.
        draw = None if plot_dir is None else _plotter(plot_dir)
        with ByteBar("measuring") as bar:
            calibration = calibrate_recordings(
                captures,
                score=score_files,
                instrument_files=instrument_files,
                market=market,
                symbol=symbol,
                seed=seed,
                seconds=seconds,
                progress=bar.update,
            )
        _hand_over(calibration, out_file, json_file, draw)
    except Bot4Error as error:
        click.echo(f"bot4: {error}", err=True)
        context.exit(error.exit_code)


def _plotter(plot_dir: Path) -> Callable[[Calibration], None]:
    from bot4.entrypoints.cli.calibrate_plots import load_plotter

    draw = load_plotter()

    def draw_all(calibration: Calibration) -> None:
        click.echo(f"{len(draw(calibration, plot_dir))} plots in {plot_dir}", err=True)

    return draw_all


def _hand_over(
    calibration: Calibration, out_file: str, json_file: str | None, draw: Callable[[Calibration], None] | None
) -> None:
    """Write what was measured, draw it, and say it where stdout is free."""
    _write(calibration.model.to_json(), out_file)
    if json_file is not None:
        _write(_scores_json(calibration), json_file)
    if draw is not None:
        draw(calibration)
    if "-" not in (out_file, json_file):
        from bot4.entrypoints.cli.calibrate_report import render

        render(calibration, out_file)


def _scores_json(calibration: Calibration) -> bytes:
    import orjson

    return orjson.dumps(
        {"goodness": calibration.model.goodness, "scores": [score.to_dict() for score in calibration.scores]},
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )


def _write(text: bytes, name: str) -> None:
    from bot4.domain.errors import OutputError

    if name == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    try:
        Path(name).write_bytes(text)
    except OSError as error:
        raise OutputError(f"{name} cannot be written: {(error.strerror or str(error)).lower()}") from None
