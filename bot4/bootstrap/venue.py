"""Live market data of a venue."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot4.adapters.recordings.recorder import FrameRecorder
    from bot4.adapters.venues.binance.history import BarHistory
    from bot4.adapters.venues.venue_streams import VenueStreams
    from bot4.config import Settings
    from bot4.ports.market_feed import MarketFeed

# A snapshot of 5,000 levels a side, three times; as the feed asks for (bot4/_core/engine/feed.pxd).
_LIVE_RING_MIN = 32_768


def open_venue(settings: Settings, venue: str, market: str | None, symbols: Sequence[str]) -> VenueStreams:
    """Fetch the rules of a venue's symbols and compare clocks."""
    from bot4._core.clock import SystemClock
    from bot4.adapters.host.steady_memory import keep_heap_steady
    from bot4.domain.errors import ConfigError

    keep_heap_steady()  # what follows may run for weeks
    if settings.shard.ring_capacity < _LIVE_RING_MIN:
        raise ConfigError(
            f"setting shard.ring_capacity must be at least {_LIVE_RING_MIN} with a live venue (a snapshot has to fit), "
            f"was {settings.shard.ring_capacity}"
        )
    streams = _venue_streams(settings, venue, market, tuple(dict.fromkeys(symbols)))
    streams.check_clock(SystemClock(), offset_max_ms=settings.streams.clock_offset_max_ms)
    return streams


def _venue_streams(settings: Settings, venue: str, market: str | None, symbols: tuple[str, ...]) -> VenueStreams:
    from bot4.domain.errors import ConfigError
    from bot4.domain.instrument import Market

    if venue == "binance":
        from bot4.adapters.venues.binance.market_data import BinanceStreams

        room = Market(market) if market is not None else Market.SPOT
        return BinanceStreams.open(room, symbols or ("BTCUSDT",), settings.venues.binance, settings.streams)
    if settings.strategy.warm_up_bars:
        raise ConfigError(f"setting strategy.warm_up_bars: bars of before are read of binance, not of {venue}")
    if market not in {None, "spot"}:
        raise ConfigError(f"live market data of {venue} is of the spot market, was {market}")
    if venue == "kraken":
        from bot4.adapters.venues.kraken.market_data import open_kraken

        return open_kraken(symbols or ("XBT/USD",), settings.venues.kraken, settings.streams)
    if venue == "okx":
        from bot4.adapters.venues.okx.market_data import open_okx

        return open_okx(symbols or ("BTC-USDT",), settings.venues.okx, settings.streams)
    if venue == "bybit":
        from bot4.adapters.venues.bybit.market_data import open_bybit

        return open_bybit(symbols or ("BTCUSDT",), settings.venues.bybit, settings.streams)
    if venue == "coinbase":
        from bot4.adapters.venues.coinbase.market_data import open_coinbase

        return open_coinbase(symbols or ("BTC-USD",), settings.venues.coinbase, settings.streams)
    raise ConfigError(f"live market data comes from binance, bybit, coinbase, kraken or okx, was {venue!r}")


def open_recorder(settings: Settings, record: Path | None) -> FrameRecorder | None:
    """Open the file for what the venue sends; None where none was asked for."""
    if record is None:
        return None
    from bot4.adapters.recordings.recorder import FrameRecorder

    return FrameRecorder(
        record,
        buffer_bytes=settings.streams.record_buffer_mb << 20,
        bytes_max=settings.streams.record_max_mb << 20,
    )


def open_live_feed(settings: Settings, streams: VenueStreams, recorder: FrameRecorder | None) -> MarketFeed:
    """Return the feed of the streams; it connects when it is run."""
    from random import Random

    from bot4._core.clock import SystemClock
    from bot4.adapters.venues.live_feed import LiveFeed

    jitter = Random()  # noqa: S311 - many clients must not come back together
    return LiveFeed(
        streams,
        settings.streams,
        clock=SystemClock(),
        rng=jitter,
        recorder=recorder,
        history=_history(settings, streams),
    )


def _history(settings: Settings, streams: VenueStreams) -> BarHistory | None:
    """Return what tells the bars of before the run; None where none are wanted."""
    from bot4.adapters.venues.binance.history import BarHistory
    from bot4.adapters.venues.binance.market_data import BinanceStreams

    rules = settings.strategy
    if not rules.warm_up_bars or not isinstance(streams, BinanceStreams):
        return None
    return BarHistory(streams, interval_ms=rules.bar_interval_ms, bars=rules.warm_up_bars)
