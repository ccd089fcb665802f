"""A market maker that keeps post-only orders on a grid around the mid: the example with a timer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.engine import examples
from bot4.strategy.base import CompiledStrategy, Strategy

if TYPE_CHECKING:
    from bot4._core.engine.python_strategy import Market, OrderSeen

_INTERVAL_NS = 100_000_000


class Grid(Strategy):
    """Keeps `levels` bids and asks, `interval_ticks` apart, the first `half_spread_ticks` from the mid.

    No order is better than the best price of its side. A side is left out while the position is at its bound. Orders
    off the grid are cancelled. It is an example: nothing says that it earns money.

    Parameters
    ----------
    levels : int
        Of each side, 1 to 32.
    interval_ticks, half_spread_ticks : int
    lots : int
        Quantity of each order.
    position_max_lots : int
        Bound of the position, long and short.
    align_ticks : int
        The first level of a side lies on a multiple of it, outwards: orders keep their places while the mid
        moves little.
    timer_interval_ns : int
        Time between two looks.

    """

    def __init__(
        self,
        *,
        levels: int = 10,
        interval_ticks: int,
        half_spread_ticks: int,
        lots: int,
        position_max_lots: int,
        align_ticks: int = 1,
        timer_interval_ns: int = _INTERVAL_NS,
    ) -> None:
        self._levels, self._interval, self._half = levels, interval_ticks, half_spread_ticks
        self._lots, self._bound, self._align = lots, position_max_lots, align_ticks
        self.timer_interval_ns = timer_interval_ns

    def on_timer(self, market: Market) -> None:
        """Cancel what is off the grid, ask for what is missing on it."""
        bid, ask, step, align = market.bid_ticks, market.ask_ticks, self._interval, self._align
        if bid == 0 or ask == 0 or market.pending:
            return
        mid = (bid + ask) // 2
        bid = min(mid - self._half, bid) // align * align
        ask = -(-max(mid + self._half, ask) // align * align)
        position = market.position_lots
        bids = range(bid, bid - self._levels * step, -step) if position < self._bound else range(0)
        asks = range(ask, ask + self._levels * step, step) if position > -self._bound else range(0)
        orders = [order for order in market.orders if not order.cancel_pending]
        self._quote(market, [order for order in orders if order.is_buy], bids, is_buy=True)
        self._quote(market, [order for order in orders if not order.is_buy], asks, is_buy=False)

    def _quote(self, market: Market, orders: list[OrderSeen], prices: range, *, is_buy: bool) -> None:
        for order in orders:
            if order.price_ticks not in prices:
                market.cancel(order.order_id)
        held = {order.price_ticks for order in orders}
        place = market.buy if is_buy else market.sell
        for price_ticks in prices:
            if price_ticks not in held:
                place(self._lots, price_ticks, post_only=True)


def compiled_grid(
    *,
    levels: int = 10,
    interval_ticks: int,
    half_spread_ticks: int,
    lots: int,
    position_max_lots: int,
    align_ticks: int = 1,
    timer_interval_ns: int = _INTERVAL_NS,
) -> CompiledStrategy:
    """Return the same strategy compiled; decision for decision equal to `Grid`."""
    function, state = examples.grid(
        levels=levels,
        interval_ticks=interval_ticks,
        half_spread_ticks=half_spread_ticks,
        lots=lots,
        position_max_lots=position_max_lots,
        align_ticks=align_ticks,
    )
    return CompiledStrategy(
        function, state, wants=("timer",), timer_interval_ns=timer_interval_ns, name="compiled Grid"
    )
