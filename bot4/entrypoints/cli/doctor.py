"""``bot4 doctor``: what is there, what is missing, what to do about it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

DATA_DIR = "bot4-data"
_STYLES = {"ok": "green", "warn": "yellow", "missing": "cyan", "failed": "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Write the findings as JSON, and nothing else, to stdout.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, readable=False),
    envvar="BOT4_DATA_DIR",
    default=DATA_DIR,
    show_default=True,
    help="Where bot4 would keep its data.",
)
@click.pass_context
def doctor(context: click.Context, *, as_json: bool, data_dir: Path) -> None:
    """Look at this machine and this installation.

    Each line is ok, warn (works, could be better), missing (optional, not there) or failed, with what to do.
    Exit code: 0 where bot4 can run, else 1.

    \b
    bot4 doctor
    bot4 doctor --json --data-dir /var/lib/bot4
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import examine_host

    report = examine_host(data_dir, os.environ)
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(report.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
        context.exit(report.exit_code)
    width = max(len(item.name) for item in report.items)
    for item in report.items:
        label = click.style(f"{item.health.value:>7}", fg=_STYLES[item.health.value])
        click.echo(f"{label}  {item.name:<{width}}  {item.detail}")
        if item.advice:
            click.echo(f"{'':>9}{'':<{width}}  -> {item.advice}")
    verdict = "bot4 can run here" if report.exit_code == 0 else "bot4 cannot run here: see what failed above"
    click.echo(click.style(verdict, bold=True, fg="green" if report.exit_code == 0 else "red"))
    context.exit(report.exit_code)
