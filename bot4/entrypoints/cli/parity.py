"""``bot4 parity``: one recording as a backtest, on paper, and through the served exchange, order by order."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bot4.entrypoints.cli.number import FiniteRange
from bot4.entrypoints.cli.options import config_option, set_option, strategy_arg_option

_DIFFERENT = 65


@click.command("parity")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False), metavar="PATH [PATH...]"
)
@click.option("--strategy", metavar="NAME", help="module:name or file.py:name.  [default: the policy of the settings]")
@strategy_arg_option
@click.option(
    "--strategy-latency", type=FiniteRange(0.0, 60_000.0), default=0.0, metavar="MS", help="Its own, milliseconds."
)
@config_option
@set_option
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def parity(  # noqa: PLR0917 - click hands them over by name
    paths: tuple[Path, ...],
    strategy: str | None,
    strategy_args: tuple[str, ...],
    strategy_latency: float,
    config_file: Path | None,
    pairs: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Run captures of Binance's spot streams three ways, and compare every order and every fill.

    The ways: a backtest; a replay on paper; and orders that leave by the wire to bot4 exchange --lockstep, in another
    process, which plays them in virtual time. Files of one symbol follow each other, those of several are merged by
    time. Exit code 65 where two ways differ. Needs the extra `exchange`.

    \b
    bot4 parity btcusdt_20240808.gz
    bot4 parity day.gz --strategy bot4.strategy.ema_cross:EmaCross --strategy-arg lots=100000
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.application.evidence.parity import first_difference
    from bot4.bootstrap import load_strategy, parity_outcomes
    from bot4.config import load_settings
    from bot4.domain.errors import Bot4Error
    from bot4.entrypoints.cli.overrides import read_pairs

    words = [*(("--config", str(config_file)) if config_file else ()), *(w for pair in pairs for w in ("--set", pair))]
    try:
        outcomes = parity_outcomes(
            paths,
            lambda: None if strategy is None else load_strategy(strategy, strategy_args),
            load_settings(config_file, overrides=read_pairs(pairs)),
            strategy_latency_ns=round(strategy_latency * 1e6),
            exchange_words=words,
        )
    except Bot4Error as error:
        click.echo(f"bot4: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)
    differences = [text for other in outcomes[1:] if (text := first_difference(outcomes[0], other)) is not None]
    if as_json:
        import orjson

        counts = {outcome.name: {"orders": len(outcome.orders), "fills": len(outcome.fills)} for outcome in outcomes}
        click.echo(orjson.dumps({"equal": not differences, "differences": differences, "runs": counts}))
    else:
        for outcome in outcomes:
            click.echo(f"{outcome.name:<10} {len(outcome.orders):,} orders, {len(outcome.fills):,} fills")
        click.echo("\n".join(differences) if differences else "the same, order by order and fill by fill")
    sys.exit(_DIFFERENT if differences else 0)
