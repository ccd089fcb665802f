from enum import IntEnum

class StpMode(IntEnum):
    STP_NONE = 0
    STP_EXPIRE_TAKER = 1
    STP_EXPIRE_MAKER = 2
    STP_EXPIRE_BOTH = 3
    STP_DECREMENT = 4
    STP_TRANSFER = 5

class MatchKind(IntEnum):
    MATCH_TRADE = 0
    MATCH_PREVENTED = 1
