from enum import IntFlag
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

from bot4._core.wire.scan import Scanner

RECORD_DTYPE: Final[np.dtype[Any]]

class MeasureBound(IntFlag):
    MEASURE_BUCKETS = 20
    MEASURE_SPREADS = 4096
    MEASURE_RECORDS = 65536
    MEASURE_PRINTS = 1024

class MeasureKind(IntFlag):
    MEASURE_TAKER = 1
    MEASURE_MOVE = 2
    MEASURE_LATENCY = 3
    MEASURE_WINDOW = 4

class MarketMeasure:
    def __init__(self, scanner: Scanner | None = None, *, instrument: int = 0) -> None: ...
    @property
    def messages(self) -> int: ...
    @property
    def bad_lines(self) -> int: ...
    def lines(self, data: Buffer, capture_format: int, *, start: int = 0) -> int: ...
    def events_many(self, events: NDArray[Any]) -> int: ...
    def take_records(self) -> NDArray[Any]: ...
    def finish(self) -> None: ...
    def restart(self) -> None: ...
    @property
    def is_live(self) -> bool: ...
    @property
    def book_counters(self) -> dict[str, int]: ...
    @property
    def totals(self) -> dict[str, Any]: ...
