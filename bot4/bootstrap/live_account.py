"""The account real orders are sent to, and what has to hold before it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from bot4.adapters.secrets.key_source import ApiKey
    from bot4.adapters.storage.data_dir import DataDir
    from bot4.adapters.venues.venue_streams import VenueStreams
    from bot4.application.live_gateway import LiveAccount
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument
    from bot4.ports.exchange import ExchangePort


def require_live(settings: Settings, venue: str | None) -> None:
    """Refuse real orders that were not asked for in every place they have to be."""
    import os

    from bot4.application.preflight import PreflightError, require_consent
    from bot4.config import BinanceSettings

    require_consent(settings, os.environ)
    if venue is None:
        raise PreflightError(["real orders need live market data: --venue"])
    reads_main = settings.venues.binance == BinanceSettings()
    if reads_main != (settings.live.endpoint == "mainnet"):
        where = "from" if reads_main else "not from"
        raise PreflightError(
            [f"live.endpoint is {settings.live.endpoint!r}, and venues.binance reads {where} the main venue: use one"]
        )


def open_live_account(settings: Settings, streams: VenueStreams, data_dir: DataDir) -> LiveAccount:
    """Read the key, pass the preflight, and take the balances to begin with."""
    import asyncio
    import os
    import time
    from pathlib import Path

    from bot4.adapters.host.no_dumps import forbid_dumps
    from bot4.adapters.secrets.key_source import load_api_key
    from bot4.application.live_gateway import LiveAccount, LivePace
    from bot4.application.preflight import PreflightError, preflight
    from bot4.domain.errors import Bot4Error
    from bot4.ports.exchange import NoInformation

    if not forbid_dumps():
        raise PreflightError(["core dumps cannot be switched off: a dump would hold the key"])
    key = load_api_key(Path(settings.live.key_file) if settings.live.key_file else None, os.environ)

    async def ask() -> dict[str, Decimal]:
        exchange = _exchange(settings, streams.instruments, key)
        try:
            await exchange.start()
            lines = await preflight(exchange, settings, streams.instruments)
            balances = await exchange.balances()
        except Bot4Error as error:
            raise PreflightError([f"the venue: {error}"]) from None
        finally:
            await exchange.close()
        if lines or isinstance(balances, NoInformation):
            raise PreflightError(lines or ["balances: they are not known"])
        return {balance.asset: balance.total for balance in balances}

    return LiveAccount(
        exchange=_exchange(settings, streams.instruments, key),
        balances=asyncio.run(ask()),
        epoch=data_dir.next_epoch(int(time.time())),
        pace=LivePace(reconcile_s=settings.live.reconcile_interval_ms / 1_000),
    )


def _exchange(settings: Settings, instruments: Sequence[Instrument], key: ApiKey) -> ExchangePort:
    """Return the adapter of the market that is traded, at the endpoint of the settings; not started."""
    from random import Random

    from bot4._core.clock import SystemClock
    from bot4.domain.errors import ConfigError

    try:
        from bot4.adapters.venues.binance.accounts import make_account
    except ImportError as error:
        raise ConfigError(f"real orders need {error.name}: pip install 'bot4[live]'") from None
    clock = SystemClock()
    return make_account(
        settings.live,
        instruments,
        api_key=key.api_key,
        secret=key.secret,
        mono_ns=clock.monotonic_ns,
        wall_ns=clock.wall_ns,
        rng=Random(),  # noqa: S311 - spreads reconnections
    )
