import numpy as np
from numpy.typing import NDArray

from bot4._core.mem.record_ring import RecordRing
from bot4._core.mem.waiter import Waiter

class SpscIntentRing(RecordRing):
    def pop(self, n: int, room: Waiter | None = None) -> NDArray[np.void]: ...
