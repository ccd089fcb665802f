"""Unfilled orders of an account, by calendar window.

Each accepted order adds one (each leg of a list one). What is filled for the first time takes off: one as a taker,
more as a maker. Cancelled and expired orders stay counted.

Source: binance-spot-api-docs faqs/order_count_decrement.md (2026-07-21).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.wire.errors import ApiError, refusal

if TYPE_CHECKING:
    from bot4.adapters.simulator.wire.limits import Limits

_TEN_SECONDS_NS = 10_000_000_000
_DAY_NS = 86_400_000_000_000


class OrderBudget:
    """Counters of one account. Not thread-safe.

    Parameters
    ----------
    limits : Limits

    """

    __slots__ = ("_day", "_limits", "_ten_seconds", "in_day", "in_ten_seconds")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ten_seconds = -1
        self._day = -1
        self.in_ten_seconds = 0
        self.in_day = 0

    def roll(self, now_ns: int) -> None:
        """Begin the windows of now."""
        ten_seconds, day = now_ns // _TEN_SECONDS_NS, now_ns // _DAY_NS
        if ten_seconds != self._ten_seconds:
            self._ten_seconds, self.in_ten_seconds = ten_seconds, 0
        if day != self._day:
            self._day, self.in_day = day, 0

    def check(self, orders: int, now_ns: int) -> None:
        """Refuse orders that would not fit; nothing is counted.

        Raises
        ------
        ApiError
            -1015 with status 429.

        """
        self.roll(now_ns)
        if self.in_day + orders > self._limits.orders_per_day:
            raise self._exceeded(self._limits.orders_per_day, "1 DAY", _DAY_NS, now_ns)
        if self.in_ten_seconds + orders > self._limits.orders_per_10_seconds:
            raise self._exceeded(self._limits.orders_per_10_seconds, "10 SECOND", _TEN_SECONDS_NS, now_ns)

    def add(self, orders: int, now_ns: int) -> None:
        """Count accepted orders."""
        self.roll(now_ns)
        self.in_day += orders
        self.in_ten_seconds += orders

    def filled(self, *, is_maker: bool, now_ns: int) -> None:
        """Take off for the first fill of an order."""
        self.roll(now_ns)
        credit = self._limits.maker_fill_credit if is_maker else 1
        self.in_day = max(0, self.in_day - credit)
        self.in_ten_seconds = max(0, self.in_ten_seconds - credit)

    def to_rate_limits(self, now_ns: int) -> list[dict[str, Any]]:
        """Return the counters as ``GET /api/v3/rateLimit/order`` shows them."""
        self.roll(now_ns)
        return [
            {
                "rateLimitType": "ORDERS",
                "interval": "SECOND",
                "intervalNum": 10,
                "limit": self._limits.orders_per_10_seconds,
                "count": self.in_ten_seconds,
            },
            {
                "rateLimitType": "ORDERS",
                "interval": "DAY",
                "intervalNum": 1,
                "limit": self._limits.orders_per_day,
                "count": self.in_day,
            },
        ]

    @staticmethod
    def _exceeded(limit: int, window: str, window_ns: int, now_ns: int) -> ApiError:
        until_ns = (now_ns // window_ns + 1) * window_ns
        error = refusal(-1015, limit, window)
        error.data = {"serverTime": now_ns // 1_000_000, "retryAfter": until_ns // 1_000_000}
        error.retry_after_s = -(-(until_ns - now_ns) // 1_000_000_000)
        return error
