from enum import IntFlag

class LiquiditySource(IntFlag):
    SOURCE_NONE = 0
    SOURCE_BOOK = 1
    SOURCE_QUOTE = 2
    SOURCE_ASSUMED = 4
