from enum import IntFlag

class LatencyKind(IntFlag):
    LATENCY_ZERO = 0
    LATENCY_FIXED = 1
    LATENCY_LOGNORMAL = 2

class LatencyBound(IntFlag):
    LATENCY_MAX_S = 60

class Latency:
    @staticmethod
    def zero() -> Latency: ...
    @staticmethod
    def fixed(latency_ns: int) -> Latency: ...
    @staticmethod
    def lognormal(mu_ms: float = 3.9, sigma: float = 0.3) -> Latency: ...
    def samples(self, *, seed: int, count: int) -> list[int]: ...
