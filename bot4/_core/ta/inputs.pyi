from enum import IntFlag

class InputVerdict(IntFlag):
    INPUT_OK = 0
    INPUT_BAD_PRICE = 1
    INPUT_BAD_QTY = 2
    INPUT_BAD_TIME = 3
    INPUT_ONE_SIDED = 4
    INPUT_CROSSED = 5
    INPUT_STALE_BAR = 6
    INPUT_NOT_INTEGER = 7
    INPUT_VERDICTS = 8
