"""An EMA cross of the mid, long or flat: the example of a strategy, in Python and compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.engine import examples
from bot4.strategy.base import CompiledStrategy, Strategy

if TYPE_CHECKING:
    from bot4._core.engine.python_strategy import Market


class EmaCross(Strategy):
    """Buys where the fast average of the mid is at or above the slow one and nothing is held; sells all where below.

    An average is ``2 / (n + 1)`` of the new mid and the rest of its last value, from the first mid on. It trades one
    instrument and is an example: nothing says that it earns money.

    Parameters
    ----------
    fast, slow : int
        Lengths, 0 < fast < slow; nothing is asked for before `slow` changes of the book.
    lots : int
        Quantity of a buy.
    slippage_ticks : int
        How far beyond the touch an order may fill.

    """

    __slots__ = ("_fast", "_fast_share", "_lots", "_seen", "_slippage", "_slow", "_slow_share", "_warm_up")

    def __init__(self, *, fast: int = 10, slow: int = 20, lots: int, slippage_ticks: int = 0) -> None:
        if not 0 < fast < slow or lots <= 0 or slippage_ticks < 0:
            raise ValueError(
                "an EMA cross needs 0 < fast < slow, lots > 0 and slippage >= 0, "
                f"was {fast}, {slow}, {lots}, {slippage_ticks}"
            )
        self._fast_share, self._slow_share = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0)
        self._warm_up, self._lots, self._slippage = slow, lots, slippage_ticks
        self._fast = self._slow = 0.0
        self._seen = 0

    def on_book(self, market: Market) -> None:
        """Move the averages; take the touch where they crossed."""
        mid = (market.bid_ticks + market.ask_ticks) * 0.5
        self._seen = seen = self._seen + 1
        if seen == 1:
            self._fast = self._slow = mid
            return
        share = self._fast_share
        self._fast = fast = share * mid + (1.0 - share) * self._fast
        share = self._slow_share
        self._slow = slow = share * mid + (1.0 - share) * self._slow
        if seen < self._warm_up:
            return
        held = market.position_lots
        if fast >= slow:
            if held == 0 and market.order_count == 0:
                market.buy(self._lots, market.ask_ticks + self._slippage, tif="ioc")
        elif held > 0 and market.order_count == 0:
            market.sell(held, market.bid_ticks - self._slippage, tif="ioc")


def compiled_ema_cross(*, fast: int = 10, slow: int = 20, lots: int, slippage_ticks: int = 0) -> CompiledStrategy:
    """Return the same strategy compiled; decision for decision equal to `EmaCross`."""
    function, state = examples.ema_cross(fast=fast, slow=slow, lots=lots, slippage_ticks=slippage_ticks)
    return CompiledStrategy(function, state, wants=("book",), name="compiled EmaCross")
