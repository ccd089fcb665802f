"""One perpetual contract: a market with a mark price, an index, and ids that it shares with the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.simulator.market.bars import Bars
from bot4.adapters.simulator.market.market import Book, Market

if TYPE_CHECKING:
    from bot4.adapters.simulator.futures.contracts import Contract
    from bot4.adapters.simulator.futures.market.marks import Marks

_MS = 1_000_000
_NO_TRADE = -1


class PerpetualMarket(Market):
    """A market of a contract. Belongs to the event loop's thread.

    Parameters
    ----------
    contract : Contract
    number : int
        Of the matching engine.
    engine : Book
    marks : Marks
    stride : int
        How many markets there are: ids of one market's changes lie that far apart, as the venue counts all together.

    """

    def __init__(self, contract: Contract, number: int, engine: Book, marks: Marks, stride: int) -> None:
        super().__init__(contract, number, engine)
        self.contract = contract
        self.marks = marks
        self.mark_bars = Bars()
        self.index_bars = Bars()
        self._stride = stride

    def shown_id(self, update_id: int) -> int:
        """Return the id of a change of the book as clients see it."""
        return update_id * self._stride + self.number + 1

    def book(self, limit: int) -> tuple[int, list[tuple[str, str]], list[tuple[str, str]]]:
        """Return the update id as clients see it and the best levels of both sides as texts."""
        update_id, bids, asks = super().book(limit)
        return self.shown_id(update_id), bids, asks

    def best_prices(self) -> dict[str, str]:
        """Return the best prices as ``ticker/bookTicker`` shows them."""
        contract, best = self.contract, self.best()
        return {
            "symbol": contract.name,
            "bidPrice": contract.price_text(best.bid_ticks * contract.tick),
            "bidQty": contract.qty_text(best.bid_lots * contract.step),
            "askPrice": contract.price_text(best.ask_ticks * contract.tick),
            "askQty": contract.qty_text(best.ask_lots * contract.step),
        }

    def advance_marks(self, now_ns: int) -> bool:
        """Move mark and index price on; true where they are new."""
        best, tick = self.best(), self.contract.tick
        if not self.marks.advance(now_ns, best.bid_ticks * tick, best.ask_ticks * tick, self.last_price):
            return False
        at_ms = now_ns // _MS
        self.mark_bars.add(at_ms, self.marks.mark, 0, 0, _NO_TRADE, taker_buys=False)
        self.index_bars.add(at_ms, self.marks.index, 0, 0, _NO_TRADE, taker_buys=False)
        return True

    def _texts(self, levels: list[tuple[int, int]]) -> list[tuple[str, str]]:
        contract = self.contract
        return [
            (contract.price_text(ticks * contract.tick), contract.qty_text(lots * contract.step))
            for ticks, lots in levels
        ]
