"""Statistical arbitrage on a cointegrated pair: sell what is dear, buy what is cheap, until they meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.strategy.base import Strategy, take

if TYPE_CHECKING:
    from bot4._core.engine.python_strategy import Market
    from bot4.quant.cointegration import PairModel


class Pairs(Strategy):
    """Trades the spread of two instruments of one shard, fitted before (`bot4.quant.cointegration.fit_pair`).

    Parameters
    ----------
    model : PairModel
        Of `first` on `second`, in the prices below.
    first, second : str
        Symbols.
    first_tick, second_tick : float
        Prices of a tick, in the units of the fit.
    first_lots, second_lots : int
        Legs at one unit of the spread, sized by the caller so that the second is worth hedge ratio times the first.
    enter, leave, stop : float
        Deviations of the spread: in, out, and out for good until it has come back to `leave`.
    slippage_ticks : int

    The legs are separate orders: between the two fills one is open alone. A pair whose relation broke loses until
    `stop`.

    """

    def __init__(
        self,
        model: PairModel,
        *,
        first: str,
        second: str,
        first_tick: float,
        second_tick: float,
        first_lots: int,
        second_lots: int,
        enter: float = 2.0,
        leave: float = 0.5,
        stop: float = 4.0,
        slippage_ticks: int = 0,
    ) -> None:
        if not 0.0 <= leave < enter < stop or min(first_lots, second_lots) <= 0:
            raise ValueError(
                f"a pair needs leave < enter < stop and legs above 0, was {leave}, {enter}, {stop}, "
                f"{first_lots}, {second_lots}"
            )
        self._model = model
        self._ticks = {first: first_tick, second: second_tick}
        self._lots = {first: first_lots, second: -second_lots if model.hedge_ratio > 0.0 else second_lots}
        self._first, self._second = first, second
        self._enter, self._leave, self._stop, self._slippage = enter, leave, stop, slippage_ticks
        self._prices: dict[str, float] = {}
        self._wanted, self._is_stopped = 0, False

    def on_book(self, market: Market) -> None:
        """Move this leg's price, look at the spread, steer this leg."""
        symbol = market.symbol
        self._prices[symbol] = (market.bid_ticks + market.ask_ticks) / 2.0 * self._ticks[symbol]
        if len(self._prices) == 2:  # noqa: PLR2004 - both legs are known
            self._look(self._model.score(self._prices[self._first], self._prices[self._second]))
        if market.order_count:
            return
        change = self._wanted * self._lots[symbol] - market.position_lots
        take(market, change, self._slippage)

    def _look(self, score: float) -> None:
        if abs(score) >= self._stop:
            self._is_stopped, self._wanted = True, 0
        elif abs(score) <= self._leave:
            self._is_stopped, self._wanted = False, 0
        elif abs(score) >= self._enter and not self._is_stopped:
            self._wanted = -1 if score > 0.0 else 1
