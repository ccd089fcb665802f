from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

class ImpactKind(IntFlag):
    IMPACT_NONE = 0
    IMPACT_LINEAR = 1
    IMPACT_POWER = 2
    IMPACT_ALMGREN_CHRISS = 3

class Impact:
    @staticmethod
    def none() -> Impact: ...
    @staticmethod
    def linear(slope: float, *, permanent_share: float = 1.0) -> Impact: ...
    @staticmethod
    def power(
        *,
        volatility: float,
        daily_volume: float,
        coefficient: float = 1.0,
        exponent: float = 0.5,
        permanent_share: float = 0.0,
    ) -> Impact: ...
    @staticmethod
    def almgren_chriss(*, gamma: float, eta: float, epsilon: float = 0.0) -> Impact: ...
    def total(self, size: float, duration: float = 1.0) -> float: ...
    def permanent(self, size: float) -> float: ...

class ExecutionPlan:
    def __init__(
        self,
        *,
        holding: float,
        horizon: float,
        periods: int,
        volatility: float,
        gamma: float,
        eta: float,
        epsilon: float = 0.0,
    ) -> None: ...
    def urgency(self, risk_aversion: float) -> float: ...
    def trajectory(self, risk_aversion: float) -> NDArray[np.float64]: ...
    def cost(self, holdings: NDArray[np.float64]) -> tuple[float, float]: ...
