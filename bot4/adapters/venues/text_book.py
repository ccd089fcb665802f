"""A book that keeps a venue's own decimal texts: what its checksum is computed over.

Off the hot path: plain Python, exact Decimal order. The compiled `OrderBook` is for trading.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from decimal import Decimal

_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")
_TEXT_MAX = 40  # a longer decimal is garbage


class TextSide:
    """One side: prices in order and the texts of each level. The best is the lowest key (bids hold negative keys)."""

    def __init__(self, *, is_bid: bool) -> None:
        self._sign = -1 if is_bid else 1
        self._keys: list[Decimal] = []
        self._texts: dict[Decimal, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def set(self, price: str, qty: str) -> None:
        """Set a level; a quantity of 0 removes it, known or not."""
        key = self._sign * exact(price)
        if exact(qty) == 0:
            if self._texts.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
        else:
            if key not in self._texts:
                insort(self._keys, key)
            self._texts[key] = (price, qty)

    def keep_best(self, count: int) -> list[str]:
        """Drop every level beyond the `count` best; returns their prices."""
        gone = [self._texts.pop(key)[0] for key in self._keys[count:]]
        del self._keys[count:]
        return gone

    def best(self) -> Decimal | None:
        """Return the best price."""
        return self._sign * self._keys[0] if self._keys else None

    def top(self, count: int) -> list[tuple[str, str]]:
        """Return the texts of the first `count` levels, best first."""
        return [self._texts[key] for key in self._keys[:count]]


class TextBook:
    """Both sides of one instrument."""

    def __init__(self) -> None:
        self.bids = TextSide(is_bid=True)
        self.asks = TextSide(is_bid=False)

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid >= ask


def exact(text: str) -> Decimal:
    """Return a plain non-negative decimal text as a Decimal; raises ValueError for anything else."""
    if not isinstance(text, str) or len(text) > _TEXT_MAX or not _PLAIN.fullmatch(text):
        raise ValueError(f"not a plain decimal: {str(text)[:_TEXT_MAX]!r}")
    return Decimal(text)
