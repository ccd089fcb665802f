"""How much may still be asked: fixed calendar windows as the venue counts them, its own figures over ours.

A part of every window is never used, and a part of the rest is for cancellations alone, so that orders can be taken
back when everything else has to wait. What the venue says in its answers replaces our count; requests that are not
answered yet stay on top of it. A 429 or 418 closes everything until the time it names, cancellations included: a
request then only lengthens the ban.

Source: rest-api.md "LIMITS" (windows begin at :00; weight by IP, orders by account), faqs/order_count_decrement.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

S = 1_000_000_000
_UNITS_S = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
_LETTERS = {"S": "SECOND", "M": "MINUTE", "H": "HOUR", "D": "DAY"}


class Quota(Enum):
    """What a window counts."""

    WEIGHT = "REQUEST_WEIGHT"
    ORDERS = "ORDERS"
    REQUESTS = "RAW_REQUESTS"


class Purpose(Enum):
    """Who asks: cancellations may use the reserve."""

    ORDINARY = "ordinary"
    CANCEL = "cancel"


@dataclass(slots=True)
class Window:
    """One limit: `limit` in every `interval_s` of the calendar. `pending` was sent and is not answered yet."""

    quota: Quota
    interval_s: int
    limit: int
    started_ns: int = -1
    used: int = 0
    pending: int = 0

    def roll(self, now_ns: int) -> None:
        """Begin the window that `now_ns` is in; what is pending may count in the new one."""
        start = now_ns - now_ns % (self.interval_s * S)
        if start != self.started_ns:
            self.started_ns = start
            self.used = 0

    def ends_ns(self) -> int:
        """Return when the next one begins."""
        return self.started_ns + self.interval_s * S


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to send one request; give it back by `RateBudget.settle` when the answer, or none, has come."""

    costs: tuple[tuple[Quota, int], ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """No leave before `retry_after_s`; `is_ban` where the venue itself has closed the door."""

    retry_after_s: float
    why: str
    is_ban: bool = False


@dataclass(slots=True, kw_only=True)
class RateBudget:
    """The windows of one IP and account.

    Parameters
    ----------
    now_ns : callable
        The venue's time; its windows go by its clock.
    usable : float
        Share of each window that may be used at all.
    cancel_reserve : float
        Share of each window, within the usable one, kept for cancellations.

    One thread.

    """

    now_ns: Callable[[], int]
    windows: list[Window] = field(default_factory=list)
    usable: float = 0.8
    cancel_reserve: float = 0.15
    closed_until_ns: int = 0
    is_banned: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.cancel_reserve < self.usable <= 1:
            raise ValueError(f"0 < reserve < usable <= 1, was {self.cancel_reserve} and {self.usable}")

    def set_limits(self, limits: Iterable[Mapping[str, object]]) -> None:
        """Take the ``rateLimits`` of exchangeInfo; counts of windows that stay are kept."""
        fresh = []
        for limit in limits:
            quota = _quota(limit)
            if quota is None:
                continue
            interval_s = _UNITS_S[str(limit["interval"])] * int(str(limit["intervalNum"]))
            old = self._find(quota, interval_s)
            fresh.append(
                Window(
                    quota,
                    interval_s,
                    int(str(limit["limit"])),
                    *((old.started_ns, old.used, old.pending) if old else ()),
                )
            )
        self.windows = fresh

    def try_take(self, costs: Mapping[Quota, int], purpose: Purpose = Purpose.ORDINARY) -> Grant | Refusal:
        """Take what one request costs from every window, or from none."""
        now = self.now_ns()
        if now < self.closed_until_ns:
            why = "banned by the venue" if self.is_banned else "the venue asked to wait"
            return Refusal((self.closed_until_ns - now) / S, why, is_ban=self.is_banned)
        self.is_banned = False
        share = self.usable if purpose is Purpose.CANCEL else self.usable - self.cancel_reserve
        for window in self.windows:
            cost = costs.get(window.quota, 0)
            window.roll(now)
            if cost and window.used + window.pending + cost > int(window.limit * share):
                why = f"{window.used + window.pending} of {window.limit} {window.quota.value} used"
                return Refusal((window.ends_ns() - now) / S, f"{why} in {window.interval_s} s")
        for window in self.windows:
            window.pending += costs.get(window.quota, 0)
        return Grant(tuple(costs.items()))

    def settle(self, grant: Grant, *, counts: bool = True) -> None:
        """Give a grant back once its request was answered or is given up: what it cost is no longer pending.

        `counts` False: it was not written after all. The venue's figures, where the answer has them, come after this.
        """
        now = self.now_ns()
        for quota, cost in grant.costs:
            for window in self.windows:
                if window.quota is quota:
                    window.roll(now)
                    window.pending -= cost
                    window.used += cost if counts else 0

    def note_headers(self, headers: Mapping[str, str]) -> None:
        """Take the ``X-MBX-USED-WEIGHT-1M`` and ``X-MBX-ORDER-COUNT-10S`` of a REST answer."""
        for name, value in headers.items():
            upper = name.upper()
            if upper.startswith("X-MBX-USED-WEIGHT-"):
                self._note(Quota.WEIGHT, upper.rpartition("-")[2], value)
            elif upper.startswith("X-MBX-ORDER-COUNT-"):
                self._note(Quota.ORDERS, upper.rpartition("-")[2], value)

    def note_limits(self, limits: Iterable[Mapping[str, object]]) -> None:
        """Take the ``rateLimits`` of a WebSocket API answer: limits and counts."""
        for limit in limits:
            quota = _quota(limit)
            if quota is None or "count" not in limit:
                continue
            window = self._find(quota, _UNITS_S[str(limit["interval"])] * int(str(limit["intervalNum"])))
            if window is not None:
                window.limit = int(str(limit["limit"]))
                self._set(window, int(str(limit["count"])))

    def close_until(self, until_ns: int, *, is_ban: bool) -> None:
        """Refuse everything until then: a 429 or a 418 named that time."""
        if until_ns >= self.closed_until_ns:
            self.closed_until_ns = until_ns
            self.is_banned = is_ban

    def _note(self, quota: Quota, suffix: str, value: str) -> None:
        unit = _LETTERS.get(suffix[-1:])
        if unit is None or not suffix[:-1].isdigit() or not value.isdigit():
            return
        window = self._find(quota, _UNITS_S[unit] * int(suffix[:-1]))
        if window is not None:
            self._set(window, int(value))

    def _set(self, window: Window, used: int) -> None:
        window.roll(self.now_ns())
        window.used = used

    def _find(self, quota: Quota, interval_s: int) -> Window | None:
        return next((w for w in self.windows if w.quota is quota and w.interval_s == interval_s), None)


def _quota(limit: Mapping[str, object]) -> Quota | None:
    try:
        return Quota(str(limit.get("rateLimitType")))
    except ValueError:
        return None  # a kind of limit that is new to us constrains nothing we know how to count
