"""Is what we hold for true what the venue holds for true: orders, fills, balances, positions.

One pass asks, compares and brings what was missed; a second pass right after it finds nothing more to tell. A question
that fails teaches nothing: the pass is then not `complete`, and neither opens nor closes anything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot4.domain.order_life import CancelRefused, LifeState, Missing
from bot4.ports.venue_outcome import NoInformation, NotFound, Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot4.application.orders.board import BoardOrder, OrderBoard
    from bot4.application.orders.venue_books import VenueBooks
    from bot4.ports.exchange import ExchangePort
    from bot4.ports.venue_order import VenueOrder

_S = 1_000_000_000
_OVERLAP_NS = 60 * _S
_MARGIN_NS = 30_000_000_000  # a report that comes later than all trades were asked for
_LOOKS = 3
_EAGER_PASSES = 5


@dataclass(slots=True)
class Findings:
    """What one pass came to."""

    is_complete: bool = True
    told: int = 0  # reports to the engine: 0 where nothing had been missed
    unknown: int = 0
    ghosts: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    without: frozenset[str] = frozenset()  # symbols of which it says nothing

    def fail(self, cause: NoInformation | Unknown | Reject | str, what: str) -> None:
        """Note a question without an answer."""
        self.is_complete = False
        text = cause if isinstance(cause, str) else getattr(cause, "cause", "") or getattr(cause, "message", "")
        self.failures.append(f"{what}: {text}")

    @property
    def why_closed(self) -> str | None:
        """Return why the gate must not open, or None where everything is accounted for."""
        if self.ghosts:
            return f"order {self.ghosts[0]} is at the venue and not in the journal"
        if self.unknown:
            return f"{self.unknown} orders may or may not be at the venue"
        if not self.is_complete:
            return f"not everything could be asked ({self.failures[0]})"
        return self.differences[0] if self.differences else None


class Reconciler:
    """Compares a board and its books with a venue.

    Parameters
    ----------
    exchange : ExchangePort
    board : OrderBoard
    books : VenueBooks
    symbols : sequence of str
    pause_s : float
        Before a difference is looked at again.

    One event loop; one pass at a time.

    """

    def __init__(
        self,
        exchange: ExchangePort,
        board: OrderBoard,
        books: VenueBooks,
        symbols: Sequence[str],
        *,
        pause_s: float = 0.5,
    ) -> None:
        self._exchange = exchange
        self._board = board
        self._books = books
        self._symbols = tuple(symbols)
        self._pause_s = pause_s
        self._watermark_ns: dict[str, int] = {}
        self.passes = 0
        self._settled_by: deque[tuple[int, int]] = deque()  # when it was asked for trades, and how many had settled
        # Symbols with orders of an earlier life that are not settled: what is not known of them keeps no other waiting.
        self.held: Callable[[], set[str]] = set

    @property
    def gap_s(self) -> float:
        """How soon a pass that was not complete is made again: at first soon, later as the rate budget allows."""
        return 0.2 if self.passes <= _EAGER_PASSES else 1.0

    def resume(self, since_ns: int) -> None:
        """Go on after an earlier life of the run: no trade of before `since_ns` can be missing."""
        self._watermark_ns = dict.fromkeys(self._symbols, since_ns)

    async def open(self) -> Findings:
        """Begin the books at the venue's figures: trades so far are in them, open orders of ours are ghosts.

        A ghost is canceled. Orders of other names are left alone: they are somebody's, and lock balances only.
        """
        found = Findings()
        for symbol in self._symbols:
            await self._look_at_open_orders(symbol, found)
        await self.cancel_ghosts(found)
        for symbol in self._symbols:
            started_ns = self._exchange.server_now_ns()
            trades = await self._exchange.trades_since(symbol, started_ns - _OVERLAP_NS)
            if isinstance(trades, NoInformation):
                found.fail(trades, f"trades of {symbol}")
                continue
            for trade in trades:
                self._board.note_earlier(trade)
            self._watermark_ns[symbol] = started_ns
        balances, positions = await self._exchange.balances(), await self._exchange.positions()
        if isinstance(balances, NoInformation) or isinstance(positions, NoInformation):
            found.fail(balances if isinstance(balances, NoInformation) else "positions", "account")
        elif found.is_complete:
            self._books.open(balances, positions)
        return found

    async def run(self) -> Findings:
        """Make one pass."""
        found, settled = Findings(without=frozenset(self.held())), self._board.settlements
        for order in self._board.unsettled():
            if order.life.needs_query:
                await self.ask_about(order, found)
        for symbol in self._symbols:
            await self._look_at_open_orders(symbol, found)
        for symbol in self._symbols:
            await self._look_at_trades(symbol, found)
        for order in self._board.unsettled():
            if order.life.needs_trades:
                await self.ask_for_trades(order, found)
        await self.cancel_ghosts(found)
        await self._compare_books(found)
        found.unknown = sum(
            order.life.is_unknown and order.symbol not in found.without for order in self._board.unsettled()
        )
        self.passes += 1
        if found.is_complete:
            self._forget_settled(settled)
        return found

    def _forget_settled(self, settled: int) -> None:
        """Forget orders that had settled before any trade that will be asked for again; `settled` at the beginning."""
        asked_ns = min(self._watermark_ns.values(), default=0)
        self._settled_by.append((asked_ns, settled))
        while self._settled_by[0][0] < asked_ns - _OVERLAP_NS - _MARGIN_NS:
            self._board.forget(self._settled_by.popleft()[1])

    async def ask_about(self, order: BoardOrder, found: Findings) -> None:
        """Ask how one order stands, and take the answer for what it proves."""
        asked_ns = self._exchange.server_now_ns()
        shown = await self._exchange.query(order.symbol, order.client_order_id)
        if isinstance(shown, NoInformation):
            found.fail(shown, order.client_order_id)
        elif isinstance(shown, NotFound):
            found.told += self._board.learn(order, Missing(shown.server_ns))
        else:
            found.told += self._board.take_order(shown, by_query=True, asked_ns=asked_ns)

    async def ask_for_trades(self, order: BoardOrder, found: Findings) -> None:
        """Ask for the trades of one order of which the venue has told more than was seen."""
        if order.venue_order_id is None:
            return
        trades = await self._exchange.trades_of(order.symbol, order.venue_order_id)
        if isinstance(trades, NoInformation):
            found.fail(trades, f"trades of {order.client_order_id}")
            return
        for trade in trades:
            found.told += self._board.take_fill(trade)

    # -- inside

    async def _look_at_open_orders(self, symbol: str, found: Findings) -> None:
        # Only orders that were known before the question can be missed in the answer.
        working = [o for o in self._board.unsettled() if o.symbol == symbol and o.life.state is LifeState.ACKED]
        asked_ns = self._exchange.server_now_ns()
        shown = await self._exchange.open_orders(symbol)
        if isinstance(shown, NoInformation):
            found.fail(shown, f"open orders of {symbol}")
            return
        for venue_order in shown:
            found.told += self._board.take_order(venue_order, asked_ns=asked_ns)
        listed = {venue_order.client_order_id for venue_order in shown}
        for order in working:
            if order.client_order_id not in listed and not order.is_settled and order.life.ending is None:
                await self.ask_about(order, found)

    async def _look_at_trades(self, symbol: str, found: Findings) -> None:
        asked_ns = self._exchange.server_now_ns()
        since_ns = self._watermark_ns.get(symbol, asked_ns) - _OVERLAP_NS
        trades = await self._exchange.trades_since(symbol, since_ns)
        if isinstance(trades, NoInformation):
            found.fail(trades, f"trades of {symbol}")
            return
        whose = [self._board.is_attributable(trade) for trade in trades]
        for trade, is_clear in zip(trades, whose, strict=True):
            if is_clear:
                found.told += self._board.take_fill(trade)
        if all(whose):
            self._watermark_ns[symbol] = asked_ns
        elif symbol not in found.without:
            found.fail("trades of an order whose outcome is unknown", f"trades of {symbol}")

    async def cancel_ghosts(self, found: Findings) -> None:
        """Cancel what has a name of ours and is not of this run; once more does no harm."""
        strays = [(name, symbol) for name, symbol in self._board.strays.items() if symbol]
        for name, symbol in (*self._board.ghosts.items(), *strays):
            if name in self._board.ghosts:
                found.ghosts.append(name)
            shown: VenueOrder | NotFound | NoInformation | None = None
            outcome = await self._exchange.cancel(symbol, name)
            if isinstance(outcome, (Reject, Unknown)):
                shown = await self._exchange.query(symbol, name)
            if isinstance(shown, NoInformation):
                found.fail(shown, name)
            elif name in self._board.strays:
                self._board.strays[name] = ""

    async def _compare_books(self, found: Findings) -> None:
        if not self._books.is_open:
            found.fail("the books have no opening balance", "account")
            return
        for attempt in range(_LOOKS):
            if attempt:  # a trade between the two questions looks like a difference: bring it, and look again
                await asyncio.sleep(self._pause_s)
                for symbol in self._symbols:
                    await self._look_at_trades(symbol, found)
            moves = self._books.moves
            balances, positions = await self._exchange.balances(), await self._exchange.positions()
            if isinstance(balances, NoInformation) or isinstance(positions, NoInformation):
                found.fail(balances if isinstance(balances, NoInformation) else "positions", "account")
                return
            # Figures that moved while they were asked for, or an order whose answer is awaited, prove nothing.
            is_at_rest = moves == self._books.moves and self._board.is_at_rest(found.without)
            found.differences = self._books.differences(balances, positions, found.without) if is_at_rest else []
            if is_at_rest and not found.differences:
                return
        if not is_at_rest:
            found.fail("the account did not stand still while it was asked for", "account")


def refuse_cancel(board: OrderBoard, order: BoardOrder) -> int:
    """Note that a cancellation was refused; returns how many reports that came to."""
    return board.learn(order, CancelRefused())
