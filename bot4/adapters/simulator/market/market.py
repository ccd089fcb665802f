"""One market: its rules, its book, and what has been traded on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from bot4.adapters.simulator.market import tickers
from bot4.adapters.simulator.market.bars import Bars
from bot4.adapters.simulator.market.depth_diffs import LevelChange
from bot4.adapters.simulator.market.trades import AggTrade, Trade, TradeTape
from bot4.adapters.simulator.wire.decimals import format_e8

if TYPE_CHECKING:
    from bot4.adapters.simulator.symbols import Symbol

_MS = 1_000_000


class BestPrices(NamedTuple):
    """Best prices in ticks and what is shown there in lots; 0 where a side is empty."""

    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class Book(Protocol):
    """The book of a market as the matching engine has it."""

    def depth(self, number: int, limit: int) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the update id and the best levels of both sides, ticks and lots."""

    def best(self, number: int) -> BestPrices:
        """Return the best prices."""

    def update_id(self, number: int) -> int:
        """Return the id of the last change."""

    def take_changes(self, number: int) -> tuple[int, list[tuple[int, int, int]]]:
        """Return the update id, and (side, ticks, lots) of the levels that changed since the last call."""


class Market:
    """A market. Belongs to the event loop's thread.

    Parameters
    ----------
    symbol : Symbol
    number : int
        Of the matching engine.
    engine : Book

    """

    def __init__(self, symbol: Symbol, number: int, engine: Book) -> None:
        self.symbol = symbol
        self.number = number
        self.status = "TRADING"
        self.bars = Bars()
        self.tape = TradeTape()
        self.last_price = symbol.first_price
        self.last_qty = 0
        self.last_trade_ns = 0
        self._engine = engine

    def at(self, now_ms: int) -> Bars:
        """Return the bars as of now."""
        self.bars.advance(now_ms)
        return self.bars

    def book(self, limit: int) -> tuple[int, list[tuple[str, str]], list[tuple[str, str]]]:
        """Return the update id and the best levels of both sides as texts."""
        update_id, bids, asks = self._engine.depth(self.number, limit)
        return update_id, self._texts(bids), self._texts(asks)

    def best_prices(self) -> dict[str, str]:
        """Return the best prices as ``ticker/bookTicker`` shows them."""
        tick, step = self.symbol.tick, self.symbol.step
        best = self._engine.best(self.number)
        return {
            "symbol": self.symbol.name,
            "bidPrice": format_e8(best.bid_ticks * tick),
            "bidQty": format_e8(best.bid_lots * step),
            "askPrice": format_e8(best.ask_ticks * tick),
            "askQty": format_e8(best.ask_lots * step),
        }

    def best(self) -> BestPrices:
        """Return the best prices in ticks and lots."""
        return self._engine.best(self.number)

    @property
    def update_id(self) -> int:
        """Id of the last change of the book."""
        return self._engine.update_id(self.number)

    def take_changes(self) -> tuple[int, list[LevelChange]]:
        """Return the update id and the levels that changed since the last call."""
        tick, step = self.symbol.tick, self.symbol.step
        update_id, rows = self._engine.take_changes(self.number)
        return update_id, [LevelChange(bool(side), ticks * tick, lots * step) for side, ticks, lots in rows]

    def average_price(self, minutes: int, now_ns: int) -> int:
        """Return the price of the last minutes weighted by volume, the last price where nothing was traded."""
        return tickers.mean_price(self.at(now_ns // _MS), minutes, now_ns // _MS) or self.last_price

    def add_trade(self, trade: Trade, taker_order: int) -> AggTrade | None:
        """Take a trade in; return the aggregate trade that it ended, if it did."""
        self.last_price, self.last_qty, self.last_trade_ns = trade.price, trade.qty, trade.at_ns
        self.bars.add(
            trade.at_ns // _MS,
            trade.price,
            trade.qty,
            trade.quote,
            trade.trade_id,
            taker_buys=not trade.buyer_is_maker,
        )
        return self.tape.add(trade, taker_order)

    def _texts(self, levels: list[tuple[int, int]]) -> list[tuple[str, str]]:
        tick, step = self.symbol.tick, self.symbol.step
        return [(format_e8(ticks * tick), format_e8(lots * step)) for ticks, lots in levels]
