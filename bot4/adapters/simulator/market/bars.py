"""Bars of one market at every interval, made from its trades.

The bar of the running second takes each trade; when the second is over it is folded into the bars of all intervals. So
a trade costs one bar's update, whatever number of intervals there is.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from bot4.adapters.simulator.market.calendar import MINUTE_MS, SECOND_MS, window_of
from bot4.adapters.simulator.wire.kinds import INTERVALS

if TYPE_CHECKING:
    from collections.abc import Iterator

BARS_MAX = 1_500  # of each interval; the oldest is dropped
MINUTES_MAX = 7 * 24 * 60 + 1  # rolling tickers reach back seven days
_SHIFTED_MS = 8 * 3_600_000  # the venue streams bars of UTC+8 too


@dataclass(slots=True)
class Bar:
    """One bar; prices, quantities and volumes in hundred-millionths, times in milliseconds UTC."""

    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    quote_volume: int = 0
    taker_volume: int = 0
    taker_quote_volume: int = 0
    first_trade: int = -1
    last_trade: int = -1
    trades: int = 0

    def fold(self, later: Bar) -> None:
        """Take a later bar in."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.volume += later.volume
        self.quote_volume += later.quote_volume
        self.taker_volume += later.taker_volume
        self.taker_quote_volume += later.taker_quote_volume
        self.trades += later.trades
        if later.trades:
            self.last_trade = later.last_trade
            if self.first_trade < 0:
                self.first_trade = later.first_trade


class Bars:
    """Bars of one market. Not thread-safe.

    Each interval keeps its last `BARS_MAX` bars, minutes as many as the longest rolling window needs; a second or a
    minute without a trade has a flat bar at the last price.

    """

    def __init__(self) -> None:
        self.current: Bar | None = None
        self._kept: dict[tuple[str, int], deque[Bar]] = {}
        for interval in INTERVALS:
            length = MINUTES_MAX if interval == "1m" else BARS_MAX
            self._kept[interval, 0] = deque(maxlen=length)
            self._kept[interval, _SHIFTED_MS] = deque(maxlen=4)

    def add(self, at_ms: int, price: int, qty: int, quote: int, trade_id: int, *, taker_buys: bool) -> None:
        """Take a trade in; trades come in order of time."""
        self.advance(at_ms)
        bar = self.current
        if bar is None:
            second = at_ms // SECOND_MS * SECOND_MS
            bar = self.current = Bar(second, second + SECOND_MS - 1, price, price, price, price)
        if bar.trades == 0:
            bar.open = bar.high = bar.low = price
            bar.first_trade = trade_id
        elif price > bar.high:
            bar.high = price
        elif price < bar.low:
            bar.low = price
        bar.close = price
        bar.volume += qty
        bar.quote_volume += quote
        bar.last_trade = trade_id
        bar.trades += 1
        if taker_buys:
            bar.taker_volume += qty
            bar.taker_quote_volume += quote

    def advance(self, at_ms: int) -> None:
        """Close the seconds that are over."""
        bar = self.current
        if bar is None or at_ms <= bar.close_ms:
            return
        self._close(bar)
        second = at_ms // SECOND_MS * SECOND_MS
        price, opened = bar.close, bar.close_ms + 1
        # A long quiet time gives flat minutes, and flat seconds only as far back as seconds are kept.
        while opened < second - BARS_MAX * SECOND_MS:
            closed = opened // MINUTE_MS * MINUTE_MS + MINUTE_MS - 1
            self._fold(Bar(opened, closed, price, price, price, price))
            opened = closed + 1
        for start in range(opened, second, SECOND_MS):
            self._close(Bar(start, start + SECOND_MS - 1, price, price, price, price))
        self.current = Bar(second, second + SECOND_MS - 1, price, price, price, price)

    def between(self, interval: str, start_ms: int | None, end_ms: int | None, limit: int, shift_ms: int) -> list[Bar]:
        """Return bars whose opening lies between two times, oldest first.

        Parameters
        ----------
        interval : str
            ``1s`` to ``1M``.
        start_ms, end_ms : int, optional
            Both included. Without a start the latest bars count.
        limit : int
            At most so many.
        shift_ms : int
            Of the time zone the windows begin in.

        """
        bars = self._with_current(interval) if shift_ms == 0 else self._zoned(interval, shift_ms)
        chosen = (
            bar
            for bar in bars
            if (start_ms is None or bar.open_ms >= start_ms) and (end_ms is None or bar.open_ms <= end_ms)
        )
        if start_ms is not None:
            return list(islice(chosen, limit))
        return list(deque(chosen, maxlen=limit))

    def latest(self, interval: str, shift_ms: int = 0) -> Bar | None:
        """Return the bar that is not over yet, the running second included."""
        if self.current is None:
            return None
        if interval == "1s":
            return self.current
        kept = self._kept.get((interval, shift_ms))
        opened, closed = window_of(interval, self.current.open_ms, shift_ms)
        if kept and kept[-1].open_ms == opened:
            bar = replace(kept[-1])
            bar.fold(self.current)
            return bar
        return replace(self.current, open_ms=opened, close_ms=closed)

    def finished(self, interval: str, open_ms: int, shift_ms: int = 0) -> Bar | None:
        """Return the bar that began at a time, if it is kept."""
        for bar in reversed(self._kept[interval, 0 if interval == "1s" else shift_ms]):
            if bar.open_ms == open_ms:
                return bar
            if bar.open_ms < open_ms:
                break
        return None

    def minutes_since(self, open_ms: int) -> list[Bar]:
        """Return the minutes that began at a time or later, the running one included."""
        found: list[Bar] = []
        for bar in reversed(self._kept["1m", 0]):
            if bar.open_ms < open_ms:
                break
            found.append(bar)
        found.reverse()
        latest = self.latest("1m")
        if latest is not None and latest.open_ms >= open_ms:
            if found and found[-1].open_ms == latest.open_ms:
                found[-1] = latest
            else:
                found.append(latest)
        return found

    def _close(self, bar: Bar) -> None:
        self._kept["1s", 0].append(bar)
        self._fold(bar)

    def _fold(self, bar: Bar) -> None:
        for (interval, shift), kept in self._kept.items():
            if interval == "1s":
                continue
            if kept and bar.open_ms <= kept[-1].close_ms:
                kept[-1].fold(bar)
            else:
                opened, closed = window_of(interval, bar.open_ms, shift)
                kept.append(replace(bar, open_ms=opened, close_ms=closed))

    def _with_current(self, interval: str) -> Iterator[Bar]:
        kept = self._kept[interval, 0]
        latest = self.latest(interval)
        if latest is None:
            return
        if kept and kept[-1].open_ms == latest.open_ms:
            yield from islice(kept, len(kept) - 1)
        else:
            yield from kept
        yield latest

    def _zoned(self, interval: str, shift_ms: int) -> Iterator[Bar]:
        """Bars of a time zone, put together from minutes: as far back as those are kept."""
        held: Bar | None = None
        for part in self._with_current("1s" if interval == "1s" else "1m"):
            opened, closed = window_of(interval, part.open_ms, shift_ms)
            if held is not None and held.open_ms == opened:
                held.fold(part)
                continue
            if held is not None:
                yield held
            held = replace(part, open_ms=opened, close_ms=closed)
        if held is not None:
            yield held
