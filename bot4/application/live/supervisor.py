"""Keeps the parts of a gateway alive: what raises unexpectedly is begun anew, and nothing is opened meanwhile.

A part that raises has stopped in the middle of something. So it is begun again after a pause, the gate closes at once,
and stays closed until the part is back and everything was compared with the venue once since. Cancellations, reports
and the dead-man switch go on: they protect. A part that cannot be kept alive ends trading.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
RESTARTS_MAX = 10
_WINDOW_S = 60.0


class Supervisor:
    """Parts of one gateway.

    Parameters
    ----------
    passes : callable
        How often everything was compared with the venue.
    on_away : callable
        Told at once why the gate has to close.

    One event loop.

    """

    def __init__(self, passes: Callable[[], int], on_away: Callable[[str], None]) -> None:
        self._passes = passes
        self._on_away = on_away
        self._away: dict[str, str] = {}
        self._stumbles: Counter[str] = Counter()
        self._compare_since: int | None = None
        self._why = ""
        self.turns = 0

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a part until it ends by itself; raises its last error where it fails too often."""
        failures: deque[float] = deque(maxlen=RESTARTS_MAX)
        loop = asyncio.get_running_loop()
        while True:
            try:
                await work()
            except Exception as error:
                now_s = loop.time()
                if len(failures) == RESTARTS_MAX and now_s - failures[0] < _WINDOW_S:
                    raise
                failures.append(now_s)
                self._away[name] = f"{name} is begun anew after {type(error).__name__}"
                self.stumbled(name, error)
                recent = sum(now_s - at < _WINDOW_S for at in failures)
                await asyncio.sleep(_PAUSES_S[min(recent, len(_PAUSES_S)) - 1])
                del self._away[name]
            else:
                return

    def stumbled(self, name: str, error: Exception) -> None:
        """Count an error that nobody expected; everything is compared before anything is opened again."""
        self._stumbles[f"{name}: {type(error).__name__}: {error}"[:200]] += 1
        # The pass that is under way may have looked before.
        self._compare_since = self._passes() + 1
        self._why = f"{name} failed: {type(error).__name__}"
        self._on_away(self._why)

    def why_closed(self) -> str | None:
        """Return why nothing may be opened, or None."""
        if self._away:
            return next(iter(self._away.values()))
        if self._compare_since is not None and self._passes() <= self._compare_since:
            return f"{self._why}; not compared with the venue since"
        return None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result has to know."""
        return tuple(f"{times} times went on after {what}" for what, times in self._stumbles.items())

    async def count_turns(self, pause_s: float) -> None:
        """Count turns of the event loop: what a watchdog sees that it moves by."""
        while True:
            self.turns += 1
            await asyncio.sleep(pause_s)
