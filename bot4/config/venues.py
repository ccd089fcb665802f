"""Sections about live market data: how connections are kept, and where the venues are."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from bot4.config.section import PositiveInt, Section, require_url


class StreamSettings(Section, frozen=True):
    """Market data from a live venue: when to connect anew, and when to give up (docs/venues.md)."""

    connect_timeout_s: Annotated[float, Meta(ge=0.1, le=120.0)] = 10.0
    snapshot_timeout_s: Annotated[float, Meta(ge=0.1, le=120.0)] = 10.0
    reconnect_first_ms: Annotated[int, Meta(ge=1, le=60_000)] = 250
    reconnect_max_s: Annotated[float, Meta(ge=0.01, le=3_600.0)] = 30.0
    reconnect_attempts_max: PositiveInt = 100
    start_attempts_max: PositiveInt = 5
    connections_max: Annotated[int, Meta(ge=1, le=10_000)] = 250
    connections_window_s: Annotated[float, Meta(ge=0.1, le=3_600.0)] = 300.0
    rotate_after_s: Annotated[float, Meta(ge=1.0, le=86_400.0)] = 85_800.0
    overlap_s: Annotated[float, Meta(ge=0.0, le=60.0)] = 2.0
    stale_floor_s: Annotated[float, Meta(ge=0.05, le=3_600.0)] = 5.0
    stale_multiple: Annotated[float, Meta(ge=2.0, le=1_000.0)] = 20.0
    clock_offset_max_ms: Annotated[int, Meta(ge=1, le=60_000)] = 500
    record_buffer_mb: Literal[1, 2, 4, 8, 16, 32, 64, 128, 256, 512] = 32
    record_max_mb: Annotated[int, Meta(ge=1, le=2**20)] = 4_096

    def __post_init__(self) -> None:
        if self.reconnect_first_ms > self.reconnect_max_s * 1_000:
            raise ValueError(
                f"streams.reconnect_max_s must be at least streams.reconnect_first_ms {self.reconnect_first_ms}, "
                f"was {self.reconnect_max_s}"
            )


class BinanceSettings(Section, frozen=True):
    """Where Binance is; only `bot4 run --venue binance` goes there, and reads."""

    rest_url: str = "https://api.binance.com"
    ws_url: str = "wss://stream.binance.com:9443"
    usdm_rest_url: str = "https://fapi.binance.com"
    usdm_ws_url: str = "wss://fstream.binance.com"
    ca_file: str | None = None

    def __post_init__(self) -> None:
        for key in ("rest_url", "usdm_rest_url"):
            require_url(f"venues.binance.{key}", getattr(self, key), ("https", "http"))
        for key in ("ws_url", "usdm_ws_url"):
            require_url(f"venues.binance.{key}", getattr(self, key), ("wss", "ws"))


class PublicVenueSettings(Section, frozen=True):
    """Where a venue is of which only public market data is read."""

    rest_url: str
    ws_url: str
    ca_file: str | None = None

    def __post_init__(self) -> None:
        require_url("rest_url of a venue", self.rest_url, ("https", "http"))
        require_url("ws_url of a venue", self.ws_url, ("wss", "ws"))


class KrakenSettings(PublicVenueSettings, frozen=True):
    """Where Kraken is."""

    rest_url: str = "https://api.kraken.com"
    ws_url: str = "wss://ws.kraken.com"


class OkxSettings(PublicVenueSettings, frozen=True):
    """Where OKX is."""

    rest_url: str = "https://www.okx.com"
    ws_url: str = "wss://ws.okx.com:8443"


class BybitSettings(PublicVenueSettings, frozen=True):
    """Where Bybit is."""

    rest_url: str = "https://api.bybit.com"
    ws_url: str = "wss://stream.bybit.com"


class CoinbaseSettings(PublicVenueSettings, frozen=True):
    """Where Coinbase is."""

    rest_url: str = "https://api.coinbase.com"
    ws_url: str = "wss://advanced-trade-ws.coinbase.com"


class VenuesSettings(Section, frozen=True):
    """Each venue's own table."""

    binance: BinanceSettings = BinanceSettings()
    kraken: KrakenSettings = KrakenSettings()
    okx: OkxSettings = OkxSettings()
    bybit: BybitSettings = BybitSettings()
    coinbase: CoinbaseSettings = CoinbaseSettings()
