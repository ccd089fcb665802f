"""The account of a market at the endpoint of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot4.adapters.venues.binance.access import Endpoints
from bot4.adapters.venues.binance.sign import make_signer
from bot4.adapters.venues.binance.spot import SPOT_MAINNET, SPOT_TESTNET, BinanceSpot
from bot4.adapters.venues.binance.usdm import USDM_MAINNET, USDM_TESTNET, BinanceUsdm
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import Market

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from bot4.config import LiveSettings
    from bot4.domain.instrument import Instrument
    from bot4.domain.secret import Secret

_NAMED = {
    Market.SPOT: {"mainnet": SPOT_MAINNET, "testnet": SPOT_TESTNET},
    Market.USDM: {"mainnet": USDM_MAINNET, "testnet": USDM_TESTNET},
}


def make_account(
    live: LiveSettings,
    instruments: Sequence[Instrument],
    *,
    api_key: Secret,
    secret: Secret,
    mono_ns: Callable[[], int],
    wall_ns: Callable[[], int],
    rng: Random,
) -> BinanceSpot | BinanceUsdm:
    """Return the account that trades these instruments, not started.

    Raises
    ------
    ConfigError
        There is no such market, endpoint or key.

    """
    market = instruments[0].market
    if market not in _NAMED:
        raise ConfigError(f"real orders go to spot or usdm, was {market.value}")
    symbols = [instrument.symbol for instrument in instruments]
    endpoints = endpoints_of(live, market)
    signer = make_signer(secret)
    recv_window_ms, timeout_s = live.recv_window_ms, live.timeout_ms / 1_000
    engine_timeout_ns = live.venue_timeout_ms * 1_000_000
    if market is Market.SPOT:
        return BinanceSpot(
            endpoints,
            api_key,
            signer,
            symbols=symbols,
            mono_ns=mono_ns,
            wall_ns=wall_ns,
            rng=rng,
            recv_window_ms=recv_window_ms,
            timeout_s=timeout_s,
            engine_timeout_ns=engine_timeout_ns,
        )
    return BinanceUsdm(
        endpoints,
        api_key,
        signer,
        symbols=symbols,
        mono_ns=mono_ns,
        wall_ns=wall_ns,
        rng=rng,
        recv_window_ms=recv_window_ms,
        timeout_s=timeout_s,
        engine_timeout_ns=engine_timeout_ns,
        # What a key may do is asked of the main address, whatever the market.
        permissions_rest=SPOT_MAINNET.rest if live.endpoint == "mainnet" else "",
    )


def endpoints_of(live: LiveSettings, market: Market) -> Endpoints:
    """Return where orders of a market go; raises `ConfigError` where the settings name no place."""
    named = _NAMED[market].get(live.endpoint)
    if named is not None:
        return named
    if live.endpoint != "custom":
        raise ConfigError(f"live.endpoint names no place for orders, was {live.endpoint!r}")
    return Endpoints(
        rest=live.rest_url,
        ws_api=live.ws_api_url,
        user_stream=live.user_stream_url,
        ca_file=Path(live.ca_file) if live.ca_file else None,
    )
