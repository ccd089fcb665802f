from enum import IntFlag

class JournalKind(IntFlag):
    JOURNAL_META = 1
    JOURNAL_INTENT = 2
    JOURNAL_UPDATE = 3
    JOURNAL_REFUSAL = 4
    JOURNAL_DROPPED = 5
    JOURNAL_MARK = 6
    JOURNAL_CONTROL = 7
    JOURNAL_OPENING = 8
    JOURNAL_KIND_END = 9

class JournalFlag(IntFlag):
    JOURNAL_FROM_RESERVE = 1

class JournalSize(IntFlag):
    JOURNAL_HEADER_BYTES = 64
    JOURNAL_RECORD_BYTES = 40
    JOURNAL_PAYLOAD_MAX = 4056
    JOURNAL_VERSION = 1

class RecordVerdict(IntFlag):
    RECORD_OK = 0
    RECORD_INCOMPLETE = 1
    RECORD_BAD = 2
    RECORD_GAP = 3
