"""Market making by inventory: quotes around a reservation price that leans away from what is held."""

from __future__ import annotations

from math import ceil, floor, log1p, sqrt
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from bot4.strategy.base import Strategy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4._core.engine.python_strategy import Market

Number = TypeVar("Number", float, "NDArray[np.float64]")


def reservation_offset(inventory: Number, risk_aversion: float, variance_left: float) -> Number:
    """Return how far the price at which one is indifferent lies from the mid: ``-q gamma sigma^2 (T - t)``.

    Source: Avellaneda and Stoikov (2008), High-frequency Trading in a Limit Order Book, eq. 29.
    """
    return -inventory * risk_aversion * variance_left


def optimal_spread(risk_aversion: float, variance_left: float, decay: float) -> float:
    """Return the distance from bid to ask: ``gamma sigma^2 (T - t) + 2 / gamma ln(1 + gamma / k)``.

    Parameters
    ----------
    risk_aversion : float
        gamma, per unit of price and quantity.
    variance_left : float
        sigma^2 (T - t), price squared.
    decay : float
        k: an order at a distance d is hit at the rate ``A exp(-k d)``.

    Source: the same, eq. 30.

    """
    return risk_aversion * variance_left + 2.0 / risk_aversion * log1p(risk_aversion / decay)


class Outcome(NamedTuple):
    """Final profit and inventory of each simulated run, and the mean spread quoted."""

    profit: NDArray[np.float64]
    inventory: NDArray[np.float64]
    spread: float


def simulate(
    runs: int,
    *,
    seed: int,
    is_symmetric: bool = False,
    risk_aversion: float = 0.1,
    decay: float = 1.5,
    rate: float = 140.0,
    price: float = 100.0,
    deviation: float = 2.0,
    horizon: float = 1.0,
    step: float = 0.005,
) -> Outcome:
    """Play the paper's section 3.3: a mid of binomial steps, orders hit with probability ``A exp(-k d) dt``.

    The symmetric maker quotes the same spreads around the mid. Profit is cash plus inventory at the
    last mid.
    """
    dice = np.random.Generator(np.random.Philox(seed))
    steps = round(horizon / step)
    mid, cash, held = np.full(runs, price), np.zeros(runs), np.zeros(runs)
    spreads = [optimal_spread(risk_aversion, deviation**2 * (horizon - index * step), decay) for index in range(steps)]
    for index in range(steps):
        left = deviation**2 * (horizon - index * step)
        offset = np.zeros(runs) if is_symmetric else reservation_offset(held, risk_aversion, left)
        half = spreads[index] / 2.0
        hits = dice.random((2, runs))
        sold = hits[0] < rate * np.exp(-decay * (half + offset)) * step
        bought = hits[1] < rate * np.exp(-decay * (half - offset)) * step
        cash += sold * (mid + offset + half) - bought * (mid + offset - half)
        held += bought.astype(float) - sold
        mid = mid + deviation * sqrt(step) * np.where(dice.random(runs) < 0.5, 1.0, -1.0)  # noqa: PLR2004 - a coin
    return Outcome(cash + held * mid, held, float(np.mean(spreads)))


class AvellanedaStoikov(Strategy):
    """Keeps one post-only bid and ask at the model's prices, anew at each timer.

    The variance of the mid is an exponentially weighted mean of squared changes between timers; the horizon rolls: at
    each timer there is `horizon_s` left. Prices are rounded away from the mid, onto the venue's steps, and never cross
    the touch; a side is left out while the position is at its bound. Fees are not in the model: they belong in
    `least_half_spread_ticks`.

    Parameters
    ----------
    lots : int
        Quantity of each quote, the model's unit of inventory.
    position_max_lots : int
    risk_aversion : float
        gamma, per tick and unit.
    decay_per_tick : float
        k of the arrival rate.
    horizon_s, memory : float, int
        Seconds ahead; timers that the variance looks back on.
    least_half_spread_ticks : int
    timer_interval_ns : int

    """

    def __init__(
        self,
        *,
        lots: int,
        position_max_lots: int,
        risk_aversion: float,
        decay_per_tick: float,
        horizon_s: float = 60.0,
        memory: int = 600,
        least_half_spread_ticks: int = 0,
        timer_interval_ns: int = 100_000_000,
    ) -> None:
        if min(lots, position_max_lots, memory, timer_interval_ns) <= 0 or min(risk_aversion, decay_per_tick) <= 0.0:
            raise ValueError(
                "a market maker needs positive lots, bound, memory, timer, risk aversion and decay, was "
                f"{lots}, {position_max_lots}, {memory}, {timer_interval_ns}, {risk_aversion}, {decay_per_tick}"
            )
        self._lots, self._bound = lots, position_max_lots
        self._gamma, self._decay, self._horizon_s = risk_aversion, decay_per_tick, horizon_s
        self._share, self._memory, self._least = 1.0 / memory, memory, least_half_spread_ticks
        self._mid, self._variance, self._seen = 0.0, 0.0, 0
        self.timer_interval_ns = timer_interval_ns

    def on_timer(self, market: Market) -> None:
        """Move the variance, then the quotes."""
        if market.bid_ticks == 0 or market.ask_ticks == 0:
            return
        mid = (market.bid_ticks + market.ask_ticks) / 2.0
        change, self._mid = mid - self._mid if self._seen else 0.0, mid
        self._seen += 1
        self._variance += self._share * (change * change - self._variance)
        if self._seen <= self._memory // 2 or market.pending:
            return
        left = self._variance / (self.timer_interval_ns * 1e-9) * self._horizon_s
        offset = reservation_offset(market.position_lots / self._lots, self._gamma, left)
        half = max(optimal_spread(self._gamma, left, self._decay) / 2.0, float(self._least))
        step = market.instrument.ticks_per_step
        bid = min(floor(mid + offset - half), market.ask_ticks - 1) // step * step
        ask = -(-max(ceil(mid + offset + half), market.bid_ticks + 1) // step * step)
        self._quote(market, bid if market.position_lots < self._bound else 0, is_buy=True)
        self._quote(market, ask if market.position_lots > -self._bound else 0, is_buy=False)

    def _quote(self, market: Market, price_ticks: int, *, is_buy: bool) -> None:
        has_quote = False
        for order in market.orders:
            if order.is_buy != is_buy or order.cancel_pending:
                continue
            if order.price_ticks == price_ticks:
                has_quote = True
            else:
                market.cancel(order.order_id)
        if price_ticks > 0 and not has_quote:
            (market.buy if is_buy else market.sell)(self._lots, price_ticks, post_only=True)
