"""What a run's journal says, read while it is written: who decided, and which gates are open."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from bot4._core.engine.control import ControlCode
from bot4._core.journal.record import JournalKind
from bot4._core.types import EventKind
from bot4.adapters.failover.journal_tail import JournalTail

_RECORD = struct.Struct("<IIQIBBHqq")
_ALL_LANES = 0xFFFF
_LANES = 2


@dataclass
class Look:
    """Counts of one epoch: of the newest one there is."""

    epoch: int = 0
    intents: int = 0
    places: int = 0
    dropped: int = 0
    kills: int = 0
    open_lanes: set[int] = field(default_factory=set)
    closed_lanes: set[int] = field(default_factory=set)
    denied_lanes: set[int] = field(default_factory=set)


class NewRecords:
    """Reads the newest journal of a data directory on, from look to look."""

    def __init__(self, data):
        self._data = data
        self._tail = None
        self._looks: dict[int, Look] = {}

    def look(self, epoch=None) -> Look:
        found = sorted((self._data / "runs").glob("*/shard-0.journal")) if self._data.is_dir() else []
        if found and (self._tail is None or self._tail.path != found[-1]):
            self._tail, self._looks = JournalTail(found[-1]), {}
        while self._tail is not None and (piece := self._tail.read(1 << 20)) is not None:
            self._take(piece.data, 64 if piece.place.at == 0 else 0)
        return self._looks.get(max(self._looks, default=0) if epoch is None else epoch, Look())

    def _take(self, data, at):
        while at < len(data):
            _, length, _, epoch, kind, *_ = _RECORD.unpack_from(data, at)
            payload = data[at + _RECORD.size : at + _RECORD.size + length]
            at += _RECORD.size + length
            look = self._looks.setdefault(epoch, Look(epoch))
            if kind == JournalKind.JOURNAL_INTENT:
                look.intents += 1
                look.places += payload[10] == 0
            elif kind == JournalKind.JOURNAL_UPDATE and payload[0] == EventKind.EVENT_ORDER_DROPPED:
                look.dropped += 1
            elif kind == JournalKind.JOURNAL_UPDATE and payload[0] == EventKind.EVENT_ORDER_RESOLVED_ABSENT:
                look.denied_lanes.add(int.from_bytes(payload[4:6], "little"))
            elif kind == JournalKind.JOURNAL_CONTROL:
                look.kills += payload[24] == ControlCode.CONTROL_KILL
                self._control(look, int.from_bytes(payload[4:6], "little"), payload[24])

    @staticmethod
    def _control(look, lane, code):
        lanes = set(range(_LANES)) if lane == _ALL_LANES else {lane}
        if code == ControlCode.CONTROL_GATE_OPEN:
            look.open_lanes |= lanes
            look.closed_lanes -= lanes
        elif code == ControlCode.CONTROL_GATE_CLOSE:
            look.closed_lanes |= lanes
            look.open_lanes -= lanes
