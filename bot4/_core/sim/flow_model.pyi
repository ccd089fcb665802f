from collections.abc import Mapping, Sequence
from enum import IntFlag

class FlowBound(IntFlag):
    FLOW_REGIMES = 8
    FLOW_BUCKETS = 20
    FLOW_QUANTILES = 65
    FLOW_SPREADS = 64

class FlowParameters:
    def __init__(
        self,
        *,
        regimes: Sequence[Mapping[str, float]],
        adds_per_s: Sequence[float],
        add_mu: Sequence[float],
        add_sigma: Sequence[float],
        life_s: Sequence[float],
        taker_size: Sequence[float],
        taker_persistence: float,
        move_size: Sequence[float],
        move_follows: float,
        spreads: Sequence[tuple[int, float]],
    ) -> None: ...
