"""The trades of one market and how they add up to aggregate trades."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import NamedTuple

TRADES_MAX = 20_000  # the oldest is dropped


class Trade(NamedTuple):
    """A trade; price and quantities in hundred-millionths, time in nanoseconds UTC."""

    trade_id: int
    price: int
    qty: int
    quote: int
    at_ns: int
    buyer_is_maker: bool


class AggTrade(NamedTuple):
    """Trades of one taker order at one price."""

    agg_id: int
    price: int
    qty: int
    first_trade: int
    last_trade: int
    at_ns: int
    buyer_is_maker: bool


class TradeTape:
    """The last trades of one market, in order. Not thread-safe."""

    def __init__(self) -> None:
        self.trades: deque[Trade] = deque(maxlen=TRADES_MAX)
        self.aggregates: deque[AggTrade] = deque(maxlen=TRADES_MAX)
        self._next_aggregate = 1
        self._open: AggTrade | None = None
        self._open_taker = -1

    def add(self, trade: Trade, taker_order: int) -> AggTrade | None:
        """Take a trade in; return the aggregate it ended, if it did."""
        self.trades.append(trade)
        held = self._open
        if held is not None and taker_order == self._open_taker and trade.price == held.price:
            self._open = held._replace(qty=held.qty + trade.qty, last_trade=trade.trade_id)
            return None
        ended = self.end_aggregate()
        self._open_taker = taker_order
        self._open = AggTrade(
            self._next_aggregate,
            trade.price,
            trade.qty,
            trade.trade_id,
            trade.trade_id,
            trade.at_ns,
            trade.buyer_is_maker,
        )
        self._next_aggregate += 1
        return ended

    def end_aggregate(self) -> AggTrade | None:
        """End the aggregate that is open: the taker's order is done."""
        held, self._open = self._open, None
        if held is not None:
            self.aggregates.append(held)
        return held

    def last(self, limit: int) -> list[Trade]:
        """Return the last trades, oldest first."""
        return list(islice(self.trades, max(0, len(self.trades) - limit), None))

    def since(self, trade_id: int, limit: int) -> list[Trade]:
        """Return trades from an id on, oldest first."""
        if not self.trades:
            return []
        start = max(0, trade_id - self.trades[0].trade_id)  # ids of one market have no gaps
        return list(islice(self.trades, start, start + limit))

    def aggregates_between(
        self, from_id: int | None, start_ns: int | None, end_ns: int | None, limit: int
    ) -> list[AggTrade]:
        """Return aggregates from an id on, or between two times, oldest first; without any bound the last ones."""
        chosen = (
            item
            for item in self.aggregates
            if (from_id is None or item.agg_id >= from_id)
            and (start_ns is None or item.at_ns >= start_ns)
            and (end_ns is None or item.at_ns <= end_ns)
        )
        if from_id is None and start_ns is None:
            return list(deque(chosen, maxlen=limit))
        return list(islice(chosen, limit))
