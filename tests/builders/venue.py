"""A lane on an external venue, and the reports a gateway would push."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bot4._core.engine.control import ControlCode
from bot4._core.engine.link import VenueLink
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import EventKind
from builders.engine import Rig, book_with, report, timer

REFUSAL_DTYPE = np.dtype([("intent", INTENT_DTYPE), ("stage", "i8"), ("verdict", "i8")])
PRICE = 100_001


class LiveRig(Rig):
    """A rig whose lanes trade through a link; its gate is opened, as reconciliation would."""

    def __init__(self, tmp_path: Path, *, is_open: bool = True, intents: int = 64, **arguments) -> None:
        super().__init__(
            journal=tmp_path / "j", link=VenueLink(intents_capacity=intents, reports_capacity=64), **arguments
        )
        if is_open:
            self.control(ControlCode.CONTROL_GATE_OPEN)

    def control(self, code: int, **fields: int) -> None:
        self.engine.control(int(code), **fields)

    def place(self, *, side: int = 0, qty_lots: int = 10, price_ticks: int = PRICE, flags: int = 0) -> int:
        """Ask for one order by hand; returns its id."""
        self.control(
            ControlCode.CONTROL_PLACE, instrument=0, value=price_ticks, side=side, qty_lots=qty_lots, flags=flags
        )
        taken = self.taken()
        assert len(taken) == 1, "the order was refused"
        return int(taken[0]["order_id"])

    def taken(self) -> np.ndarray:
        return self.link.take_intents(256)

    @property
    def position(self) -> int:
        return self.positions[0].lots

    def refusals(self) -> list[tuple[int, int]]:
        with JournalReader(self.journal.path) as reader:
            rows = np.frombuffer(reader.payloads(JournalKind.JOURNAL_REFUSAL), REFUSAL_DTYPE)
        return [(int(row["stage"]), int(row["verdict"])) for row in rows]


def quiet(tmp_path, **arguments) -> LiveRig:
    """A rig with a book that asks for nothing."""
    rig = LiveRig(tmp_path, **arguments)
    rig.apply(book_with(20, 20), timer(10))
    return rig


def fill(order_id: int, lots: int, trade_id: int, *, side: int = 0, reason: int = 0, fee: int = 0) -> np.ndarray:
    return report(
        EventKind.EVENT_ORDER_FILL,
        order_id,
        side=side,
        reason=reason,
        price_ticks=PRICE,
        qty_lots=lots,
        trade_id=trade_id,
        fee_atoms=fee,
    )


def total(order_id: int, lots: int, trade_id: int = -1) -> np.ndarray:
    return report(EventKind.EVENT_ORDER_TOTAL, order_id, qty_lots=lots, trade_id=trade_id)
