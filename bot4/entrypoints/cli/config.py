"""``bot4 config``: the settings as they apply, and whether a file is sound."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from bot4.entrypoints.cli.options import config_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot4.config import Settings


@click.group()
def config() -> None:
    """Show the settings and check a settings file.

    \b
    bot4 config show
    bot4 config check --config bot4.toml
    """  # noqa: D301 - click's mark for a block left as it is


@config.command("show")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Write nested JSON instead of one key a line.")
def show(config_file: Path | None, *, as_json: bool) -> None:
    """Print every setting as it applies: defaults, file, environment.

    \b
    bot4 config show
    BOT4_RISK__OPEN_ORDERS_MAX=4 bot4 config show --json
    """  # noqa: D301 - click's mark for a block left as it is
    from functools import reduce
    from operator import getitem

    from bot4.config import settings_keys, settings_to_dict

    settings = _load(config_file)
    if as_json:
        import orjson

        text = orjson.dumps(settings_to_dict(settings), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    plain = settings_to_dict(settings)
    for key in settings_keys():
        click.echo(f"{key} = {reduce(getitem, key.split('.'), plain)}")


@config.command("check")
@config_option
def check(config_file: Path | None) -> None:
    """Validate a settings file and the environment; exit code 78 names the first fault.

    \b
    bot4 config check
    bot4 config check --config bot4.toml
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.application.assembly.feature_bank import weighed_features

    _load(config_file, weighed_features)
    click.echo("the settings are sound")


def _load(config_file: Path | None, *more: Callable[[Settings], object]) -> Settings:
    from bot4.config import load_settings
    from bot4.domain.errors import ConfigError

    try:
        settings = load_settings(config_file)
        for judge in more:
            judge(settings)
    except ConfigError as error:
        click.echo(f"bot4: {error}", err=True)
        sys.exit(error.exit_code)
    return settings
