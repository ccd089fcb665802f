# cython: language_level=3
"""Record: sealing and checking the bytes of a journal. Pure functions over buffers, no input or output."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from bot4._core.journal.crc32c cimport crc32c_update
from bot4._core.types cimport BOT4_ASSERT, hash_mix

cdef const char* _MAGIC = b"BOT4JRNL"

BOT4_ASSERT(sizeof(FileHeader) == JOURNAL_HEADER_BYTES)
BOT4_ASSERT(sizeof(RecordHeader) == JOURNAL_RECORD_BYTES)


cdef void header_seal(FileHeader* header) noexcept nogil:
    memcpy(header.magic, _MAGIC, 8)
    header.version = JOURNAL_VERSION
    header.header_bytes = JOURNAL_HEADER_BYTES
    header.crc = crc32c_update(0, header, JOURNAL_HEADER_BYTES - sizeof(uint32_t))


cdef uint64_t chain_after(uint64_t chain, const RecordHeader* record) noexcept nogil:
    return hash_mix(chain, <uint64_t>record.crc << 32 | <uint32_t>record.seq)


cdef bint header_is_valid(const FileHeader* header) noexcept nogil:
    return (
        memcmp(header.magic, _MAGIC, 8) == 0
        and header.crc == crc32c_update(0, header, JOURNAL_HEADER_BYTES - sizeof(uint32_t))
        and header.version == JOURNAL_VERSION
        and header.header_bytes == JOURNAL_HEADER_BYTES
    )


cdef void record_seal(RecordHeader* record) noexcept nogil:
    record.crc = crc32c_update(
        0, <const uint8_t*>record + sizeof(uint32_t), JOURNAL_RECORD_BYTES - sizeof(uint32_t) + record.length
    )


cdef inline bint _is_plausible(const RecordHeader* record) noexcept nogil:
    return record.length <= JOURNAL_PAYLOAD_MAX and 0 < record.kind < JOURNAL_KIND_END and record.reserved == 0


cdef int record_parse(
    const uint8_t* data, size_t length, uint64_t expected_seq, uint32_t least_epoch, RecordHeader* record
) noexcept nogil:
    if length < JOURNAL_RECORD_BYTES:
        return RECORD_INCOMPLETE
    memcpy(record, data, JOURNAL_RECORD_BYTES)
    if not _is_plausible(record):
        return RECORD_BAD
    if length < JOURNAL_RECORD_BYTES + record.length:
        return RECORD_INCOMPLETE
    if record.crc != crc32c_update(
        0, data + sizeof(uint32_t), JOURNAL_RECORD_BYTES - sizeof(uint32_t) + record.length
    ):
        return RECORD_BAD
    if record.seq != expected_seq or record.epoch < least_epoch:
        return RECORD_GAP
    return RECORD_OK


cdef int64_t record_find(const uint8_t* data, size_t length, size_t start, uint64_t after_seq) noexcept nogil:
    cdef RecordHeader record
    cdef size_t at
    for at in range(start, length):
        if length - at < JOURNAL_RECORD_BYTES:
            return -1
        memcpy(&record, data + at, JOURNAL_RECORD_BYTES)
        # The cheap tests come first: only what looks like a later record pays for a checksum.
        if not _is_plausible(&record) or record.seq <= after_seq or record.seq - after_seq > length:
            continue
        if record_parse(data + at, length - at, record.seq, 0, &record) == RECORD_OK:
            return <int64_t>at
    return -1
