from enum import IntFlag

class RefusalStage(IntFlag):
    REFUSED_BY_RISK = 1
    REFUSED_BY_ACCOUNT = 2
    REFUSED_BY_BREAKER = 3
    REFUSED_BY_TABLE = 4

class BookSource(IntFlag):
    SOURCE_NONE = 0
    SOURCE_DEPTH = 1
    SOURCE_QUOTE = 2
    SOURCE_ASSUMED = 3
