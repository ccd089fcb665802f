from enum import IntFlag

class PartialFillBound(IntFlag):
    PARTIAL_FILLS_MAX = 32

class PartialFills:
    def __init__(self, count_mean: float = 3.0, alpha: float = 2.0, beta: float = 5.0) -> None: ...
    def pieces(self, remaining_lots: int, *, seed: int, stream: int = 0) -> list[int]: ...
