"""Layout of a journal on disk: one file header, then records. Little-endian, naturally aligned, no padding."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cpdef enum JournalKind:
    JOURNAL_META = 1      # the stream was opened again: build hash, config hash, torn bytes dropped, first epoch
    JOURNAL_INTENT = 2    # OrderIntent: written before the order is sent
    JOURNAL_UPDATE = 3    # Event EVENT_ORDER_*
    JOURNAL_REFUSAL = 4   # OrderIntent + the verdict that refused it
    JOURNAL_DROPPED = 5   # OrderIntent dropped by re-admission just before the socket
    JOURNAL_MARK = 6      # 64-byte mark of the shard: hashes and counts to check a replay against
    JOURNAL_CONTROL = 7   # operator or supervisor: kill, reset, limits
    JOURNAL_OPENING = 8   # what the run begins with: instruments, assets, balances; JSON in numbered pieces
    JOURNAL_REASONS = 9   # Reasons: the arithmetic of the intent or the refusal that follows
    JOURNAL_KIND_END = 10


cpdef enum JournalFlag:
    JOURNAL_FROM_RESERVE = 1   # written into the reserve after the disk was full


cpdef enum JournalSize:
    JOURNAL_HEADER_BYTES = 64
    JOURNAL_RECORD_BYTES = 40      # of a record before its payload
    JOURNAL_PAYLOAD_MAX = 4056     # so that a record is at most one page
    JOURNAL_VERSION = 1


cpdef enum RecordVerdict:
    RECORD_OK = 0
    RECORD_INCOMPLETE = 1   # the buffer ends before the record does
    RECORD_BAD = 2          # checksum, length or kind is wrong
    RECORD_GAP = 3          # intact, but its sequence is not the next one, or its epoch went back


ctypedef struct FileHeader:
    uint8_t magic[8]
    uint32_t version
    uint32_t header_bytes
    uint64_t build_hash     # of segments behind the first: the chain over every record before
    uint64_t config_hash
    uint64_t first_seq
    int64_t created_wall_ns
    uint32_t epoch
    uint32_t stream_id
    uint32_t segment        # 0: the first
    uint32_t crc            # of the 60 bytes before it


ctypedef struct RecordHeader:
    uint32_t crc            # of everything after itself, payload included
    uint32_t length         # of the payload
    uint64_t seq
    uint32_t epoch
    uint8_t kind
    uint8_t flags
    uint16_t reserved       # zero
    int64_t ts_mono_ns
    int64_t ts_wall_ns


# The chain behind a record: a word over the checksums of all records so far, which the next segment's header repeats.
cdef uint64_t chain_after(uint64_t chain, const RecordHeader* record) noexcept nogil
cdef void header_seal(FileHeader* header) noexcept nogil
cdef bint header_is_valid(const FileHeader* header) noexcept nogil
# Fills in the checksum of a record whose payload lies right behind its header.
cdef void record_seal(RecordHeader* record) noexcept nogil
# Reads the record at `data`; `record` gets a copy of its header on RECORD_OK and RECORD_GAP.
cdef int record_parse(
    const uint8_t* data, size_t length, uint64_t expected_seq, uint32_t least_epoch, RecordHeader* record
) noexcept nogil
# Offset of the first intact record with a sequence above `after_seq` at or behind `start`; -1 where there is none.
cdef int64_t record_find(const uint8_t* data, size_t length, size_t start, uint64_t after_seq) noexcept nogil
