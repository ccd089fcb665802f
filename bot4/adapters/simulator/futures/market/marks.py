"""Index price, mark price and funding of one contract.

There is no other exchange here that an index could be taken from: the index is the contract's own middle price,
smoothed (`INDEX_HALF_LIFE_S`). From there on it is the venue's arithmetic: the mark price is the median of index x (1 +
funding rate x share of the interval that is left), of index + the mean of the last thirty seconds' basis, and of the
last price. A fault may shift both in the end.

Source: the venue's pages on mark price and funding rate (2025-09-18).
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from bot4.adapters.simulator.wire.decimals import UNIT

INDEX_HALF_LIFE_S = 60.0
BASIS_SECONDS = 30
INTEREST_E8 = 10_000  # 0.01 % in eight hours
_CLAMP_E8 = 50_000  # 0.05 %
CAP_E8 = 2_000_000  # 2 %
_EIGHT_HOURS_NS = 8 * 3_600_000_000_000
SECOND_NS = 1_000_000_000
FUNDINGS_MAX = 1_000
_BPS = 10_000


class Funding(NamedTuple):
    """One settlement of funding: time (nanoseconds UTC), rate and mark price in hundred-millionths."""

    at_ns: int
    rate: int
    mark: int


class Marks:
    """Prices of one contract beside the traded one; hundred-millionths. Belongs to the event loop's thread.

    Parameters
    ----------
    first_price : int
        Where the index begins.
    now_ns : int
    grid : int
        Mark prices are multiples of it.
    interval_ns : int
        Between two settlements of funding, which come at its multiples since 1970.

    """

    def __init__(self, first_price: int, now_ns: int, *, grid: int, interval_ns: int) -> None:
        self._grid = grid
        self.interval_ns = interval_ns
        self.index = first_price
        self.mark = first_price
        self.shift_bps = 0
        self.next_funding_ns = (now_ns // interval_ns + 1) * interval_ns
        self.fundings: deque[Funding] = deque(maxlen=FUNDINGS_MAX)
        self._smooth = float(first_price)
        self._basis: deque[int] = deque(maxlen=BASIS_SECONDS)
        self._premium_sum = 0
        self._premiums = 0
        self._second = now_ns // SECOND_NS

    @property
    def rate(self) -> int:
        """The funding rate as it would be settled now, hundred-millionths of the notional."""
        premium = self._premium_sum // self._premiums if self._premiums else 0
        clamped = max(-_CLAMP_E8, min(_CLAMP_E8, INTEREST_E8 - premium))
        rate = (premium + clamped) * self.interval_ns // _EIGHT_HOURS_NS
        return max(-CAP_E8, min(CAP_E8, rate))

    def advance(self, now_ns: int, bid: int, ask: int, last: int) -> bool:
        """Move on to now; true where a second began, in which the prices are new.

        Parameters
        ----------
        now_ns : int
            Server time.
        bid, ask : int
            The best prices; 0 where a side is empty.
        last : int
            The last traded one.

        """
        second = now_ns // SECOND_NS
        if second <= self._second:
            return False
        elapsed_s, self._second = second - self._second, second
        middle = (bid + ask) // 2 if bid and ask else last
        self._smooth += (middle - self._smooth) * (1.0 - 0.5 ** (elapsed_s / INDEX_HALF_LIFE_S))
        index = round(self._smooth)
        self._basis.append(middle - index)
        self._premium_sum += (middle - index) * UNIT // index
        self._premiums += 1
        left_ns = max(0, self.next_funding_ns - now_ns)
        by_rate = index + index * self.rate // UNIT * left_ns // self.interval_ns
        by_basis = index + sum(self._basis) // len(self._basis)
        self.index = self._shifted(index)
        self.mark = max(self._grid, self._shifted(sorted((by_rate, by_basis, last))[1]) // self._grid * self._grid)
        return True

    def _shifted(self, price: int) -> int:
        return price * (_BPS + self.shift_bps) // _BPS

    def settle(self, now_ns: int) -> int | None:
        """Return the rate that is settled when it is due, and begin the next interval; else None."""
        if now_ns < self.next_funding_ns:
            return None
        rate = self.rate
        self.fundings.append(Funding(self.next_funding_ns, rate, self.mark))
        self.next_funding_ns = (now_ns // self.interval_ns + 1) * self.interval_ns
        self._premium_sum = self._premiums = 0
        return rate
