from enum import IntFlag

class JournalState(IntFlag):
    JOURNAL_OPEN = 0
    JOURNAL_FULL = 1
    JOURNAL_FAILED = 2
    JOURNAL_CLOSED = 3
