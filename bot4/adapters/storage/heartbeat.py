"""A page of memory in the data directory in which a run shows that it moves, for a process that watches it.

The figures are counted by the threads that are to be watched - rounds of the shard's loop, turns of the gateway's - and
only copied here: a thread that does nothing else but copy proves nothing, so it stands still with them.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "heartbeat"
_MAGIC = b"BOT4BEAT"
_BODY = struct.Struct("<QQQQQ")  # pid, epoch, state, shard, gateway: each word is written whole
_BYTES = 64


class BeatState(IntEnum):
    """Where a run is."""

    STARTING = 1
    TRADING = 2
    OVER = 3  # every order has settled: there is nothing left to watch


@dataclass(frozen=True, slots=True)
class Beat:
    """One look at the page; `shard` and `gateway` only ever grow."""

    pid: int
    epoch: int
    state: BeatState
    shard: int
    gateway: int


class HeartbeatWriter:
    """The page of one run.

    Parameters
    ----------
    folder : Path
        The data directory, whose lock is held.
    epoch : int
        Of the run's orders.

    One thread.

    """

    def __init__(self, folder: Path, epoch: int) -> None:
        self._epoch = epoch
        fresh = folder / f"{FILE_NAME}.new"
        fresh.write_bytes(bytes(_BYTES))
        handle = os.open(fresh, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._page = mmap.mmap(handle, _BYTES)
        finally:
            os.close(handle)
        self.write(BeatState.STARTING, 0, 0)
        self._page[:8] = _MAGIC
        fresh.replace(folder / FILE_NAME)  # a reader sees a whole page, of this run or of the one before

    def write(self, state: BeatState, shard: int, gateway: int) -> None:
        """Copy the figures."""
        _BODY.pack_into(self._page, 8, os.getpid(), self._epoch, state, shard, gateway)

    def close(self) -> None:
        """Let go of the page; the file stays as it is."""
        self._page.close()


def read_beat(folder: Path) -> Beat | None:
    """Return what the page of a data directory shows; None where there is none."""
    try:
        content = (folder / FILE_NAME).read_bytes()
        if len(content) != _BYTES or content[:8] != _MAGIC:
            return None
        pid, epoch, state, shard, gateway = _BODY.unpack_from(content, 8)
        return Beat(pid, epoch, BeatState(state), shard, gateway)
    except (OSError, ValueError):
        return None
