from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

class CsvKind(IntEnum):
    CSV_TRADES = 0
    CSV_AGG_TRADES = 1
    CSV_KLINES = 2

class CsvVerdict(IntEnum):
    CSV_OK = 0
    CSV_SKIPPED = 1
    CSV_BAD_COLUMNS = 2
    CSV_BAD_NUMBER = 3
    CSV_BAD_ID = 4
    CSV_BAD_TIME = 5
    CSV_BAD_FLAG = 6
    CSV_PRICE_OFF_GRID = 7
    CSV_QTY_OFF_GRID = 8
    CSV_NOT_POSITIVE = 9
    CSV_BAD_BAR = 10
    CSV_VERDICTS = 11

class CsvRows:
    kind: int
    line_number: int
    def __init__(self, kind: int, tick_size: str, lot_size: str, instrument: int = 0) -> None: ...
    def parse(
        self, data: bytes | bytearray | memoryview
    ) -> tuple[NDArray[Any], NDArray[np.int64], list[tuple[int, int]]]: ...
    @property
    def counts(self) -> dict[str, int]: ...

def verdict_name(verdict: int) -> str: ...
