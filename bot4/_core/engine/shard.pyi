from enum import IntFlag

class ControlCode(IntFlag):
    CONTROL_STOP = 1
    CONTROL_CANCEL_ALL = 2
    CONTROL_KILL = 3
    CONTROL_RESET = 4
    CONTROL_PLACE = 5
    CONTROL_CANCEL = 6
    CONTROL_FLATTEN = 7
