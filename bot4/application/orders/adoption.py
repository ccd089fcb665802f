"""Orders of a leader that died before its journal's end was copied: found at the venue by their names, written down.

An order's name holds the sequence of its intent, so it goes back to the very place in the journal where it was: its
INTENT record, with fills the venue tells of before it (they paid for it), and empty records in between. From there on
they are orders of an earlier life like any other: asked for, canceled, booked once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.record import JournalKind
from bot4._core.types import IntentAction, OrderType
from bot4.application.orders.board import BoardOrder, BoardReport
from bot4.application.orders.outbox import ReportOutbox
from bot4.application.past.run_past import PastUnreadableError
from bot4.domain.order import OrderSide
from bot4.domain.order_id import client_order_id, parse_client_order_id
from bot4.domain.order_life import OrderLife, ReportKind
from bot4.dto.adopted import AdoptedRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from bot4.application.past.run_past import RunPast
    from bot4.domain.instrument import Instrument
    from bot4.domain.order_id import OrderKey
    from bot4.ports.venue_order import VenueFill, VenueOrder

#: More records than this between the copy's end and an order found: the copy is not of that order's journal.
GAP_MAX = 10_000_000


@dataclass(frozen=True, slots=True)
class VenueTale:
    """What the venue tells of an account's last orders and trades."""

    orders: Sequence[VenueOrder]
    fills: Sequence[VenueFill]


def adopt(
    past: RunPast, tale: VenueTale, instruments: Sequence[Instrument], *, next_seq: int, epochs: range
) -> list[AdoptedRecord]:
    """Return the records that go behind a journal's copy, oldest first; none where no order is missing.

    Parameters
    ----------
    past : RunPast
        What the copy holds.
    tale : VenueTale
        Of all that was traded since the copy's end, a minute of overlap included.
    instruments : sequence of Instrument
        In the order of the lanes.
    next_seq : int
        Of the record behind the copy's last one.
    epochs : range
        Of leaders whose orders may be missing: from the copy's last one to that before ours.

    Raises
    ------
    PastUnreadableError
        Names at the venue contradict the copy: two orders at one place, or one that belongs before its end.

    """
    missing = _missing(past, tale.orders, epochs)
    lanes = {instrument.symbol: lane for lane, instrument in enumerate(instruments)}
    known = {(fill.symbol, fill.trade_id) for fill in past.fills}
    fills = sorted(
        (fill for fill in tale.fills if fill.symbol in lanes and (fill.symbol, fill.trade_id) not in known),
        key=lambda fill: (fill.ts_ns, fill.trade_id),
    )
    named = {(order.symbol, order.venue_order_id): order for order in tale.orders}
    booked = _Booked(past, instruments)
    records: list[AdoptedRecord] = []
    for key, order in missing:
        if order.symbol not in lanes:
            continue
        if not next_seq <= key.sequence <= next_seq + GAP_MAX:
            raise PastUnreadableError(
                f"order {order.client_order_id} is no order of this journal, which ends at {next_seq - 1}"
            )
        while next_seq < key.sequence:
            # What an order itself brought stands behind its intent: it is asked for as usual.
            fill = next((one for one in fills if _sequence(named, one) < key.sequence), None)
            row = None
            if fill is not None:
                fills.remove(fill)
                row = booked.row(fill, named[fill.symbol, fill.venue_order_id], lanes)
            kind = JournalKind.JOURNAL_META if row is None else JournalKind.JOURNAL_UPDATE
            records.append(AdoptedRecord(next_seq, key.epoch, int(kind), past.last_ns, row or b""))
            next_seq += 1
        records.append(
            _intent(key, order, instruments[lane := lanes[order.symbol]], tale.fills, lane=lane, wall_ns=past.last_ns)
        )
        next_seq += 1
    return records


def _sequence(named: Mapping[tuple[str, str], VenueOrder], fill: VenueFill) -> int:
    """Place in the journal of the order that a fill is of; above all others where it is of none of ours."""
    order = named.get((fill.symbol, fill.venue_order_id))
    key = None if order is None else parse_client_order_id(order.client_order_id)
    return 1 << 64 if key is None else key.sequence


def _missing(past: RunPast, orders: Iterable[VenueOrder], epochs: range) -> list[tuple[OrderKey, VenueOrder]]:
    known = {(order.epoch, order.order_id) for order in past.orders.values()}
    found = []
    for order in orders:
        key = parse_client_order_id(order.client_order_id)
        if key is not None and key.epoch in epochs and tuple(key) not in known:
            found.append((key, order))
    found.sort(key=lambda pair: pair[0].sequence)
    for (before, _), (after, order) in itertools.pairwise(found):
        if before.sequence == after.sequence or before.epoch > after.epoch:
            raise PastUnreadableError(f"order {order.client_order_id} has the place of another of epoch {before.epoch}")
    return found


def _intent(
    key: OrderKey, order: VenueOrder, instrument: Instrument, fills: Iterable[VenueFill], *, lane: int, wall_ns: int
) -> AdoptedRecord:
    paid = [fill.price for fill in fills if (fill.symbol, fill.venue_order_id) == (order.symbol, order.venue_order_id)]
    price = order.price or max(paid, default=Decimal(0))
    row = np.zeros(1, INTENT_DTYPE)
    row["order_id"] = key.sequence
    row["instrument"] = lane
    row["action"] = int(IntentAction.ACTION_PLACE)
    row["side"] = 0 if order.side is OrderSide.BUY else 1
    row["type"] = int(OrderType.ORDER_LIMIT if order.price else OrderType.ORDER_MARKET)
    row["price_ticks"] = instrument.price_to_ticks(price)
    row["qty_lots"] = instrument.qty_to_lots(order.qty)
    row["ts_ns"] = wall_ns
    return AdoptedRecord(key.sequence, key.epoch, int(JournalKind.JOURNAL_INTENT), wall_ns, row.tobytes())


class _Booked:
    """Fills as the journal holds them; stands where an engine would take them."""

    def __init__(self, past: RunPast, instruments: Sequence[Instrument]) -> None:
        assets = {name: (index, decimals) for index, (name, decimals) in enumerate(past.opening.assets)}
        self._instruments = instruments
        self._taken: list[bytes] = []
        self._outbox = ReportOutbox(self.push_reports, assets, lambda: past.last_ns, self._refuse)

    def push_reports(self, reports: NDArray[np.void], timeout_s: float = 0.0) -> int:
        """Take rows."""
        del timeout_s
        self._taken += [row.tobytes() for row in reports]
        return len(reports)

    def row(self, fill: VenueFill, order: VenueOrder, lanes: dict[str, int]) -> bytes:
        """Return the update of a fill of one of our orders."""
        key = parse_client_order_id(order.client_order_id)
        assert key is not None  # noqa: S101 - it was found by its name
        lane = lanes[fill.symbol]
        instrument = self._instruments[lane]
        ours = BoardOrder(
            client_order_id=client_order_id(*key),
            order_id=key.sequence,
            lane=lane,
            instrument=instrument,
            side=order.side,
            life=OrderLife(qty_lots=instrument.qty_to_lots(order.qty)),
        )
        self._outbox.add(BoardReport(ReportKind.FILL, ours, fill))
        self._outbox.flush(0.0)
        return self._taken.pop()

    @staticmethod
    def _refuse(line: str) -> Any:
        raise PastUnreadableError(line)
