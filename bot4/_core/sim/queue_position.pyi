from enum import IntFlag

class QueueKind(IntFlag):
    QUEUE_TRADE_THROUGH = 0
    QUEUE_CONSERVATIVE = 1
    QUEUE_PROBABILISTIC = 2

class QueueWeight(IntFlag):
    QUEUE_POWER = 0
    QUEUE_LOG = 1

class Queue:
    @staticmethod
    def trade_through() -> Queue: ...
    @staticmethod
    def conservative() -> Queue: ...
    @staticmethod
    def probabilistic(weight: str = "power", shape: float = 1.0) -> Queue: ...
    def play(self, steps: list[tuple[str, int, int]], *, seed: int = 0) -> list[tuple[int, int]]: ...
