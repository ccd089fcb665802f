"""What may block, done by threads of its own; what it returns is run by the one thread that asked."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Background:
    """Runs work elsewhere and its consequences here.

    Parameters
    ----------
    wake : callable
        Called from another thread when something finished.

    The callers bound how much runs at a time. A thread that never comes back costs its result and nothing else: it
    does not keep the process alive.

    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._finished: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._has_ended = False

    def start(self, work: Callable[[], Callable[[], None]]) -> None:
        """Run `work` in a thread; what it returns is run by `take`."""

        def body() -> None:
            self._finished.put(work())
            if self._has_ended:  # nobody takes it there any more
                self.take()
            else:
                self._wake()

        Thread(target=body, name="bot4-venue", daemon=True).start()

    def end(self) -> None:
        """Take for the last time: what finishes later has its consequence in its own thread."""
        self._has_ended = True
        self.take()

    def take(self) -> None:
        """Run the consequences of everything that finished."""
        while True:
            try:
                consequence = self._finished.get_nowait()
            except Empty:
                return
            consequence()
