"""The ``bot4`` command. Commands are imported when they are called, so that ``--help`` answers at once."""

from __future__ import annotations

import importlib
from typing import Any

import click

from bot4.domain.version import VERSION

_COMMANDS = {
    "backtest": ("bot4.entrypoints.cli.backtest", "backtest"),
    "calibrate": ("bot4.entrypoints.cli.calibrate", "calibrate"),
    "compare": ("bot4.entrypoints.cli.backtest", "compare"),
    "config": ("bot4.entrypoints.cli.config", "config"),
    "data": ("bot4.entrypoints.cli.data", "data"),
    "doctor": ("bot4.entrypoints.cli.doctor", "doctor"),
    "exchange": ("bot4.entrypoints.cli.exchange", "exchange"),
    "explain": ("bot4.entrypoints.cli.explain", "explain"),
    "golive": ("bot4.entrypoints.cli.golive", "golive"),
    "journal": ("bot4.entrypoints.cli.journal", "journal"),
    "kill": ("bot4.entrypoints.cli.kill", "kill"),
    "parity": ("bot4.entrypoints.cli.parity", "parity"),
    "run": ("bot4.entrypoints.cli.run", "run"),
    "watchdog": ("bot4.entrypoints.cli.watchdog", "watchdog"),
}
_HELP = {
    "backtest": "Run a strategy over recordings; report what came of it and what that is worth.",
    "calibrate": "Measure captures; write the parameters of a market like them.",
    "compare": "Put two results of a backtest side by side.",
    "config": "Show the settings as they apply; check a settings file.",
    "data": "Check, import and list recorded market data.",
    "doctor": "Look at this machine and this installation.",
    "exchange": "Serve an exchange that clients of Binance's spot and USD-M protocol can trade on.",
    "explain": "Print why an order exists, or why an entry was refused.",
    "golive": "Tell whether a strategy has shown what real orders ask for.",
    "journal": "Look at the journal of a run: is it whole, what is in it, what state does it give.",
    "kill": "Stop all trading of a data directory until a reset.",
    "parity": "Compare backtest, paper and the served exchange over one recording, order by order.",
    "run": "Trade on paper, over a recording, live market data or the built-in synthetic market.",
    "watchdog": "Cancel a live run's orders when it stops making progress.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names, in order."""
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None where there is none of that name."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a part of the core that is not compiled is told in one line, with exit code 70."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("bot4._core."):
                raise
            click.echo(f"bot4: {error.name} is not compiled (yet): `make build` compiles what is missing", err=True)
            ctx.exit(70)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing one."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, _HELP[name]) for name in sorted(_COMMANDS)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="bot4")
def main() -> None:
    """Trade crypto by an autonomous engine with a compiled, allocation-free core.

    \b
    bot4 run                                   paper trading on a synthetic market, until Ctrl-C
    bot4 run --duration 60                     the same for one minute of market time
    bot4 run --replay FILE --speed max         paper trading over a recording, as fast as it goes
    bot4 run --venue binance                   paper trading on live market data
    bot4 backtest FILE --html report.html      what a strategy would have done, and what that is worth
    bot4 data check FILE                       is this recording sound?
    bot4 calibrate FILE                        parameters of a synthetic market like this recording
    bot4 explain last                          why does this order exist?
    bot4 kill --reason TEXT                    no orders any more, until a reset
    bot4 doctor                                is this machine ready?

    \b
    Exit codes: 0 done, 1 a check found something, 2 wrong usage, 65 bad data, 66 no such input,
    69 venue out of reach, 70 internal, 73 data directory unusable, 74 input/output error, 75 busy, 77 killed,
    78 wrong settings, 130 forced.
    """  # noqa: D301 - click's mark for a block left as it is
