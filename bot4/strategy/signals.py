"""Signals over bars: each answers a closed bar with the position it wants, from -1 (all short) to 1 (all long)."""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot4._core.engine.python_strategy import BarTold


class Signal(Protocol):
    """A closed bar in, the wanted position out."""

    def apply(self, bar: BarTold) -> float:
        """Take one bar; returns the wanted position, -1 to 1."""
        ...


class TrendSignal:
    """Follows breakouts: in beyond the extremes of `enter_bars`, out beyond the opposite ones of `exit_bars`.

    The window holds the bars before the present one, so a bar never breaks out of itself.
    """

    def __init__(self, *, enter_bars: int = 55, exit_bars: int = 20) -> None:
        if not 0 < exit_bars <= enter_bars:
            raise ValueError(f"a trend needs 0 < exit_bars <= enter_bars, was {exit_bars}, {enter_bars}")
        self._highs: deque[int] = deque(maxlen=enter_bars)
        self._lows: deque[int] = deque(maxlen=enter_bars)
        self._exit, self._wanted = exit_bars, 0.0

    def apply(self, bar: BarTold) -> float:
        """Take one bar; returns -1, 0 or 1."""
        highs, lows, close = self._highs, self._lows, bar.close_ticks
        if len(highs) == highs.maxlen:
            recent_high, recent_low = max(list(highs)[-self._exit :]), min(list(lows)[-self._exit :])
            if (self._wanted > 0 and close < recent_low) or (self._wanted < 0 and close > recent_high):
                self._wanted = 0.0
            if close > max(highs):
                self._wanted = 1.0
            elif close < min(lows):
                self._wanted = -1.0
        highs.append(bar.high_ticks)
        lows.append(bar.low_ticks)
        return self._wanted


class ReversionSignal:
    """Fades what is far from the mean of `bars` closes: in at `enter` deviations, out at `leave`, and out at `stop`.

    After a stop it waits until the price has come back to the mean.
    """

    def __init__(self, *, bars: int = 20, enter: float = 2.0, leave: float = 0.25, stop: float = 4.0) -> None:
        if bars <= 1 or not 0.0 <= leave < enter < stop:
            raise ValueError(
                f"a reversion needs bars > 1 and leave < enter < stop, was {bars}, {leave}, {enter}, {stop}"
            )
        self._closes: deque[int] = deque(maxlen=bars)
        self._enter, self._leave, self._stop = enter, leave, stop
        self._wanted, self._is_stopped = 0.0, False

    def apply(self, bar: BarTold) -> float:
        """Take one bar; returns -1, 0 or 1."""
        self._closes.append(bar.close_ticks)
        if len(self._closes) < (self._closes.maxlen or 0):
            return 0.0
        mean = sum(self._closes) / len(self._closes)
        deviation = sqrt(sum((close - mean) ** 2 for close in self._closes) / len(self._closes))
        score = (bar.close_ticks - mean) / deviation if deviation > 0.0 else 0.0
        if abs(score) >= self._stop:
            self._is_stopped, self._wanted = True, 0.0
        elif self._is_stopped:
            self._is_stopped = abs(score) > self._leave
        elif abs(score) >= self._enter:
            self._wanted = -1.0 if score > 0.0 else 1.0
        elif self._wanted * score >= -self._leave:
            self._wanted = 0.0
        return self._wanted
