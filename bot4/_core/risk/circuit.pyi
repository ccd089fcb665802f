from enum import IntEnum

class BreakerPhase(IntEnum):
    BREAKER_CLOSED = 1
    BREAKER_OPEN = 2
    BREAKER_HALF_OPEN = 3

class BreakerReason(IntEnum):
    TRIP_NONE = 0
    TRIP_LATENCY = 1
    TRIP_ERROR_RATE = 2
    TRIP_REJECTS = 3
    TRIP_PROBE = 4
    TRIP_STALE = 5
    TRIP_MANUAL = 6
    TRIP_LOSS = 7
    TRIP_JOURNAL = 8
    TRIP_KILL = 9

class BreakerAction(IntEnum):
    BREAKER_BLOCK_ENTRIES = 1
    BREAKER_BLOCK_EXITS = 2
    BREAKER_CANCEL_RESTING = 4
    BREAKER_FLATTEN = 8
    BREAKER_LATCH = 16
