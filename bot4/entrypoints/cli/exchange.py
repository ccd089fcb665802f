"""``bot4 exchange``: an exchange on this machine that clients of Binance's spot protocol can trade on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from bot4.entrypoints.cli.number import FiniteRange

TOKEN_VARIABLE = "BOT4_EXCHANGE_TOKEN"  # noqa: S105 - the variable's name


@click.command("exchange")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port",
    default=0,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0), help="Seed of market and faults.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME:APIKEY:SECRET:USDT=100000,BTC=10",
    help="An account with an HMAC key. May be repeated.",
)
@click.option(
    "--accounts",
    "accounts_file",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Accounts of a TOML or JSON file: HMAC secrets or Ed25519 and RSA public keys, balances.",
)
@click.option(
    "--limits",
    default="binance",
    show_default=True,
    metavar="binance|off|FILE",
    help="Rate limits: the venue's, none, or those of a TOML or JSON file.",
)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=FiniteRange(0, 1_000),
    help="Seconds of the background market in a second; 0 lets its orders stand still.",
)
@click.option(
    "--background",
    default="calibrated",
    show_default=True,
    type=click.Choice(["calibrated", "plain", "none"]),
    help="Who trades when no client does: a market fitted to a recording, a plain one, nobody.",
)
@click.option(
    "--market-model",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Parameters of the calibrated market, as bot4 calibrate writes them.  [default: bundled]",
)
@click.option(
    "--replay",
    multiple=True,
    type=click.Path(path_type=Path, readable=False),
    metavar="PATH",
    help="Capture of Binance's spot streams that is the background market of its symbol. May be repeated.",
)
@click.option(
    "--faults", type=click.Path(path_type=Path, readable=False), metavar="FILE", help="Faults from the beginning on."
)
@click.option(
    "--legacy-listen-key", is_flag=True, help="Offer the user data stream that the venue took away on 2026-02-20."
)
@click.option("--futures", is_flag=True, help="Serve USD-M futures too: BTCUSDT and ETHUSDT perpetuals.")
@click.option(
    "--funding-interval",
    type=click.IntRange(1, 86_400),
    metavar="SECONDS",
    help="Between two settlements of the futures' funding.  [default: 28800]",
)
@click.option(
    "--lockstep",
    is_flag=True,
    help="Serve --replay in virtual time that one client moves, matched as on paper, and nothing else.",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Settings file, for the fees, latencies and fills of --lockstep.  [default: bot4.toml]",
)
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Override a setting, for --lockstep.")
@click.option("--tls", is_flag=True, help="Serve https and wss by a certificate authority made for this run.")
def exchange(  # noqa: PLR0917 - click hands them over by name
    host: str,
    port: int,
    seed: int,
    accounts: tuple[str, ...],
    accounts_file: Path | None,
    limits: str,
    speed: float,
    background: str,
    market_model: Path | None,
    replay: tuple[Path, ...],
    faults: Path | None,
    funding_interval: int | None,
    config_file: Path | None,
    pairs: tuple[str, ...],
    *,
    lockstep: bool,
    legacy_listen_key: bool,
    futures: bool,
    tls: bool,
) -> None:
    """Serve an exchange: Binance's spot and USD-M protocol (2026-07), REST and WebSocket on one port.

    Prints one line of JSON once it serves (rest, ws, ws_api, futures_rest, futures_ws, futures_ws_api, admin,
    admin_token, ca_file) and runs until SIGTERM. BTCUSDT, ETHUSDT and ETHBTC have a market that trades by itself, and
    so have the perpetuals. The token of the administration is taken from BOT4_EXCHANGE_TOKEN if it is set. Needs the
    extra `exchange`.

    \b
    bot4 exchange --port 8099 --account alice:KEY:SECRET:USDT=100000,BTC=10
    bot4 exchange --accounts accounts.toml --limits off --speed 10
    """  # noqa: D301 - click's mark for a block left as it is
    from bot4.bootstrap import serve_exchange
    from bot4.domain.errors import Bot4Error

    try:
        if lockstep:
            _serve_lockstep(replay, config_file, pairs, host=host, port=port)
            return
        serve_exchange(
            _ready,
            host=host,
            port=port,
            seed=seed,
            accounts=accounts,
            accounts_file=accounts_file,
            limits=limits,
            speed=speed,
            background=background,
            market_model=market_model,
            faults_file=faults,
            replay=replay,
            has_tls=tls,
            has_listen_keys=legacy_listen_key,
            has_futures=futures,
            funding_interval_s=funding_interval,
            token=os.environ.get(TOKEN_VARIABLE),
        )
    except Bot4Error as error:
        click.echo(f"bot4: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)


def _serve_lockstep(
    replay: tuple[Path, ...], config_file: Path | None, pairs: tuple[str, ...], *, host: str, port: int
) -> None:
    from bot4.bootstrap import serve_lockstep_exchange
    from bot4.config import load_settings
    from bot4.domain.errors import ConfigError
    from bot4.entrypoints.cli.overrides import read_pairs

    if not replay:
        raise ConfigError("--lockstep plays a recording: --replay PATH")
    settings = load_settings(config_file, overrides=read_pairs(pairs))
    serve_lockstep_exchange(_ready, replay, settings, host=host, port=port, token=os.environ.get(TOKEN_VARIABLE))


def _ready(addresses: dict[str, Any]) -> None:
    import orjson

    sys.stdout.buffer.write(orjson.dumps(addresses, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
