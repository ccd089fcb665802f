from enum import IntEnum

class SyncRule(IntEnum):
    SYNC_RULE_AUTO = 0
    SYNC_RULE_SPOT = 1
    SYNC_RULE_FUTURES = 2
    SYNC_RULE_IN_BAND = 3

class SyncVerdict(IntEnum):
    SYNC_PENDING = 0
    SYNC_BUFFERED = 1
    SYNC_STALE = 2
    SYNC_APPLIED = 3
    SYNC_SNAPSHOT = 4
    SYNC_IGNORED = 5
    SYNC_SNAPSHOT_OLD = 6
    SYNC_GAP = 7
    SYNC_CROSSED = 8
    SYNC_FULL = 9
    SYNC_MALFORMED = 10

class SyncState(IntEnum):
    STATE_WAITING = 0
    STATE_LIVE = 1
    STATE_LIVE_PARTIAL = 2
