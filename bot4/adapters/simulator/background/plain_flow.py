"""A plain background market: makers around a fair price that walks, takers at random, and some that follow the price.

It is made up: its spreads, sizes and rates are round figures and say nothing of a real market. It exists so that every
market trades at all times and client orders meet somebody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from bot4._core.sim.exchange_types import ExchangeOrderType, ExchangeTimeInForce
from bot4.adapters.simulator.accounts import AccountSpec
from bot4.adapters.simulator.background.prices import FairPrices
from bot4.adapters.simulator.trade.order_row import OrderRow
from bot4.adapters.simulator.wire.decimals import UNIT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.simulator.market.market import Market
    from bot4.adapters.simulator.symbols import Symbol
    from bot4.adapters.simulator.trade.engine import Engine

EVENTS_PER_S = 12.0  # of each market
_WEALTH = 10_000_000 * UNIT
_TAKER_SHARE = 0.25
_CANCEL_SHARE = 0.3
_LEVELS = 30
_ORDERS_A_SIDE = 60
_NOTIONAL = 2_000.0  # typical order, US dollars
_SPREAD_BPS = 1.0
_REACH_BPS = 40.0
_LIMIT = int(ExchangeOrderType.TYPE_LIMIT)
_GTC = int(ExchangeTimeInForce.TIME_GTC)
_IOC = int(ExchangeTimeInForce.TIME_IOC)
_BUY, _SELL = 0, 1


@dataclass(slots=True)
class _Side:
    """Orders of the makers on one side of one market, oldest first: id and price."""

    orders: list[tuple[int, int]] = field(default_factory=list)


class PlainFlow:
    """The background market of all symbols. Belongs to the event loop's thread.

    Parameters
    ----------
    engine : Engine
    markets : sequence of Market
        Those it trades on.
    symbols : sequence of Symbol
        All that there are: what an asset is worth may follow from a market that is another's.
    seed : int

    The same seed makes the same draws; what comes of them depends on what clients do in between.

    """

    def __init__(self, engine: Engine, markets: Sequence[Market], symbols: Sequence[Symbol], seed: int) -> None:
        self._engine = engine
        self._markets = markets
        self._random = Random(f"flow {seed}")  # noqa: S311 - a market's dice, not a secret
        self._prices = FairPrices(symbols, self._random)
        wealth = dict.fromkeys(engine.assets, _WEALTH)
        self._makers = (
            engine.open_account(AccountSpec("background-bids", (), wealth)),
            engine.open_account(AccountSpec("background-asks", (), wealth)),
        )
        self._taker = engine.open_account(AccountSpec("background-takers", (), wealth))
        self._sides = [(_Side(), _Side()) for _ in markets]
        self._due = 0.0

    def begin(self, now_ns: int) -> None:
        """Put the first orders into the books."""
        for index in range(len(self._markets)):
            for level in range(_LEVELS):
                for side in (_BUY, _SELL):
                    self._quote(index, side, level / _LEVELS, now_ns)

    def advance(self, seconds: float, now_ns: int) -> None:
        """Let the market's own time go on."""
        self._prices.advance(seconds)
        self._due += seconds * EVENTS_PER_S * len(self._markets)
        while self._due >= 1.0:
            self._due -= 1.0
            self._act(self._random.randrange(len(self._markets)), now_ns)

    def _act(self, index: int, now_ns: int) -> None:
        draw = self._random.random()
        if draw < _TAKER_SHARE:
            self._take(index, now_ns)
            return
        side = self._random.randrange(2)
        orders = self._sides[index][side].orders
        if orders and (draw < _TAKER_SHARE + _CANCEL_SHARE or len(orders) >= _ORDERS_A_SIDE):
            self._cancel(index, side, self._worst(index, side), now_ns)
        self._quote(index, side, self._random.random(), now_ns)

    def _quote(self, index: int, side: int, reach: float, now_ns: int) -> None:
        """Place a maker's order; `reach` from 0 at the touch to 1 far away."""
        market = self._markets[index]
        symbol = market.symbol
        fair = self._prices.ticks(symbol)
        distance = max(0.5, fair * 1e-4 * (_SPREAD_BPS / 2 + reach * reach * _REACH_BPS))
        ticks = int(fair - distance) if side == _BUY else int(fair + distance) + 1
        best_bid, best_ask = self._engine.best_ticks(market.number)
        if side == _BUY and best_ask:
            ticks = min(ticks, best_ask - 1)
        elif side == _SELL and best_bid:
            ticks = max(ticks, best_bid + 1)
        if ticks <= 0:
            return
        lots = self._lots(symbol.step, fair * symbol.tick, symbol.quote)
        verdict, order_id = self._send(self._makers[side], market, _limit_order(side, ticks, lots), now_ns)
        if verdict == 0:
            self._sides[index][side].orders.append((order_id, ticks))

    def _cancel(self, index: int, side: int, at: int, now_ns: int) -> None:
        order_id, _ = self._sides[index][side].orders.pop(at)
        self._engine.cancel(self._makers[side], self._markets[index].number, order_id, 0, now_ns)

    def _worst(self, index: int, side: int) -> int:
        """Which order to cancel: one far away, or any."""
        orders = self._sides[index][side].orders
        if self._random.random() < 0.5:  # noqa: PLR2004 - one half
            return self._random.randrange(len(orders))
        prices = [ticks for _, ticks in orders]
        return prices.index(min(prices) if side == _BUY else max(prices))

    def _take(self, index: int, now_ns: int) -> None:
        """Buy what is cheaper than it is worth, sell what is dearer; else either at random."""
        market = self._markets[index]
        symbol = market.symbol
        fair = self._prices.ticks(symbol)
        best_bid, best_ask = self._engine.best_ticks(market.number)
        if best_ask and best_ask < fair:
            side, limit = _BUY, int(fair)
        elif best_bid and best_bid > fair:
            side, limit = _SELL, int(fair) + 1
        else:
            side = self._random.randrange(2)
            limit = int(fair * (1.001 if side == _BUY else 0.999))
        lots = self._lots(symbol.step, fair * symbol.tick, symbol.quote)
        self._send(self._taker, market, _limit_order(side, limit, lots, _IOC), now_ns)

    def _lots(self, step: int, price: float, quote: str) -> int:
        """Draw the size of an order: log-normal around a typical notional."""
        dollars = _NOTIONAL * self._random.lognormvariate(0.0, 0.9)
        if quote == "BTC":
            dollars /= 60_000.0
        return max(2, round(dollars * 1e16 / (price * step)))

    def _send(self, account: int, market: Market, row: OrderRow, now_ns: int) -> tuple[int, int]:
        return self._engine.place(account, market.number, row, now_ns)


def _limit_order(side: int, ticks: int, lots: int, tif: int = _GTC) -> OrderRow:
    return OrderRow(side, _LIMIT, tif, 0, lots, ticks, 0, 0, 0, 0, 0)
