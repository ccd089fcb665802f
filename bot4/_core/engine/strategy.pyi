from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot4._core.sim.latency import Latency

CALLS: Final[tuple[str, ...]]
STRATEGY_CALL_DTYPE: np.dtype[np.void]
TOP_DTYPE: np.dtype[np.void]
WORKING_ORDER_DTYPE: np.dtype[np.void]

class StrategyHost:
    def __init__(
        self,
        function: Any,
        state: NDArray[np.void] | None = None,
        *,
        wants: Sequence[str] = ("book",),
        timer_interval_ns: int = 0,
        latency: Latency | None = None,
        seed: int = 0,
    ) -> None: ...
    @property
    def error(self) -> BaseException | None: ...
    def counters(self) -> dict[str, int]: ...
