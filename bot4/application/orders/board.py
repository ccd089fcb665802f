"""Every order of a run by its names, its life, and what the engine is told of it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot4.domain.client_id import is_ours
from bot4.domain.order_id import parse_client_order_id
from bot4.domain.order_life import (
    UNANSWERED,
    Evidence,
    LifeState,
    OrderLife,
    ReportKind,
    Seen,
    Trade,
    advance,
)
from bot4.ports.venue_order import VenueOrderStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from decimal import Decimal

    from bot4.domain.errors import RejectReason
    from bot4.domain.instrument import Instrument
    from bot4.domain.order import OrderSide
    from bot4.ports.venue_event import ExecutionReport
    from bot4.ports.venue_order import VenueFill, VenueOrder

_ENDS = {
    VenueOrderStatus.WORKING: None,
    VenueOrderStatus.FILLED: LifeState.FILLED,
    VenueOrderStatus.CANCELED: LifeState.CANCELED,
    VenueOrderStatus.EXPIRED: LifeState.EXPIRED,
    VenueOrderStatus.REJECTED: LifeState.REJECTED,
}


# A trade of an order that was triggered is seen no more than this before the order shows that it was.
_CLAIM_NS = 5_000_000_000


@dataclass(slots=True, kw_only=True)
class BoardOrder:
    """One order: what was decided, and its life so far."""

    client_order_id: str
    order_id: int  # sequence of its intent in the journal
    lane: int
    instrument: Instrument
    side: OrderSide
    life: OrderLife
    venue_order_id: str | None = None
    reject_reason: RejectReason | None = None
    cancel_wanted: bool = False
    heard_ns: int = 0  # when evidence last came, by the venue's time
    waited_ns: int = 0  # when the venue was last asked and showed it waiting for its trigger, without a name there

    @property
    def symbol(self) -> str:
        """The instrument's name at the venue."""
        return self.instrument.symbol

    @property
    def is_settled(self) -> bool:
        """Whether it has ended and every fill of it is known."""
        return self.life.has_ended and not self.life.needs_trades


@dataclass(frozen=True, slots=True)
class BoardReport:
    """One thing to tell the engine about an order; `fill` is set for fills."""

    kind: ReportKind
    order: BoardOrder
    fill: VenueFill | None = None


