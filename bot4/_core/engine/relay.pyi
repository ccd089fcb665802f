from typing import Any

from numpy.typing import NDArray

from bot4._core.engine.receiver import Receiver

class Relay(Receiver):
    def deliver(self, place: int, events: NDArray[Any]) -> bool: ...
