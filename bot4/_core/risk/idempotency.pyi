from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

class IdVerdict(IntEnum):
    ID_NEW = 0
    ID_DUPLICATE = 1
    ID_FULL = 2
    ID_INVALID = 3

class IdState(IntEnum):
    ID_ABSENT = 0
    ID_OPEN = 1
    ID_CLOSED = 2

class IdempotencyStore:
    def __init__(self, *, capacity: int = 262_144, ttl_ns: int = ..., seed: int) -> None: ...
    def insert(self, client_id: str | bytes, now_ns: int) -> IdVerdict: ...
    def close(self, client_id: str | bytes, now_ns: int) -> IdState: ...
    def lookup(self, client_id: str | bytes, now_ns: int) -> IdState: ...
    def expire(self, limit: int, now_ns: int) -> int: ...
    def run(
        self,
        kinds: NDArray[np.uint8],
        ids: NDArray[np.uint8],
        lengths: NDArray[np.uint8],
        now_ns: NDArray[np.int64],
    ) -> NDArray[np.int32]: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    def counters(self) -> dict[str, int]: ...