class OrderBoard:
    """The orders of one run.

    Parameters
    ----------
    instruments : sequence of Instrument
        In the order of the engine's lanes.
    tell : callable
        Takes every report for the engine, in order, each once.
    alarm : callable
        Takes a line for whatever contradicts what was held for proven.
    ended_max : int
        Orders remembered after they are settled, the oldest forgotten first: a report that comes later than that many
        orders is one of an unknown order, which raises an alarm.
    fencing_epoch : int or None
        Of this leader, where there may be others: older epochs are strays, newer ones the next leader's.

    One thread.

    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        tell: Callable[[BoardReport], None],
        alarm: Callable[[str], None],
        *,
        ended_max: int = 65_536,
        fencing_epoch: int | None = None,
    ) -> None:
        self._by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self._tell = tell
        self._alarm = alarm
        self._ended_max = ended_max
        self._orders: dict[str, BoardOrder] = {}
        self._by_order_id: dict[int, BoardOrder] = {}
        self._by_venue_id: dict[tuple[str, str], BoardOrder] = {}
        self._open: dict[str, BoardOrder] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._added = 0
        self.settlements = 0  # how often an order came to its end; each once, but for those that moved again
        self._fencing_epoch = fencing_epoch
        # Client id -> symbol: of a leader before, not in its journal; "" once canceled.
        self.strays: dict[str, str] = {}
        self.ghosts: dict[str, str] = {}  # client id -> symbol: ours by name, and nobody here has sent it
        self._foreign_trades: OrderedDict[tuple[str, int], None] = OrderedDict()

    def __len__(self) -> int:
        """How many orders it was given; those that were forgotten count."""
        return self._added

    def add(self, order: BoardOrder) -> None:
        """Put a new order on the board."""
        if order.client_order_id in self._orders:
            raise ValueError(f"order {order.client_order_id} is on the board already")
        self._added += 1
        self._orders[order.client_order_id] = order
        self._by_order_id[order.order_id] = order
        self._open[order.client_order_id] = order

    def adopt(self, order: BoardOrder) -> None:
        """Put an order of an earlier life of the run on the board, as far as its life has come."""
        self.add(order)
        if order.is_settled:
            self._settle(order)

    def find(self, client_order_id: str) -> BoardOrder | None:
        """Return an order by its own name."""
        return self._orders.get(client_order_id)

    def by_order_id(self, order_id: int) -> BoardOrder | None:
        """Return an order by the sequence of its intent."""
        return self._by_order_id.get(order_id)

    def unsettled(self) -> list[BoardOrder]:
        """Return the orders whose end, or whose fills, are not known, oldest first."""
        return list(self._open.values())

    def is_at_rest(self, without: Collection[str] = ()) -> bool:
        """Whether no answer is awaited and no trade missing, but of symbols `without`: then books can be compared."""
        return not any(
            (order.life.state in UNANSWERED or order.life.needs_trades) and order.symbol not in without
            for order in self._open.values()
        )

    @property
    def unknown_count(self) -> int:
        """Orders that may or may not be at the venue."""
        return sum(order.life.is_unknown for order in self._open.values())

    def name(self, order: BoardOrder, venue_order_id: str) -> None:
        """Note the venue's own name of an order."""
        if not venue_order_id:
            return
        if order.venue_order_id is None:
            order.venue_order_id = venue_order_id
            self._by_venue_id[order.symbol, venue_order_id] = order
        elif order.venue_order_id != venue_order_id:
            # Two orders of one name at the venue: what nothing but a repeated request can make.
            self._alarm(f"order {order.client_order_id} is both {order.venue_order_id} and {venue_order_id}")

    def learn(self, order: BoardOrder, evidence: Evidence, fill: VenueFill | None = None) -> int:
        """Take one piece of evidence; returns how many reports it came to."""
        step = advance(order.life, evidence)
        order.life = step.life
        for report in step.reports:
            self._tell(BoardReport(report.kind, order, fill if report.kind is ReportKind.FILL else None))
        if step.alarm is not None:
            self._alarm(f"{order.client_order_id}: {step.alarm}")
        if order.is_settled:
            self._settle(order)
        else:  # perhaps again: the venue told of more than was known
            self._open[order.client_order_id] = order
        return len(step.reports)

    def take_order(self, shown: VenueOrder, *, by_query: bool = False, asked_ns: int = 0) -> int:
        """Take an order as the venue shows it, asked for at `asked_ns`; returns how many reports it came to."""
        order = self._known(shown.client_order_id, shown.symbol)
        if order is None:
            return 0
        self.name(order, shown.venue_order_id)
        if (lots := self._lots(order, shown.filled_qty)) is None:
            return 0
        order.heard_ns = max(order.heard_ns, shown.updated_ns)
        if not shown.venue_order_id:
            order.waited_ns = max(order.waited_ns, asked_ns)
        return self.learn(order, Seen(_ENDS[shown.status], lots, by_query=by_query))

    def note_earlier(self, fill: VenueFill) -> None:
        """Note a trade that is booked already: of before this run, or in its journal."""
        self._note_foreign(fill)

    def is_attributable(self, fill: VenueFill) -> bool:
        """Whether it can be said now whose trade this is: not while an order of ours has no name at the venue yet."""
        if (fill.symbol, fill.venue_order_id) in self._by_venue_id:
            return True
        if (fill.symbol, fill.trade_id) in self._foreign_trades:
            return True
        return not any(
            order.venue_order_id is None
            and order.symbol == fill.symbol
            and not order.life.has_ended
            and order.waited_ns < fill.ts_ns + _CLAIM_NS  # one that waited later still has not made it
            for order in self._open.values()
        )

    def take_fill(self, fill: VenueFill) -> int:
        """Take a trade, wherever it was read; returns how many reports it came to."""
        order = self._by_venue_id.get((fill.symbol, fill.venue_order_id))
        if order is None:
            if self._note_foreign(fill):
                self._alarm(f"trade {fill.trade_id} of {fill.symbol} belongs to no order of this run")
            return 0
        lots = self._lots(order, fill.qty)
        if lots is None or fill.side is not order.side:
            self._alarm(f"{order.client_order_id}: trade {fill.trade_id} does not fit the order")
            return 0
        return self.learn(order, Trade(fill.trade_id, lots), fill)

    def take_report(self, report: ExecutionReport) -> int:
        """Take one event of the account: the trade first, then what it left of the order."""
        order = self._known(report.order.client_order_id, report.order.symbol)
        told = 0
        if order is not None:
            self.name(order, report.order.venue_order_id)
        if report.fill is not None:
            told += self.take_fill(report.fill)
        return told + self.take_order(report.order) if order is not None else told

    # -- inside

    def _known(self, client_order_id: str, symbol: str) -> BoardOrder | None:
        order = self._orders.get(client_order_id)
        if order is not None or client_order_id in self.ghosts or client_order_id in self.strays:
            return order
        key = None if self._fencing_epoch is None else parse_client_order_id(client_order_id)
        if key is not None and self._fencing_epoch is not None and key.epoch < self._fencing_epoch:
            self.strays[client_order_id] = symbol
        elif key is not None and self._fencing_epoch is not None and key.epoch > self._fencing_epoch:
            self._alarm(f"order {client_order_id} of {symbol} is of a leader after this one")
        elif is_ours(client_order_id):
            self.ghosts[client_order_id] = symbol
            self._alarm(f"order {client_order_id} of {symbol} has a name of ours, and nobody here has sent it")
        return order

    def _note_foreign(self, fill: VenueFill) -> bool:
        """Remember a trade that is not of this run; whether it is new."""
        key = (fill.symbol, fill.trade_id)
        if key in self._foreign_trades:
            return False
        self._foreign_trades[key] = None
        if len(self._foreign_trades) > self._ended_max:
            self._foreign_trades.popitem(last=False)
        return True

    def _lots(self, order: BoardOrder, qty: Decimal) -> int | None:
        try:
            return order.instrument.qty_to_lots(qty)
        except ValueError as error:
            self._alarm(f"{order.client_order_id}: {error}")
            return None

    def forget(self, settlements: int) -> None:
        """Forget the orders that were settled when `settlements` was so much: no question brings them up again."""
        while self._settled and self.settlements - len(self._settled) < settlements:
            self._forget_oldest()

    def _settle(self, order: BoardOrder) -> None:
        self._open.pop(order.client_order_id, None)
        if order.client_order_id not in self._settled:
            self.settlements += 1
            self._settled[order.client_order_id] = None
        if len(self._settled) > self._ended_max:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest, _ = self._settled.popitem(last=False)
        if oldest in self._open:
            return
        forgotten = self._orders.pop(oldest)
        self._by_order_id.pop(forgotten.order_id, None)
        if forgotten.venue_order_id is not None:
            self._by_venue_id.pop((forgotten.symbol, forgotten.venue_order_id), None)
