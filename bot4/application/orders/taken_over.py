"""The orders of a run's earlier life, in the hands of its next one: known by name, asked for, canceled, booked once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot4.application.orders.board import BoardOrder
from bot4.domain.order_id import client_order_id
from bot4.domain.order_life import UNANSWERED, LifeState, NoAnswer, Sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.application.orders.board import OrderBoard
    from bot4.application.orders.reconciliation import Reconciler
    from bot4.application.orders.sender import OrderSender
    from bot4.application.orders.venue_books import VenueBooks
    from bot4.application.past.run_past import PastOrder, RunPast
    from bot4.domain.instrument import Instrument
    from bot4.ports.exchange import ExchangePort

_KEPT = 65_536
# What was noted by this machine's clock may be so much earlier by the venue's: twice what the preflight allows.
_CLOCK_NS = 1_000_000_000


class TakenOver:
    """Puts an earlier life's orders and fills where a gateway looks for its own.

    Parameters
    ----------
    past : RunPast
    board : OrderBoard
    books : VenueBooks
    reconciler : Reconciler
    instruments : sequence of Instrument
        In the order of the lanes.

    One event loop.

    """

    def __init__(
        self,
        past: RunPast,
        board: OrderBoard,
        books: VenueBooks,
        reconciler: Reconciler,
        instruments: Sequence[Instrument],
    ) -> None:
        books.resume(past.balances, past.positions, past.fills)
        reconciler.resume(past.since_ns)
        for fill in past.fills[-_KEPT:]:
            board.note_earlier(fill)
        ended = [order for order in past.orders.values() if order.is_settled]
        for order in (*ended[-_KEPT:], *past.unsettled):
            board.adopt(_on_board(order, instruments))
        self._board = board
        self._written_ns = {order.order_id: order.written_ns for order in past.unsettled}
        self._orders = board.unsettled()
        reconciler.held = lambda: {order.symbol for order in self._orders if not order.is_settled}
        self._known_fills = sum(len(order.life.trade_ids) for order in self._orders)

    @property
    def unsettled(self) -> int:
        """Those of them that are not accounted for yet."""
        return sum(not order.is_settled for order in self._orders)

    @property
    def note(self) -> str:
        """What became of them."""
        booked = sum(len(order.life.trade_ids) for order in self._orders) - self._known_fills
        return (
            f"went on after a run that had not ended: {len(self._orders)} orders were open or unanswered, "
            f"{booked} fills were booked afterwards, {self.unsettled} orders are not settled"
        )

    def begin(self, exchange: ExchangePort, sender: OrderSender) -> None:
        """Say what is not known of them, and have all of them canceled: their prices are of a market that moved on."""
        now_ns = exchange.server_now_ns()
        for order in self._orders:
            if order.life.state is LifeState.INTENT:
                # Nobody noted whether it was written: it may have been until this process began.
                self._board.learn(order, Sent(now_ns + exchange.validity_ns))
            elif order.life.state in UNANSWERED:
                written_ns = self._written_ns[order.order_id]
                sent_ns = min(written_ns + _CLOCK_NS, now_ns) if written_ns else now_ns
                order.life = replace(order.life, valid_until_ns=sent_ns + exchange.validity_ns)
            self._board.learn(order, NoAnswer())
            order.cancel_wanted = True
        self.cancel_known(sender)

    def cancel_known(self, sender: OrderSender) -> None:
        """Have canceled what the venue is known to have; once more for each look at it.

        Nobody else does: for the engine a cancellation that was journalled before the crash is still under way.
        """
        for order in self._orders:
            if not (order.life.has_ended or order.life.is_unknown or order.life.ending is not None):
                sender.cancel(order)


def _on_board(order: PastOrder, instruments: Sequence[Instrument]) -> BoardOrder:
    return BoardOrder(
        client_order_id=client_order_id(order.epoch, order.order_id),
        order_id=order.order_id,
        lane=order.lane,
        instrument=instruments[order.lane],
        side=order.side,
        life=order.life,
    )
