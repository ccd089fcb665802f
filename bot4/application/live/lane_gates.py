"""The gates of a shard's lanes as its gateway sets them: told when they change, all at once where they can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4._core.engine.control import ControlCode
from bot4._core.engine.lane_state import GateReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.ports.shard_link import ShardLink

# GATE_START and GATE_MISMATCH of the engine's gate: what reconciliation may set and clear.
_REASONS = int(GateReason.GATE_START | GateReason.GATE_MISMATCH)


class LaneGates:
    """Gates of `lanes` lanes, all closed at first. A lane whose gate is closed cancels and reduces only."""

    def __init__(self, shard: ShardLink, lanes: int) -> None:
        self._shard = shard
        self._open = [False] * lanes

    @property
    def is_open(self) -> bool:
        """Whether any of them is open."""
        return any(self._open)

    def set(self, wanted: Sequence[bool]) -> None:
        """Open and close; where the control ring is full, the next call does it."""
        changed = [lane for lane, is_open in enumerate(wanted) if is_open != self._open[lane]]
        if len(changed) == len(wanted) and len(set(wanted)) == 1:
            if self._tell(wanted[0], {}):
                self._open = list(wanted)
            return
        for lane in changed:
            if self._tell(wanted[lane], {"instrument": lane}):
                self._open[lane] = wanted[lane]

    def note_mismatch(self) -> None:
        """Have the journal say that the venue's balances are not the books': the next start has to be told why."""
        self._shard.control(int(ControlCode.CONTROL_GATE_CLOSE), value=int(GateReason.GATE_MISMATCH))

    def _tell(self, is_open: bool, lane: dict[str, int]) -> bool:  # noqa: FBT001 - the gate's state itself
        code = ControlCode.CONTROL_GATE_OPEN if is_open else ControlCode.CONTROL_GATE_CLOSE
        return self._shard.control(int(code), value=_REASONS, **lane) is not False
