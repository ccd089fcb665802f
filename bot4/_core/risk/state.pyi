from enum import IntEnum

class RiskLatch(IntEnum):
    LATCH_DRAWDOWN = 1
    LATCH_REJECTS = 2
    LATCH_EXIT_REJECTS = 4
