"""What a gateway needs of the shard it trades for: decided intents out, the venue's reports in, and the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ShardLink(Protocol):
    """One side of the rings; `ShardRunner` is one. Everything belongs to the gateway's thread but `control`."""

    def intents_fileno(self) -> int:
        """Return the descriptor that becomes readable when an intent comes after `arm_intents` returned True."""
        ...

    def arm_intents(self) -> bool:
        """Say that the gateway is about to sleep; False: there are intents, take them first."""
        ...

    def acknowledge_intents(self) -> bool:
        """Take the wake-up that made the descriptor readable."""
        ...

    def take_intents(self, max_count: int = ...) -> NDArray[np.void]:
        """Return decided and journalled intents, oldest first."""
        ...

    def push_reports(self, reports: NDArray[np.void], timeout_s: float = ...) -> int:
        """Hand reports to the shard; returns how many it took. The others are pushed again, never dropped."""
        ...

    def control(
        self, code: int, *, instrument: int = ..., value: int = ..., qty_lots: int = ..., tif: int = ...
    ) -> bool | None:
        """Queue one control event; False where there is no room for it. See `ControlCode` for what its fields are."""
        ...


class Admission(Protocol):
    """The breaker as a gateway sees it."""

    def readmit(self, ticket: int) -> bool:
        """Whether nothing tripped, killed or reset the breaker since this ticket was given."""
        ...
