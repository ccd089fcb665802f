"""Orders of an account, counted by calendar window.

On the spot market each accepted order adds one (each leg of a list one), and what is filled for the first time takes
off: one as a taker, more as a maker; cancelled and expired orders stay counted. The futures count every order, filled
or not.

Source: binance-spot-api-docs faqs/order_count_decrement.md (2026-07-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.wire.errors import ApiError, refusal

if TYPE_CHECKING:
    from bot4.adapters.simulator.wire.limits import OrderWindow


class OrderBudget:
    """Counters of one account. Not thread-safe.

    Parameters
    ----------
    windows : tuple of OrderWindow
        The shortest first.
    maker_credit, taker_credit : int
        What an order's first fill takes off.

    """

    __slots__ = ("_credits", "_starts", "counts", "windows")

    def __init__(self, windows: tuple[OrderWindow, ...], *, maker_credit: int = 0, taker_credit: int = 0) -> None:
        self.windows = windows
        self.counts = [0] * len(windows)
        self._starts = [-1] * len(windows)
        self._credits = (taker_credit, maker_credit)

    def roll(self, now_ns: int) -> None:
        """Begin the windows of now."""
        for index, window in enumerate(self.windows):
            start = now_ns // window.length_ns
            if start != self._starts[index]:
                self._starts[index], self.counts[index] = start, 0

    def check(self, orders: int, now_ns: int) -> None:
        """Refuse orders that would not fit; nothing is counted.

        Raises
        ------
        ApiError
            -1015 with status 429.

        """
        self.roll(now_ns)
        for window, count in reversed([*zip(self.windows, self.counts, strict=True)]):
            if count + orders > window.limit:
                raise _exceeded(window, now_ns)

    def add(self, orders: int, now_ns: int) -> None:
        """Count accepted orders."""
        self.roll(now_ns)
        self.counts = [count + orders for count in self.counts]

    def filled(self, *, is_maker: bool, now_ns: int) -> None:
        """Take off for the first fill of an order."""
        self.roll(now_ns)
        self.counts = [max(0, count - self._credits[is_maker]) for count in self.counts]

    def to_rate_limits(self, now_ns: int) -> list[dict[str, Any]]:
        """Return the counters as ``GET /api/v3/rateLimit/order`` shows them."""
        self.roll(now_ns)
        return [window.to_rate_limit(count) for window, count in zip(self.windows, self.counts, strict=True)]

    def to_headers(self) -> dict[str, str]:
        """Return the counters as answers carry them."""
        return {
            f"X-MBX-ORDER-COUNT-{window.name}": str(count)
            for window, count in zip(self.windows, self.counts, strict=True)
        }


def _exceeded(window: OrderWindow, now_ns: int) -> ApiError:
    until_ns = (now_ns // window.length_ns + 1) * window.length_ns
    error = refusal(-1015, window.limit, f"{window.number} {window.interval}")
    error.data = {"serverTime": now_ns // 1_000_000, "retryAfter": until_ns // 1_000_000}
    error.retry_after_s = -(-(until_ns - now_ns) // 1_000_000_000)
    return error
