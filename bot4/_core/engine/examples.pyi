from typing import Any

import numpy as np
from numpy.typing import NDArray

EMA_CROSS_DTYPE: np.dtype[np.void]
GRID_DTYPE: np.dtype[np.void]

def ema_cross(*, fast: int, slow: int, lots: int, slippage_ticks: int = 0) -> tuple[Any, NDArray[np.void]]: ...
def grid(
    *,
    levels: int = 10,
    interval_ticks: int,
    half_spread_ticks: int,
    lots: int,
    position_max_lots: int,
    align_ticks: int = 1,
) -> tuple[Any, NDArray[np.void]]: ...
