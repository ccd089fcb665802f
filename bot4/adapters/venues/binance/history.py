"""Bars of before the run, told in the words of the kline stream: features and strategies need not wait for theirs.

Source: binance-spot-api-docs rest-api.md, GET /api/v3/klines, and web-socket-streams.md, Kline/Candlestick Streams; the
futures have the same rows and frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from bot4.domain.errors import ConfigError, UnreachableError
from bot4.domain.instrument import Market

if TYPE_CHECKING:
    from bot4._core.engine.feed import Feed
    from bot4._core.wire.frame_log import FrameLog
    from bot4.adapters.venues.binance.market_data import BinanceStreams
    from bot4.adapters.venues.venue_streams import Clock

_S, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
INTERVALS: Final = {
    _S: "1s", _MINUTE: "1m", 3 * _MINUTE: "3m", 5 * _MINUTE: "5m", 15 * _MINUTE: "15m", 30 * _MINUTE: "30m",
    _HOUR: "1h", 2 * _HOUR: "2h", 4 * _HOUR: "4h", 6 * _HOUR: "6h", 8 * _HOUR: "8h", 12 * _HOUR: "12h",
    24 * _HOUR: "1d",
}  # fmt: skip
_OK = 200
_MS = 1_000_000


class BarHistory:
    """So many closed bars of each instrument.

    Parameters
    ----------
    venue : BinanceStreams
    interval_ms : int
        Length of a bar.
    bars : int
        How many, 1 to 999: with the open one what the venue gives at one question.

    Raises
    ------
    ConfigError
        The venue has no bars of this length.

    """

    def __init__(self, venue: BinanceStreams, *, interval_ms: int, bars: int) -> None:
        known = {ms: name for ms, name in INTERVALS.items() if venue.market is Market.SPOT or name != "1s"}
        if interval_ms not in known:
            raise ConfigError(
                f"setting strategy.warm_up_bars: {venue.name} has no bars of {interval_ms} ms, "
                f"strategy.bar_interval_ms must be one of {', '.join(map(str, known))}"
            )
        self._venue, self._interval, self._bars = venue, known[interval_ms], bars
        self.told: dict[str, int] = {}

    def tell(self, feed: Feed, clock: Clock, log: FrameLog | None) -> None:
        """Fetch and feed them, before anything else is fed; what is fed is logged, too. Blocks.

        Raises
        ------
        UnreachableError
            The venue does not answer, or with something else than bars.

        """
        for lane, instrument in enumerate(self._venue.instruments):
            url, frames = self.frames(lane, clock)
            for frame in frames:
                now_ns = clock.wall_ns()
                if log is not None:
                    log.rest(url, frame, now_ns)
                feed.frame(frame, now_ns, default_instrument=lane)
            self.told[instrument.symbol] = len(frames)

    def frames(self, lane: int, clock: Clock) -> tuple[str, list[bytes]]:
        """Return where an instrument's bars come from, and those that have ended as frames, oldest first."""
        url, answer = self._venue.klines(lane, self._interval, self._bars + 1)
        if answer.status != _OK:
            said = answer.body[:160].decode("utf-8", "replace")
            raise UnreachableError(f"{url} refuses with HTTP {answer.status}: {said}")
        now_ms = clock.wall_ns() // _MS
        symbol = self._venue.instruments[lane].symbol
        try:
            rows = [row for row in orjson.loads(answer.body) if row[6] < now_ms]
            return url, [_frame(symbol, self._interval, row, now_ms) for row in rows[-self._bars :]]
        except (orjson.JSONDecodeError, TypeError, IndexError, KeyError) as error:
            raise UnreachableError(f"{url} gives no bars: {type(error).__name__}") from error


def _frame(symbol: str, interval: str, row: list[Any], now_ms: int) -> bytes:
    """Return a row as the stream would have told it, but for the time it is told at."""
    open_ms, opened, high, low, close, volume, close_ms, _, count, taker_buy = row[:10]
    bar = {
        "t": open_ms, "T": close_ms, "s": symbol, "i": interval, "o": opened, "c": close, "h": high, "l": low,
        "v": volume, "n": count, "x": True, "V": taker_buy,
    }  # fmt: skip
    return orjson.dumps({"e": "kline", "E": now_ms, "s": symbol, "k": bar})
