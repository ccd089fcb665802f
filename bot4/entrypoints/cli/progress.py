"""A progress bar on a terminal's stderr, for work of more than a second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from rich.progress import Progress, TaskID

PROGRESS_AFTER_S = 1.0


class ByteBar:
    """Bytes done of the bytes there are; nothing where stderr is no terminal.

    Parameters
    ----------
    label : str
        What is being done.
    counts_bytes : bool
        Whether done and total are shown as sizes; else as a share.

    """

    def __init__(self, label: str, *, counts_bytes: bool = True) -> None:
        self._label = label
        self._counts_bytes = counts_bytes
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """Show `done` of `total`."""
        if not sys.stderr.isatty() or time.monotonic() - self._started < PROGRESS_AFTER_S:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                Progress,
                TaskProgressColumn,
                TextColumn,
                TimeRemainingColumn,
            )

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn() if self._counts_bytes else TaskProgressColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=total)
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
