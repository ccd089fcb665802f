"""What each address has asked so far: weight and requests by calendar window, refusals, bans.

A window is a piece of the calendar, not of the client's past: a minute begins at :00, ten seconds at :00, :10 and so
on, a day at 00:00 UTC.

Source: binance-spot-api-docs rest-api.md (2026-07-21), "IP Limits".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot4.adapters.simulator.wire.errors import ApiError, refusal

if TYPE_CHECKING:
    from bot4.adapters.simulator.wire.limits import Limits

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
FIVE_MINUTES_NS = 5 * MINUTE_NS
ADDRESSES_MAX = 10_000

_ADVICE = "Please use WebSocket Streams for live updates to avoid polling the API."
_BAN_ADVICE = "Please use WebSocket Streams for live updates to avoid bans."


@dataclass(slots=True)
class AddressUse:
    """Counters of one address."""

    minute: int = -1
    weight: int = 0
    refused: int = 0
    five_minutes: int = -1
    requests: int = 0
    connections: int = 0
    bans: int = 0
    banned_until_ns: int = 0


class RequestBudget:
    """Budgets of all addresses.

    Parameters
    ----------
    limits : Limits

    At most `ADDRESSES_MAX` addresses are remembered; the one that has been there longest is forgotten first, banned
    ones excepted. Not thread-safe.

    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._uses: dict[str, AddressUse] = {}

    def use_of(self, address: str, now_ns: int) -> AddressUse:
        """Return the counters of an address, in the windows of now."""
        use = self._uses.get(address)
        if use is None:
            if len(self._uses) >= ADDRESSES_MAX:
                self._forget(now_ns)
            use = self._uses[address] = AddressUse()
        minute = now_ns // MINUTE_NS
        if minute != use.minute:
            use.minute, use.weight, use.refused = minute, 0, 0
        five_minutes = now_ns // FIVE_MINUTES_NS
        if five_minutes != use.five_minutes:
            use.five_minutes, use.requests, use.connections = five_minutes, 0, 0
        return use

    def charge(self, address: str, weight: int, now_ns: int) -> AddressUse:
        """Take the weight of a request, or refuse it.

        Raises
        ------
        ApiError
            429 the window is used up; 418 the address is banned.

        """
        use = self.use_of(address, now_ns)
        if now_ns < use.banned_until_ns:
            raise banned(now_ns, use.banned_until_ns)
        use.requests += 1
        use.weight += weight
        if use.weight > self._limits.weight_per_minute:
            raise self._exceeded(use, now_ns, f"{self._limits.weight_per_minute} request weight per 1 MINUTE", "weight")
        if use.requests > self._limits.raw_requests_per_5_minutes:
            raise self._exceeded(
                use, now_ns, f"{self._limits.raw_requests_per_5_minutes} raw requests per 5 MINUTE", "requests"
            )
        return use

    def charge_connection(self, address: str, weight: int, now_ns: int) -> None:
        """Take a new socket, or refuse it.

        Raises
        ------
        ApiError
            429 too many in the window; 418 the address is banned.

        """
        use = self.charge(address, weight, now_ns)
        use.connections += 1
        if use.connections > self._limits.connections_per_5_minutes:
            raise refusal(-1034, self._limits.connections_per_5_minutes, "5 MINUTE")

    def give_back(self, address: str, weight: int, now_ns: int) -> AddressUse:
        """Return the weight of a request that turned out to cost nothing."""
        use = self.use_of(address, now_ns)
        use.weight = max(0, use.weight - weight)
        return use

    def _exceeded(self, use: AddressUse, now_ns: int, what: str, kind: str) -> ApiError:
        use.refused += 1
        if use.refused > self._limits.refusals_before_ban:
            use.refused = 0
            seconds = min(self._limits.first_ban_s << min(use.bans, 32), self._limits.longest_ban_s)
            use.bans += 1
            use.banned_until_ns = now_ns + seconds * SECOND_NS
            return banned(now_ns, use.banned_until_ns)
        window_ns = MINUTE_NS if kind == "weight" else FIVE_MINUTES_NS
        return too_much(f"current limit is {what}", now_ns, (now_ns // window_ns + 1) * window_ns)

    def _forget(self, now_ns: int) -> None:
        oldest = next((name for name, use in self._uses.items() if use.banned_until_ns <= now_ns), None)
        self._uses.pop(next(iter(self._uses)) if oldest is None else oldest)


def too_much(why: str, now_ns: int, until_ns: int) -> ApiError:
    """Return the refusal of a request over the limit, which may be tried again at a time."""
    return _wait(429, f"Too much request weight used; {why}. {_ADVICE}", now_ns, until_ns)


def banned(now_ns: int, until_ns: int) -> ApiError:
    """Return the refusal of a banned address."""
    text = f"Way too much request weight used; IP banned until {until_ns // 1_000_000}. {_BAN_ADVICE}"
    return _wait(418, text, now_ns, until_ns)


def _wait(status: int, text: str, now_ns: int, until_ns: int) -> ApiError:
    data = {"serverTime": now_ns // 1_000_000, "retryAfter": until_ns // 1_000_000}
    return ApiError(-1003, text, status, data=data, retry_after_s=-(-(until_ns - now_ns) // SECOND_NS))
