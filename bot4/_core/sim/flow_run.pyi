from enum import IntFlag

class FlowVerdict(IntFlag):
    FLOW_DONE = 0
    FLOW_LOG_FULL = 1
