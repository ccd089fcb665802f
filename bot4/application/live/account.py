"""What a live session is given: its account at a venue, and how often its gateway looks after things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal
    from typing import Protocol

    from bot4.application.live.shard_kill import ShardKill
    from bot4.application.past.accepted_balance import AcceptedBalance
    from bot4.application.past.run_past import RunPast
    from bot4.ports.exchange import ExchangePort
    from bot4.ports.leadership import Leadership

    class Attendant(Protocol):
        """Who stands beside a live run, told of its progress twenty times a second."""

        def start(self) -> None:
            """Begin."""
            ...

        def beat(self) -> None:
            """Look at the run's progress."""
            ...

        def stop(self) -> None:
            """Let go: the run has ended."""
            ...

    # Of a shard, the run's id, and the notes of its summary.
    Attend = Callable[[ShardKill, str, list[str]], Attendant]


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePace:
    """How often the gateway looks after things."""

    reconcile_s: float = 10.0
    ready_s: float = 0.1
    drain_s: float = 30.0
    dead_man_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccount:
    """What a session needs to trade for real: a venue that is not started yet, its balances, and a new epoch."""

    exchange: ExchangePort
    balances: Mapping[str, Decimal]
    epoch: int
    pace: LivePace
    place: str
    attend: Attend | None = None
    lead: Leadership | None = None  # where a standby may take over
    past: RunPast | None = None  # of a run that did not end in order: this one goes on with it
    accepted: tuple[AcceptedBalance, ...] = ()  # by its user, and in `past`; not in the journal yet
