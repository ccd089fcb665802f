"""Options that several commands have in common."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(path_type=Path, readable=False)  # whether it can be read is told by who reads it

instrument_option = click.option(
    "--instrument",
    "instrument_files",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="Instrument rules: our TOML or JSON table, or a recorded exchangeInfo. May be repeated.",
)
market_option = click.option(
    "--market", type=click.Choice(["spot", "usdm", "coinm"]), help="Market of recordings that do not say."
)
funding_option = click.option(
    "--funding",
    "funding_files",
    multiple=True,
    type=_FILE,
    metavar="FILE",
    help="Funding rates of a perpetual, named by its symbol: ts,funding_rate. May be repeated.",
)
config_option = click.option(
    "--config", "config_file", type=_FILE, metavar="FILE", help="Settings file.  [default: bot4.toml]"
)
set_option = click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Override a setting: risk.open_orders_max=4."
)
strategy_arg_option = click.option(
    "--strategy-arg", "strategy_args", multiple=True, metavar="KEY=VALUE", help="An argument of --strategy."
)
