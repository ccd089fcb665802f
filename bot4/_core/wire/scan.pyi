from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

class ScanVerdict(IntEnum):
    SCAN_OK = 0
    SCAN_IGNORED = 1
    SCAN_MALFORMED = 2
    SCAN_TRUNCATED = 3
    SCAN_TOO_DEEP = 4
    SCAN_OVERSIZED = 5
    SCAN_DUPLICATE_FIELD = 6
    SCAN_MISSING_FIELD = 7
    SCAN_WRONG_TYPE = 8
    SCAN_BAD_NUMBER = 9
    SCAN_NEGATIVE = 10
    SCAN_OVERLONG = 11
    SCAN_OFF_TICK = 12
    SCAN_OFF_LOT = 13
    SCAN_ZERO_PRICE = 14
    SCAN_BAD_TIME = 15
    SCAN_BAD_RANGE = 16
    SCAN_UNKNOWN_SYMBOL = 17
    SCAN_TOO_MANY_LEVELS = 18

class Scanner:
    def __init__(self, max_events: int = 16_384) -> None: ...
    def add_instrument(
        self, symbol: str, tick_size: str, lot_size: str, *, skip_off_tick_levels: bool = False
    ) -> int: ...
    def instrument(self, symbol: str) -> int: ...
    def scan(
        self, frame: bytes | bytearray | memoryview, recv_ns: int, default_instrument: int = -1
    ) -> NDArray[np.void]: ...
    def scan_many(
        self,
        data: bytes | bytearray | memoryview,
        offsets: NDArray[np.int64],
        recv_ns: NDArray[np.int64],
        out: NDArray[Any],
        verdicts: NDArray[np.uint8],
        default_instrument: int = -1,
    ) -> tuple[int, int]: ...
    @property
    def last_verdict(self) -> str: ...
    @property
    def counters(self) -> dict[str, int]: ...
    @property
    def refused(self) -> int: ...
