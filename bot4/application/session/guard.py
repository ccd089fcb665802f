"""What watches over a run from beside it: the kill switch, by a thread that waits for nothing the run does.

Twenty times a second it looks whether the switch was set. Then, in this order: the
breaker's kill bit (no order passes it any more, wherever the engine's thread is), cancellation at the venue by the
gateway, and the same once more by the engine, whose journal holds it.
"""

from __future__ import annotations

import time
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from bot4.domain.errors import FatalError
from bot4.ports.kill_switch import SwitchEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.ports.kill_switch import KillSwitch

LOOK_S = 0.05
FLATTEN_S = 10.0


class Killable(Protocol):
    """A run, as far as a switch can move it. Any thread; False: it has no room for it now, and is told again."""

    def kill(self, entry: int) -> bool:
        """Refuse every further order and cancel what works."""
        ...

    def reset(self, entry: int) -> bool:
        """Let orders pass again."""
        ...

    def flatten(self) -> bool:
        """Close the gate, cancel what works and close every position by orders that can only reduce."""
        ...

    @property
    def is_flat(self) -> bool:
        """Whether there is neither position nor working order."""
        ...


class RunGuard:
    """Obeys a kill switch while a run goes on.

    Parameters
    ----------
    switch : KillSwitch
    run : Killable
    run_id : str
    notes : list of str
        Takes what a reader of the run's summary has to know.
    flattens : bool
        Close positions first, for at most ten seconds.
    heard : callable
        Told of each entry that the run has followed: for the audit trail.
    also : callable
        Called at each look: what else has to be done by a thread that waits for nothing.

    `start` and `stop` by one thread; `ask` by any, a signal handler too.

    """

    def __init__(
        self,
        switch: KillSwitch,
        run: Killable,
        run_id: str,
        notes: list[str],
        *,
        flattens: bool = False,
        heard: Callable[[SwitchEntry], None] = lambda _: None,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        self.switch = switch
        self._run = run
        self._run_id = run_id
        self._flattens = flattens
        self._heard = heard
        self._also = also
        self._over = Flag()
        self._asked: str | None = None
        self._killed: SwitchEntry | None = None
        self._flatten_until_s: float | None = None
        self.notes = notes
        self._thread = Thread(target=self._watch, name="bot4-guard", daemon=True)

    def ask(self, by: str) -> None:
        """Set the switch at the next look; takes no lock."""
        self._asked = by

    @property
    def killed(self) -> SwitchEntry | None:
        """The entry the run was killed by, None while it may trade."""
        return self._killed

    def start(self) -> None:
        """Write a reset that no journal holds into this run's, and begin to look."""
        if (reset := self.switch.last_reset()) is not None and self._run.reset(reset.entry):
            self.switch.mark_journalled(reset, self._run_id)
            self._heard(reset)
        self._thread.start()

    def stop(self) -> None:
        """End looking."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    # -- its thread

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            try:
                self.look()
                self._also()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look is made
                note = f"the guard: {type(error).__name__}: {error}"
                if note not in self.notes:
                    self.notes.append(note)

    def look(self) -> None:
        """Bring the run to what the switch says."""
        if (by := self._asked) is not None:
            self._asked = None
            self._set(by)
        entry = self.switch.state()
        if entry is not None and self._killed is None:
            # A file that a person made has no entry yet; where it cannot be written, the file is enough.
            self._kill(entry if entry.entry else self.switch.kill(by=entry.by, reason=entry.reason))
        elif entry is None and self._killed is not None and self._killed.at_utc:
            self._reset()

    def _set(self, by: str) -> None:
        try:
            self.switch.kill(by=by, reason=f"{by} to run {self._run_id}")
        except FatalError as error:
            self.notes.append(str(error))
            self._kill(SwitchEntry(0, "", "kill", by, str(error)))  # it holds for this run at least

    def _kill(self, entry: SwitchEntry) -> None:
        if self._flattens and not self._has_flattened():
            return
        if self._run.kill(entry.entry):
            self._killed = entry
            self.notes.append(f"{entry}; orders were refused from then on")
            self._heard(entry)

    def _has_flattened(self) -> bool:
        now_s = time.monotonic()
        if self._flatten_until_s is None:
            if self._run.flatten():
                self._flatten_until_s = now_s + FLATTEN_S
            return False
        return self._run.is_flat or now_s >= self._flatten_until_s

    def _reset(self) -> None:
        reset = self.switch.last_reset()
        if self._run.reset(reset.entry if reset is not None else 0):
            self._killed, self._flatten_until_s = None, None
            if reset is not None:
                self.switch.mark_journalled(reset, self._run_id)
                self.notes.append(f"{reset}; orders were admitted again")
                self._heard(reset)
