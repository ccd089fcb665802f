"""What signals do to a run."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Self

    from bot4.application.session.guard import RunGuard
    from bot4.application.session.session import PaperSession
    from bot4.bootstrap import OpenStandby

_FORCED = 130
_SHOW_CURSOR = b"\x1b[?25h\r\n"


class RunSignals:
    """Ctrl-C and SIGTERM end the run in order, one that is only being put together too; a second one leaves at once.

    SIGHUP, when the terminal goes, ends it in order too: it never leaves at once, for it comes from the shell and from
    the system, at no certain time. Where it was to be ignored (``nohup``) it stays so.
    SIGUSR1 sets the kill switch: the run goes on, and sends no order until it is reset.
    """

    def __init__(self) -> None:
        self._session: PaperSession | OpenStandby | None = None
        self._guard: RunGuard | None = None
        self._asked = False
        self._killed = False
        self._before: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._handle)
        self._before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._kill)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._asked and number == signal.SIGHUP else handler)

    def stop(self, session: PaperSession | OpenStandby, guard: RunGuard | None = None) -> None:
        """Stop this session at the first signal, or now where it has come."""
        self._session, self._guard = session, guard
        if self._killed and guard is not None:
            guard.ask("signal")
        if self._asked:
            session.stop()

    def _kill(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._killed = True
        if self._guard is not None:
            self._guard.ask("signal")

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._asked and number != signal.SIGHUP:
            _show_cursor()
            os._exit(_FORCED)
        self._asked = True
        if self._session is not None:
            self._session.stop()


def _show_cursor() -> None:
    """Give a terminal the cursor back that the live view hid: no lock is taken, for the process ends at once."""
    for descriptor in (1, 2):
        if os.isatty(descriptor):
            os.write(descriptor, _SHOW_CURSOR)
            return
