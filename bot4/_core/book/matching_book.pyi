from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

WINDOW_TICKS: int
FAR_CAPACITY: int
OP_DTYPE: np.dtype[np.void]
EVENT_DTYPE: np.dtype[np.void]

class MatchOpKind(IntEnum):
    OP_ADD = 0
    OP_CANCEL = 1
    OP_AMEND = 2

class MatchEventKind(IntEnum):
    MATCH_EVENT_RESTED = 0
    MATCH_EVENT_TRADE = 1
    MATCH_EVENT_PREVENTED = 2
    MATCH_EVENT_EXPIRED = 3
    MATCH_EVENT_CANCELED = 4
    MATCH_EVENT_AMENDED = 5
    MATCH_EVENT_REFUSED = 6

class MatchingBook:
    def __init__(
        self, *, max_orders: int = ..., max_events: int = ..., window_ticks: int = ..., far_capacity: int = ...
    ) -> None: ...
    def run(self, ops: NDArray[np.void]) -> int: ...
    def take_events(self) -> NDArray[np.void]: ...
    def clear_events(self) -> int: ...
    def clear(self) -> None: ...
    def depth(self, side: int, n: int = ...) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
    def hash(self) -> int: ...
    @property
    def best_bid(self) -> int: ...
    @property
    def best_ask(self) -> int: ...
    @property
    def order_count(self) -> int: ...
    @property
    def update_id(self) -> int: ...
    @property
    def last_id(self) -> int: ...
