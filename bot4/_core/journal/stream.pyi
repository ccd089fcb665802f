import os
from enum import IntFlag
from types import TracebackType
from typing import Self

from typing_extensions import Buffer

from bot4._core.journal.reader import JournalError

class JournalState(IntFlag):
    JOURNAL_OPEN = 0
    JOURNAL_FULL = 1
    JOURNAL_FAILED = 2
    JOURNAL_CLOSED = 3

class JournalBusy(JournalError): ...  # noqa: N818 - it says what the journal is

class Journal:
    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        stream_id: int = 0,
        build_hash: int = 0,
        config_hash: int = 0,
        mono_ns: int = 0,
        wall_ns: int = 0,
        block_bytes: int = ...,
        reserve_bytes: int = ...,
    ) -> None: ...
    @property
    def path(self) -> str: ...
    @property
    def torn_bytes(self) -> int: ...
    def append(self, kind: int, payload: Buffer, *, mono_ns: int, wall_ns: int, reserved: bool = False) -> int: ...
    def append_many(self, kind: int, payloads: Buffer, payload_bytes: int, *, mono_ns: int, wall_ns: int) -> int: ...
    def sync(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...
    def fileno(self) -> int: ...
    @property
    def next_seq(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def has_reserve(self) -> bool: ...
    @property
    def state(self) -> JournalState: ...
    @property
    def error(self) -> str: ...
