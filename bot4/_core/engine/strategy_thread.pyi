from collections.abc import Sequence

from bot4._core.engine.engine import Engine
from bot4._core.engine.python_strategy import PythonHost
from bot4._core.mem.spsc_ring import SpscRing
from bot4._core.mem.waiter import Waiter

class ThreadedHost(PythonHost):
    def __init__(
        self,
        strategy: object,
        engine: Engine,
        *,
        wants: Sequence[str],
        records: Waiter,
        timer_interval_ns: int = 0,
        features: bool = False,
        capacity: int = 4_096,
        own_capacity: int = 1_024,
    ) -> None: ...
    @property
    def asks(self) -> SpscRing: ...
    @property
    def asks_refused(self) -> int: ...
    @property
    def has_overflowed(self) -> bool: ...
    def run(self) -> None: ...
    def finish(self) -> None: ...
    def busy_ns(self) -> int: ...
