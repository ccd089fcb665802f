"""One set of streams and the socket that carries it: when to connect, to overlap, to give up. A state machine.

It holds no socket and starts no thread: `LiveFeed` does what its answers say. Times are of one monotonic clock, ns.

========== ===========================================================================================
state      meaning
========== ===========================================================================================
DOWN       no socket; the next attempt is at `next_attempt_ns`
CONNECTING an attempt is under way, nothing is up
UP         one socket carries the streams
ROTATING   one is up; another is being connected, or is up beside it until the old one is let go
========== ===========================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot4.adapters.venues.backoff import Backoff

S = 1_000_000_000


class LinkState(Enum):
    """See the module's table."""

    DOWN = "down"
    CONNECTING = "connecting"
    UP = "up"
    ROTATING = "rotating"


@dataclass(slots=True)
class StreamLink:
    """The life of one connection's streams.

    Parameters
    ----------
    name : str
        For messages to people.
    url : str
        What to connect to: it names the streams.
    lanes : tuple of int
        Instruments whose depth it carries.
    backoff : Backoff
    rotate_after_s : float
        Age at which a second socket takes over, before the venue cuts the first.
    overlap_s : float
        How long the new socket speaks before the old one is let go.

    """

    name: str
    url: str
    lanes: tuple[int, ...]
    backoff: Backoff
    rotate_after_s: float
    overlap_s: float = 2.0
    state: LinkState = LinkState.DOWN
    next_attempt_ns: int = 0
    is_attempting: bool = False
    up_since_ns: int = 0
    newer_since_ns: int | None = None  # ROTATING: when the second socket came up
    connections: int = 0
    losses: int = 0
    rotations: int = 0
    last_error: str = ""

    def wants_attempt(self, now_ns: int) -> bool:
        """Whether an attempt to connect is due; `attempting` has to be told of it."""
        if self.is_attempting or now_ns < self.next_attempt_ns:
            return False
        if self.state is LinkState.UP and now_ns - self.up_since_ns >= round(self.rotate_after_s * S):
            self.rotate()
        return self.state is LinkState.DOWN or (self.state is LinkState.ROTATING and self.newer_since_ns is None)

    def attempting(self) -> None:
        """Note that an attempt was begun."""
        self.is_attempting = True
        if self.state is LinkState.DOWN:
            self.state = LinkState.CONNECTING

    def connected(self, now_ns: int) -> bool:
        """Note a socket that is up; true where it is the only one, false where it overlaps another."""
        self.is_attempting = False
        self.connections += 1
        self.last_error = ""
        if self.state is LinkState.ROTATING:
            self.newer_since_ns = now_ns
            return False
        self.state = LinkState.UP
        self.up_since_ns = now_ns
        return True

    def failed(self, now_ns: int, why: str) -> None:
        """Note an attempt that failed."""
        self.is_attempting = False
        self.last_error = why
        self.next_attempt_ns = now_ns + round(self.backoff.fail() * S)
        if self.state is LinkState.CONNECTING:
            self.state = LinkState.DOWN

    def spoke(self) -> None:
        """Note a market event on it: it works, and waits begin anew."""
        self.backoff.succeed()

    def rotate(self) -> None:
        """Ask for a second socket that takes over: the first is old, or its server is about to leave."""
        if self.state is LinkState.UP:
            self.state = LinkState.ROTATING
            self.newer_since_ns = None
            self.rotations += 1

    def may_let_go(self, now_ns: int, *, newer_has_spoken: bool) -> bool:
        """Whether the old socket has served: the new one speaks, long enough for both to have said the same."""
        return (
            self.state is LinkState.ROTATING
            and self.newer_since_ns is not None
            and newer_has_spoken
            and now_ns - self.newer_since_ns >= round(self.overlap_s * S)
        )

    def let_go(self) -> None:
        """Note that the old socket is closed: the new one is the link now."""
        assert self.newer_since_ns is not None  # noqa: S101 - may_let_go said so, or the old one is gone
        self.up_since_ns = self.newer_since_ns
        self.newer_since_ns = None
        self.state = LinkState.UP

    def lost_newer(self, now_ns: int, why: str) -> None:
        """Note that the second socket was lost before it took over."""
        self.newer_since_ns = None
        self.failed(now_ns, why)

    def begin_anew(self, now_ns: int, why: str) -> None:
        """Note that whoever read its sockets is gone, and they with it."""
        self.losses += self.state in {LinkState.UP, LinkState.ROTATING}
        self.last_error = why
        self.is_attempting = False
        self.newer_since_ns = None
        self.state = LinkState.DOWN
        self.next_attempt_ns = now_ns + round(self.backoff.fail() * S)

    def lost(self, now_ns: int, why: str) -> bool:
        """Note that the socket was lost; true where nothing carries the streams now."""
        self.losses += 1
        self.last_error = why
        if self.state is LinkState.ROTATING and self.newer_since_ns is not None:
            self.let_go()
            return False
        self.state = LinkState.CONNECTING if self.is_attempting else LinkState.DOWN
        self.next_attempt_ns = now_ns + round(self.backoff.fail() * S)
        return True
