from collections.abc import Mapping, Sequence
from typing import Any

from bot4._core.brain.portfolio import PortfolioBook
from bot4._core.ta.features import Features

class ReasonedPolicy:
    def __init__(
        self,
        lane: int,
        portfolio: PortfolioBook,
        *,
        features: Features,
        higher_ns: Sequence[int] = (),
        symbol: str = "",
        terms: Sequence[tuple[int, str, float, float, float]],
        allocation: Mapping[Any, Mapping[Any, float]],
        weights: Mapping[Any, Mapping[Any, float]],
        ttl_ns: Mapping[str, int],
        regime: Mapping[str, Any],
        edge: Mapping[str, Any],
        gate: Mapping[str, Any],
        size: Mapping[str, Any],
        guard: Mapping[str, Any],
        volume_bars: int = 50,
        record_interval_ns: int = ...,
    ) -> None: ...
    @property
    def portfolio(self) -> PortfolioBook: ...
    @property
    def verdicts(self) -> dict[str, int]: ...
    @property
    def stray_signals(self) -> int: ...
    @property
    def reasons_bytes(self) -> int: ...
    @property
    def outlook(self) -> dict[str, Any]: ...

class StatedGate:
    def __init__(
        self,
        lane: int,
        *,
        symbol: str = "",
        expected_bps: float,
        confidence: float,
        horizon_ns: int,
        regime: Mapping[str, Any],
        gate: Mapping[str, Any],
        volume_bars: int = 50,
        record_interval_ns: int = ...,
    ) -> None: ...
    @property
    def verdicts(self) -> dict[str, int]: ...
