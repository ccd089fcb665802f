"""Rolling statistics of one market, made from its minutes.

The 24 hours of a ticker begin on a minute: the window is up to 59,999 ms longer than its name says, as the venue writes
of its rolling windows; the venue's own 24-hour ticker may be finer.

Source: binance-spot-api-docs rest-api.md and web-socket-streams.md (2026-07-21).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.market.calendar import DAY_MS, MINUTE_MS
from bot4.adapters.simulator.wire.decimals import UNIT, format_e8

if TYPE_CHECKING:
    from bot4.adapters.simulator.market.bars import Bar, Bars


@dataclass(frozen=True, slots=True)
class Statistics:
    """What happened in a window; prices and volumes in hundred-millionths, times in milliseconds UTC."""

    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    last: int
    volume: int
    quote_volume: int
    first_trade: int
    last_trade: int
    trades: int

    @property
    def change(self) -> int:
        """Last price less the first."""
        return self.last - self.open

    @property
    def change_percent(self) -> str:
        """The change in percent, three decimals."""
        if self.open == 0:
            return "0.000"
        sign = "-" if self.change < 0 else ""
        thousandths = (abs(self.change) * 200_000 + self.open) // (2 * self.open)
        return f"{sign}{thousandths // 1_000}.{thousandths % 1_000:03d}"

    @property
    def mean(self) -> int:
        """Price weighted by volume."""
        return self.quote_volume * UNIT // self.volume if self.volume else 0


def statistics_since(bars: Bars, open_ms: int, now_ms: int) -> Statistics:
    """Return what happened from a time until now; zeros where nothing did."""
    minutes = bars.minutes_since(open_ms)
    if not minutes:
        return Statistics(open_ms, now_ms, 0, 0, 0, 0, 0, 0, -1, -1, 0)
    first_trade = next((bar.first_trade for bar in minutes if bar.trades), -1)
    last_trade = next((bar.last_trade for bar in reversed(minutes) if bar.trades), -1)
    return Statistics(
        open_ms=open_ms,
        close_ms=now_ms,
        open=minutes[0].open,
        high=max(bar.high for bar in minutes),
        low=min(bar.low for bar in minutes),
        last=minutes[-1].close,
        volume=sum(bar.volume for bar in minutes),
        quote_volume=sum(bar.quote_volume for bar in minutes),
        first_trade=first_trade,
        last_trade=last_trade,
        trades=sum(bar.trades for bar in minutes),
    )


def rolling(bars: Bars, length_ms: int, now_ms: int) -> Statistics:
    """Return the statistics of a rolling window, which begins on a minute."""
    return statistics_since(bars, (now_ms - length_ms) // MINUTE_MS * MINUTE_MS, now_ms)


def day(bars: Bars, now_ms: int) -> Statistics:
    """Return the statistics of the last 24 hours."""
    return rolling(bars, DAY_MS, now_ms)


def mean_price(bars: Bars, minutes: int, now_ms: int) -> int:
    """Return the price of the last minutes weighted by volume, 0 without a trade."""
    return rolling(bars, minutes * MINUTE_MS, now_ms).mean


def to_mini(symbol: str, stats: Statistics, unit: int) -> dict[str, Any]:
    """Return the short form of a REST ticker; `unit` is nanoseconds of the answer's time unit."""
    scale = 1_000_000 // unit
    return {
        "symbol": symbol,
        "openPrice": format_e8(stats.open),
        "highPrice": format_e8(stats.high),
        "lowPrice": format_e8(stats.low),
        "lastPrice": format_e8(stats.last),
        "volume": format_e8(stats.volume),
        "quoteVolume": format_e8(stats.quote_volume),
        "openTime": stats.open_ms * scale,
        "closeTime": stats.close_ms * scale,
        "firstId": stats.first_trade,
        "lastId": stats.last_trade,
        "count": stats.trades,
    }


def to_full(symbol: str, stats: Statistics, unit: int) -> dict[str, Any]:
    """Return the form of ``GET /api/v3/ticker`` and ``ticker/tradingDay``."""
    return {
        "symbol": symbol,
        "priceChange": format_e8(stats.change),
        "priceChangePercent": stats.change_percent,
        "weightedAvgPrice": format_e8(stats.mean),
        **{name: value for name, value in to_mini(symbol, stats, unit).items() if name != "symbol"},
    }


def kline_row(bar: Bar, unit: int) -> list[Any]:
    """Return a bar as ``GET /api/v3/klines`` does; `unit` is nanoseconds of the answer's time unit."""
    scale = 1_000_000 // unit
    return [
        bar.open_ms * scale,
        format_e8(bar.open),
        format_e8(bar.high),
        format_e8(bar.low),
        format_e8(bar.close),
        format_e8(bar.volume),
        (bar.close_ms + 1) * scale - 1,
        format_e8(bar.quote_volume),
        bar.trades,
        format_e8(bar.taker_volume),
        format_e8(bar.taker_quote_volume),
        "0",
    ]
