"""What a live run can do without for a while: tables, a screen. Where they fail, trading goes on and they come later.

A run over a recording has nothing to lose by ending at once, and everything by an answer that is not whole: it ends.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSES_S = (0.25, 0.5, 1.0, 2.0, 5.0)


class Degraded:
    """Tries what may fail.

    Parameters
    ----------
    notes : list of str
        Takes each kind of failure once.
    is_tolerant : bool
        Whether the run goes on; else the failure is raised.

    One thread.

    """

    def __init__(self, notes: list[str], *, is_tolerant: bool) -> None:
        self._notes = notes
        self._is_tolerant = is_tolerant
        self._failures: Counter[str] = Counter()
        self._not_before_s: dict[str, float] = {}

    def attempt(self, what: str, work: Callable[[], object]) -> bool:
        """Do it unless it failed a moment ago; whether it was done."""
        if time.monotonic() < self._not_before_s.get(what, 0.0):
            return False
        try:
            work()
        except Exception as error:
            if not self._is_tolerant:
                raise
            self._failures[what] += 1
            pause_s = _PAUSES_S[min(self._failures[what], len(_PAUSES_S)) - 1]
            self._not_before_s[what] = time.monotonic() + pause_s
            note = f"{what} failed and is tried again: {error or type(error).__name__}"
            if note not in self._notes and len(self._notes) < 100:  # noqa: PLR2004 - a bound
                self._notes.append(note)
            return False
        self._failures[what] = 0
        return True
