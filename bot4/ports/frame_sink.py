"""Where received frames go that a run records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot4._core.wire.frame_log import FrameLog


class FrameSink(Protocol):
    """A recording in the making; the reading thread fills `log`, another one empties it."""

    @property
    def log(self) -> FrameLog:
        """Takes frames and never makes their reader wait."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the recording has to know: what it lacks, why it ended."""
        ...
