"""What things are worth, as the background market sees it: seeded random walks, consistent across markets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from bot4.adapters.simulator.symbols import Symbol

_SECONDS_A_YEAR = 365 * 86_400
VOLATILITY_ANNUAL = 0.6
_PULL_PER_S = 1e-6  # back to where it began: a walk that lasts for weeks stays in the world


class FairPrices:
    """Worth of each asset in one unit that no market trades; a market's price is the ratio of two.

    Parameters
    ----------
    symbols : sequence of Symbol
        Those that share assets must agree in their first prices up to the noise of a walk.
    random : Random
        Seeded.

    """

    def __init__(self, symbols: Sequence[Symbol], random: Random) -> None:
        self._random = random
        self._worth: dict[str, float] = {}
        for symbol in symbols:
            quote = self._worth.setdefault(symbol.quote, 0.0)
            self._worth.setdefault(symbol.base, quote + math.log(symbol.first_price / 1e8))
        self._first = dict(self._worth)
        self._walks = [asset for asset in self._worth if asset not in {"USDT", "USDC", "USD"}]

    def advance(self, seconds: float) -> None:
        """Walk on."""
        sigma = VOLATILITY_ANNUAL * math.sqrt(seconds / _SECONDS_A_YEAR)
        for asset in self._walks:
            pull = (self._first[asset] - self._worth[asset]) * min(1.0, _PULL_PER_S * seconds)
            self._worth[asset] += pull + sigma * self._random.gauss(0.0, 1.0)

    def ticks(self, symbol: Symbol) -> float:
        """Return a market's price in its ticks."""
        return math.exp(self._worth[symbol.base] - self._worth[symbol.quote]) * 1e8 / symbol.tick
