from enum import IntFlag

import numpy as np
from numpy.typing import ArrayLike, NDArray

class BarVerdict(IntFlag):
    BAR_OPEN = 0
    BAR_CLOSED = 1
    BAR_LATE = 2
    BAR_REFUSED = 3

class TimeBarBuilder:
    def __init__(self, interval_ns: int) -> None: ...
    def on_trades(self, trades: ArrayLike) -> NDArray[np.int64]: ...
    def on_time(self, now_ns: int) -> tuple[int, ...] | None: ...
    @property
    def late_trades(self) -> int: ...
    @property
    def refused_trades(self) -> int: ...
