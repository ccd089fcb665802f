from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

class OrderOpKind(IntFlag):
    ORDER_OP_ADD = 0
    ORDER_OP_FIND = 1
    ORDER_OP_REMOVE = 2
    ORDER_OP_FILL = 3

class WorkingOrders:
    def __init__(self) -> None: ...
    def run(self, ops: NDArray[np.int64]) -> NDArray[np.int64]: ...
    def rows(self) -> NDArray[np.int64]: ...
    @property
    def state_hash(self) -> int: ...
