from bot4._core.sim.impact import Impact
from bot4._core.sim.latency import Latency
from bot4._core.sim.partial_fills import PartialFills
from bot4._core.sim.queue_position import Queue

class FillModel:
    def __init__(
        self,
        *,
        queue: Queue | None = None,
        partial_fills: PartialFills | None = None,
        impact: Impact | None = None,
        impact_half_life_s: float = 10.0,
        cancel_latency: Latency | None = None,
        data_latency: Latency | None = None,
    ) -> None: ...
