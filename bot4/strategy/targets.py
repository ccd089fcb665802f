"""A strategy that steers towards a wanted position: one signal, or several shared out by market regime."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from bot4._core.brain.blend import REGIME_NAMES
from bot4._core.brain.study import RegimeMeter
from bot4.strategy.base import Strategy, take

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot4._core.engine.python_strategy import BarTold, Market
    from bot4.strategy.signals import Signal

#: Memory and thresholds of the regime, in bars; the defaults of the section `regime`.
REGIME_RULES = {
    "trend_alpha": 2 / 51, "fast_alpha": 2 / 21, "slow_alpha": 2 / 201, "trend_enter": 1.5, "trend_exit": 0.75,
    "crisis_enter": 2.0, "crisis_exit": 1.5, "warm_up_bars": 50, "hidden_min": 0.7,
}  # fmt: skip


class Steered(Strategy):
    """Holds the position that its signals want; one instrument.

    Parameters
    ----------
    signals : mapping of str to Signal
    lots : int
        Position of a wanted 1.
    allocation : mapping of str to mapping of str to float, optional
        By regime (``bull``, ``bear``, ``sideways``, ``crisis``): the share of each signal. Without it all count the
        same in every regime.
    slippage_ticks : int
        How far beyond the touch an order may fill.
    short : bool
        Whether a wanted position below 0 is taken; without it, it is flat.
    change_min : float
        Share of `lots` by which the wanted position must differ from what is held.

    A bar is answered at the next change of the book: a close is traded on after it is known.

    """

    def __init__(
        self,
        signals: Mapping[str, Signal],
        *,
        lots: int,
        allocation: Mapping[str, Mapping[str, float]] | None = None,
        slippage_ticks: int = 0,
        short: bool = False,
        change_min: float = 0.1,
    ) -> None:
        if not signals or lots <= 0 or slippage_ticks < 0:
            raise ValueError(f"a steered strategy needs signals and lots > 0, was given {list(signals)} and {lots}")
        if allocation is not None and sorted(allocation) != sorted(REGIME_NAMES):
            raise ValueError(f"an allocation is by {', '.join(REGIME_NAMES)}, was by {', '.join(allocation)}")
        equal = dict.fromkeys(signals, 1.0 / len(signals))
        self._signals, self._lots, self._slippage = dict(signals), lots, slippage_ticks
        self._allocation = allocation or dict.fromkeys(REGIME_NAMES, equal)
        self._short, self._least = short, max(1, round(change_min * lots))
        self._meter = RegimeMeter(REGIME_RULES)
        self._last_close, self._wanted = 0, 0.0
        self._shares: dict[str, float] = {}
        self._earned = dict.fromkeys(signals, 0.0)

    def parts(self) -> Mapping[str, float]:
        """Return what each signal's share of the wanted position earned from close to close, ticks times lots.

        Before costs, and as if every wanted position had been held at once: what is missing from the profit is what
        trading took.
        """
        return self._earned

    def on_bar(self, market: Market, bar: BarTold) -> None:
        """Ask every signal; share them out by the regime that the bar leaves."""
        del market
        for name, share in self._shares.items():
            self._earned[name] += share * self._lots * (bar.close_ticks - self._last_close)
        regime = self._meter.apply(log(bar.close_ticks / self._last_close) if self._last_close else 0.0)
        self._last_close = bar.close_ticks
        wanted = {name: signal.apply(bar) for name, signal in self._signals.items()}
        shares = self._allocation["sideways" if regime < 0 else REGIME_NAMES[regime]]
        self._shares = {name: shares.get(name, 0.0) * value for name, value in wanted.items()}
        self._wanted = sum(self._shares.values())
        if self._wanted < 0.0 and not self._short:
            self._shares = {}

    def on_book(self, market: Market) -> None:
        """Steer towards what is wanted, one order at a time."""
        if market.order_count:
            return
        wanted = round((self._wanted if self._short else max(0.0, self._wanted)) * self._lots)
        change = wanted - market.position_lots
        if abs(change) < self._least and not (wanted == 0 and market.position_lots):
            return
        take(market, change, self._slippage)
