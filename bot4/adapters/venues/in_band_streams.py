"""What the streams of every venue with in-band snapshots have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from bot4._core.engine.receiver import StreamKind
from bot4.adapters.venues.http_get import http_get
from bot4.adapters.venues.tls import tls_context
from bot4.adapters.venues.venue_streams import LinkPlan
from bot4.adapters.venues.websocket import WebSocket
from bot4.domain.errors import ConfigError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.venues.http_get import Answer
    from bot4.adapters.venues.in_band import InBand
    from bot4.adapters.venues.venue_streams import Clock, FundingRate
    from bot4.config import PublicVenueSettings, StreamSettings
    from bot4.domain.instrument import Instrument

_OK = 200


class InBandStreams:
    """Streams of some instruments on one connection.

    Parameters
    ----------
    name : str
        Venue and market, for people.
    instruments : tuple of Instrument
    in_band : InBand
        How they are asked for and read.
    url : str
        Where they are.
    settings, streams : PublicVenueSettings, StreamSettings
    rules : tuple of (str, bytes)
        URL and text of the rules.

    """

    notes: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        instruments: tuple[Instrument, ...],
        in_band: InBand,
        *,
        url: str,
        settings: PublicVenueSettings,
        streams: StreamSettings,
        rules: tuple[str, bytes],
    ) -> None:
        self.name = name
        self.instruments = instruments
        self.in_band = in_band
        self.rules = rules
        self._url = url
        self._timeouts = streams
        self._tls = tls_context(settings.ca_file)

    def plans(self) -> Sequence[LinkPlan]:
        """Return the one connection."""
        kinds = (StreamKind.STREAM_DEPTH, StreamKind.STREAM_TRADES)
        streams = tuple((lane, kind) for lane in range(len(self.instruments)) for kind in kinds)
        return [LinkPlan(self.name, self._url, streams)]

    def connect(self, url: str) -> WebSocket:
        """Connect."""
        return WebSocket.connect(url, tls=self._tls, timeout_s=self._timeouts.connect_timeout_s)

    def snapshot(self, lane: int) -> tuple[str, Answer]:
        """Never called: snapshots come by the stream."""
        raise NotImplementedError(f"{self.name} sends the snapshot of {self.instruments[lane].symbol} by the stream")

    def wants_rotation(self, notice: bytes) -> bool:
        """Never: these venues do not announce that they leave."""
        del notice
        return False

    def funding(self, notice: bytes) -> FundingRate | None:
        """Return nothing: these markets are spot."""
        del notice
        return None

    def complaint(self, notice: bytes) -> str | None:
        """Return nothing: `read` tells refusals."""
        del notice
        return None

    def check_clock(self, clock: Clock, *, offset_max_ms: int) -> None:
        """Do nothing: no request of this path is stamped."""
        del clock, offset_max_ms


def fetch_rules(url: str, settings: PublicVenueSettings, streams: StreamSettings) -> bytes:
    """Return the text of a venue's instrument rules; raises `UnreachableError`."""
    answer = http_get(url, tls=tls_context(settings.ca_file), timeout_s=streams.snapshot_timeout_s)
    if answer.status != _OK:
        said = answer.body[:160].decode("utf-8", "replace")
        raise UnreachableError(f"{url.partition('?')[0]} refuses with HTTP {answer.status}: {said}")
    return answer.body


def require_symbols(venue: str, found: Sequence[Instrument], symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """Return the instruments of `symbols`, in their order; raises `ConfigError` for one that is not there."""
    by_symbol = {instrument.symbol: instrument for instrument in found}
    for symbol in symbols:
        if symbol not in by_symbol:
            raise ConfigError(f"{venue} has no symbol {symbol!r}")
    return tuple(by_symbol[symbol] for symbol in symbols)


def compact(message: object) -> str:
    """Return a message as JSON."""
    return orjson.dumps(message).decode()
