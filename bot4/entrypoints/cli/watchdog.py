"""``bot4 watchdog``: cancel a live run's orders when it stops making progress."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bot4.entrypoints.cli.number import FiniteRange
from bot4.entrypoints.cli.options import config_option


@click.command("watchdog")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where the run is.  [default: bot4-data]"
)
@config_option
@click.option(
    "--after", "after_s", type=FiniteRange(min=1.0, max=600.0), metavar="SECONDS",
    help="How long the run may stand still.  [default: live.watchdog_after_ms]",
)  # fmt: skip
@click.option("--once", is_flag=True, help="End with the run; without it the next run is awaited.")
@click.option("--key-stdin", is_flag=True, help="Read the key from stdin, as a live run hands it to its own watchdog.")
def watchdog(
    data_dir: Path | None, config_file: Path | None, after_s: float | None, *, once: bool, key_stdin: bool
) -> None:
    """Cancel a live run's open orders when it stops making progress: killed, stopped or hung.

    `bot4 run --live` starts one for itself (live.watchdog_after_ms); this command is for one
    that a service manager starts and keeps apart from the run. It needs the key as the run does.

    \b
    bot4 watchdog --data-dir bot4-data
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import watch_runs
    from bot4.config import load_settings
    from bot4.domain.errors import Bot4Error

    try:
        overrides = None if data_dir is None else {"run.data_dir": str(data_dir)}
        settings = load_settings(config_file, overrides=overrides)
        code = watch_runs(
            Path(settings.run.data_dir),
            key_stream=sys.stdin.buffer if key_stdin else None,
            key_file=Path(settings.live.key_file) if settings.live.key_file else None,
            once=once,
            after_ms=None if after_s is None else round(after_s * 1_000),
            say=lambda line: click.echo(line, err=True),
        )
    except Bot4Error as error:
        click.echo(f"bot4: {error}", err=True)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 0
    sys.exit(code)
