from collections.abc import Sequence

from bot4._core.sim.exchange import Exchange
from bot4._core.sim.flow_model import FlowParameters

class Flow:
    def __init__(
        self,
        exchange: Exchange,
        *,
        symbol: int,
        parameters: FlowParameters,
        seed: int,
        bid_ticks: int,
        makers: Sequence[int],
        taker: int,
        start_ns: int,
        price_scale: float = 1.0,
        size_scale: float = 1.0,
        price_step: int = 1,
        qty_step: int = 1,
        min_lots: int = 1,
        max_lots: int = ...,
        max_orders: int = 8_192,
    ) -> None: ...
    def advance(self, until_ns: int, *, stamp_ns: int = 0) -> int: ...
    @property
    def next_due_ns(self) -> int: ...
    @property
    def anchors(self) -> tuple[int, int]: ...
    @property
    def open_orders(self) -> int: ...
    @property
    def regime(self) -> int: ...
    @property
    def counts(self) -> dict[str, int]: ...
    @property
    def state_hash(self) -> int: ...
