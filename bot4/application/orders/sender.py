"""From an intent to its settled end: send once, believe only evidence, ask until nothing is open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot4.application.orders.reconciliation import Findings
from bot4.domain.errors import RejectReason
from bot4.domain.order_life import Accepted, CancelRefused, Dropped, NoAnswer, Refused, Sent
from bot4.ports.venue_outcome import Ack, Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from bot4.application.orders.board import BoardOrder, OrderBoard
    from bot4.application.orders.reconciliation import Reconciler
    from bot4.ports.exchange import ExchangePort
    from bot4.ports.shard_link import Admission
    from bot4.ports.venue_order import OrderRequest
    from bot4.ports.venue_outcome import Outcome

_ASK_PAUSES_S = (0.05, 0.2, 0.5, 1.0, 2.0)
_GRACE_S = 0.5  # a fill that the stream has told of usually follows by itself
_CANCEL_ATTEMPTS = 5
_CANCEL_PAUSE_S = 0.2
_WAIT_MAX_S = 30.0


class OrderSender:
    """Places and cancels through an `ExchangePort`, one task for each order that moves.

    Parameters
    ----------
    exchange : ExchangePort
    board : OrderBoard
    reconciler : Reconciler
        Asks about single orders.
    admission : Admission
        The breaker; asked immediately before each write.
    flush : callable
        Called after whatever may have made reports.
    on_error : callable
        Told what a task could not cope with: a fault of ours, after which nothing may be taken for granted.

    One event loop.

    """

    def __init__(
        self,
        exchange: ExchangePort,
        board: OrderBoard,
        reconciler: Reconciler,
        admission: Admission,
        *,
        flush: Callable[[], None],
        on_error: Callable[[str], None],
    ) -> None:
        self._exchange = exchange
        self._board = board
        self._reconciler = reconciler
        self._admission = admission
        self._flush = flush
        self._on_error = on_error
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking: set[str] = set()
        self._placing: dict[str, asyncio.Event] = {}
        self._canceling: set[str] = set()
        self._is_closed = False

    @property
    def busy(self) -> int:
        """Tasks that are at it."""
        return len(self._tasks)

    def place(self, order: BoardOrder, request: OrderRequest, ticket: int) -> None:
        """Begin to place an order; its end comes through the board."""
        self._placing[order.client_order_id] = asyncio.Event()
        self._start(self._place(order, request, ticket))

    def cancel(self, order: BoardOrder) -> None:
        """Begin to cancel an order, unless that is under way."""
        order.cancel_wanted = True
        if order.client_order_id not in self._canceling and not order.life.has_ended:
            self._canceling.add(order.client_order_id)
            self._start(self._cancel(order))

    def settle(self, order: BoardOrder) -> None:
        """Begin to ask about an order that only a question can settle, unless that is under way."""
        needs = order.life.needs_query or order.life.needs_trades
        if needs and order.client_order_id not in self._asking:
            self._asking.add(order.client_order_id)
            self._start(self._ask(order))

    async def close(self) -> None:
        """Give up what is under way; what was written stays written."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- tasks

    async def _place(self, order: BoardOrder, request: OrderRequest, ticket: int) -> None:
        def admit() -> bool:
            if not self._admission.readmit(ticket):
                return False
            # The stamp was taken before: counting from here makes the horizon later, never earlier.
            valid_until_ns = self._exchange.server_now_ns() + self._exchange.validity_ns
            self._board.learn(order, Sent(valid_until_ns))
            return True

        try:
            self._take_placed(order, await self._exchange.place(request, admit=admit))
        finally:
            self._placing.pop(order.client_order_id).set()
        self._flush()
        self.settle(order)

    def _take_placed(self, order: BoardOrder, outcome: Outcome) -> None:
        match outcome:
            case Ack(order=shown, fills=fills):
                self._board.name(order, shown.venue_order_id)
                self._board.learn(order, Accepted())
                for fill in fills:
                    self._board.take_fill(fill)
                self._board.take_order(shown)
            case Reject(was_sent=False):
                self._board.learn(order, Dropped())
            case Reject(reason=reason):
                order.reject_reason = reason
                self._board.learn(order, Refused())
            case Unknown():
                self._board.learn(order, NoAnswer())

    async def _cancel(self, order: BoardOrder) -> None:
        try:
            if (placing := self._placing.get(order.client_order_id)) is not None:
                await placing.wait()  # a cancellation that overtakes its order proves nothing and helps nobody
            for attempt in range(_CANCEL_ATTEMPTS):
                if order.life.has_ended or order.life.ending is not None:
                    return
                outcome = await self._exchange.cancel(order.symbol, order.client_order_id)
                pause_s = _CANCEL_PAUSE_S * 2**attempt
                match outcome:
                    case Ack(order=shown):
                        self._board.take_order(shown)
                        return
                    case Reject(reason=RejectReason.UNKNOWN_ORDER):
                        self._board.learn(order, CancelRefused())
                        return
                    case Reject(retry_after_s=float() as wait_s):
                        pause_s = min(max(wait_s, pause_s), _WAIT_MAX_S)
                # A cancellation may be repeated: it can take effect once only.
                await asyncio.sleep(pause_s)
            self._board.learn(order, CancelRefused())
        finally:
            self._canceling.discard(order.client_order_id)
            self._flush()
            self.settle(order)

    async def _ask(self, order: BoardOrder) -> None:
        attempt = 0
        try:
            if not order.life.needs_query:
                await asyncio.sleep(_GRACE_S)
            while order.life.needs_query or order.life.needs_trades:
                found = Findings()
                if order.life.needs_query:
                    await self._reconciler.ask_about(order, found)
                if order.life.needs_trades:
                    await self._reconciler.ask_for_trades(order, found)
                self._flush()
                if order.cancel_wanted and not order.life.is_unknown and not order.life.has_ended:
                    self.cancel(order)
                await asyncio.sleep(_ASK_PAUSES_S[min(attempt, len(_ASK_PAUSES_S) - 1)])
                attempt += 1
        finally:
            self._asking.discard(order.client_order_id)
        # What was asked for may have moved again meanwhile.
        self.settle(order)

    # -- inside

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if self._is_closed:  # a task that is given up may want another one to go on
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_error(f"{type(error).__name__}: {error}")
