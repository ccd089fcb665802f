"""``bot4 kill``: stop all trading of a data directory, until it is reset."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bot4.entrypoints.cli.options import config_option


@click.command("kill")
@click.option("--reset", is_flag=True, help="Let it trade again; needs --reason.")
@click.option("--status", is_flag=True, help="Only tell; exit code 77 where the switch is set.")
@click.option("--reason", metavar="TEXT", default="", help="Why; kept in the trail and in the audit.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where runs are kept.  [default: bot4-data]"
)
@config_option
def kill(reason: str, data_dir: Path | None, config_file: Path | None, *, reset: bool, status: bool) -> None:
    """Stop all trading of a data directory: no new orders, working ones cancelled, and no run starts until a reset.

    It needs no database, and no run that answers: each looks for the switch twenty times a second. SIGUSR1 to the run,
    a file named kill in the data directory and POST /kill of its control endpoint do the same.

    \b
    bot4 kill --reason "prices look wrong"
    bot4 kill --status
    bot4 kill --reset --reason "it was a stale feed"
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import kill_switch
    from bot4.config import load_settings
    from bot4.domain.errors import Bot4Error

    if reset and not reason.strip():
        raise click.UsageError("--reset needs --reason: it is kept with who trades on")
    try:
        overrides = None if data_dir is None else {"run.data_dir": str(data_dir)}
        folder = Path(load_settings(config_file, overrides=overrides).run.data_dir)
        switch = kill_switch(folder)
        code = 0
        if status:
            entry = switch.state()
            click.echo("the kill switch is not set" if entry is None else f"the kill switch is set: {entry}")
            code = 0 if entry is None else 77
        elif reset:
            entry = switch.reset(by="command", reason=reason)
            click.echo("the kill switch was not set" if entry is None else f"trading is allowed again: {entry}")
        else:
            entry = switch.kill(by="command", reason=reason)
            click.echo(f"trading of {folder} is stopped until `bot4 kill --reset`: {entry}")
    except Bot4Error as error:
        click.echo(f"bot4: {error}", err=True)
        code = error.exit_code
    sys.exit(code)
