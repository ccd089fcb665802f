from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from bot4._core.book.book_sync import SyncState
from bot4._core.book.order_book import FAR_CAPACITY as FAR_CAPACITY
from bot4._core.book.order_book import WINDOW_TICKS as WINDOW_TICKS
from bot4._core.book.order_book import BookView

BUFFER_MESSAGES: Final[int]
BUFFER_LEVELS: Final[int]

@disjoint_base
class DepthSync:
    def __new__(
        cls,
        rule: int = ...,
        *,
        window_ticks: int = ...,
        far_capacity: int = ...,
        buffer_messages: int = ...,
        buffer_levels: int = ...,
    ) -> Self: ...
    def apply(self, events: NDArray[np.void], verdicts: NDArray[np.uint8] | None = None) -> int: ...
    def reset(self) -> None: ...
    def truncate(self, depth: int) -> None: ...
    @property
    def book(self) -> BookView: ...
    @property
    def is_live(self) -> bool: ...
    @property
    def needs_snapshot(self) -> bool: ...
    @property
    def state(self) -> SyncState: ...
    @property
    def last_id(self) -> int: ...
    @property
    def generation(self) -> int: ...
    @property
    def last_stamps_ns(self) -> tuple[int, int]: ...
    @property
    def buffered_messages(self) -> int: ...
    @property
    def counters(self) -> dict[str, int]: ...
