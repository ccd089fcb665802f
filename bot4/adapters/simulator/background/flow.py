"""What the exchange needs of a background market, so that one can take another's place."""

from __future__ import annotations

from typing import Protocol


class Flow(Protocol):
    """A market that trades by itself."""

    def begin(self, now_ns: int) -> None:
        """Put the first orders into the books."""

    def advance(self, seconds: float, now_ns: int) -> None:
        """Let the market's own time go on.

        Parameters
        ----------
        seconds : float
            Of the market's time, above 0.
        now_ns : int
            Server time: what the orders are stamped with.

        """


class Flows:
    """Several background markets as one; see `Flow`."""

    def __init__(self, *flows: Flow) -> None:
        self._flows = flows

    def begin(self, now_ns: int) -> None:
        """Put the first orders into the books."""
        for flow in self._flows:
            flow.begin(now_ns)

    def advance(self, seconds: float, now_ns: int) -> None:
        """Let the markets' own time go on."""
        for flow in self._flows:
            flow.advance(seconds, now_ns)
