"""A shard driven by hand: what a gateway needs of one, and a record of every report it was given."""

from __future__ import annotations

import os
from collections import deque

import numpy as np

from bot4._core.engine.control import ControlCode
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.types import EventKind, IntentAction

NAMES = {int(kind): kind.name.removeprefix("EVENT_ORDER_").lower() for kind in EventKind}


class HandShard:
    def __init__(self) -> None:
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._intents: deque[np.ndarray] = deque()
        self.reports: list[np.void] = []
        self.controls: list[tuple[int, int]] = []
        self.payments: list[tuple[int, int, int]] = []  # of funding: number, when, atoms
        self.room = 1 << 30
        self.admits = True
        self._next_id = 1

    # -- the engine's side

    def place(self, *, side=0, qty_lots=1, price_ticks=10_000, flags=0, tif=0, kind=0) -> int:
        order_id, self._next_id = self._next_id, self._next_id + 1
        self._push(
            order_id=order_id, action=int(IntentAction.ACTION_PLACE), side=side, qty_lots=qty_lots, generation=7,
            price_ticks=price_ticks, flags=flags, tif=tif, type=kind,
        )  # fmt: skip
        return order_id

    def cancel(self, order_id: int) -> None:
        self._push(order_id=order_id, action=int(IntentAction.ACTION_CANCEL))

    def _push(self, **fields) -> None:
        row = np.zeros(1, INTENT_DTYPE)
        for name, value in fields.items():
            row[name] = value
        self._intents.append(row)
        os.eventfd_write(self._wake, 1)

    def told(self, order_id: int) -> list[str]:
        return [NAMES[int(row["kind"])] for row in self.reports if int(row["a"]) == order_id]

    def fills(self, order_id: int | None = None) -> list[np.void]:
        return [
            row for row in self.reports
            if int(row["kind"]) == EventKind.EVENT_ORDER_FILL and order_id in {None, int(row["a"])}
        ]  # fmt: skip

    @property
    def position_lots(self) -> int:
        return sum(int(row["c"]) * (1 if int(row["side"]) == 0 else -1) for row in self.fills())

    @property
    def gate_is_open(self) -> bool:
        moves = [code for code, _ in self.controls]
        return bool(moves) and moves[-1] == ControlCode.CONTROL_GATE_OPEN

    # -- ShardLink

    def intents_fileno(self) -> int:
        return self._wake

    def arm_intents(self) -> bool:
        return not self._intents

    def acknowledge_intents(self) -> bool:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            return False
        return True

    def take_intents(self, max_count=64):
        rows = [self._intents.popleft() for _ in range(min(max_count, len(self._intents)))]
        return np.concatenate(rows) if rows else np.zeros(0, INTENT_DTYPE)

    def push_reports(self, reports, timeout_s=1.0):  # noqa: ARG002
        assert reports.dtype == EVENT_DTYPE
        taken = min(len(reports), self.room - len(self.reports))
        self.reports.extend(reports[:taken].copy())
        return taken

    def control(self, code, *, instrument=0xFFFF, value=0, qty_lots=0, tif=0):  # noqa: ARG002 - of one lane
        if code == ControlCode.CONTROL_FUNDING_PAID:
            self.payments.append((tif, qty_lots, value))
        else:
            self.controls.append((code, value))
        return True

    # -- Admission

    def readmit(self, ticket: int) -> bool:
        assert ticket == 7
        return self.admits
