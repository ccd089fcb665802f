"""A shard's past in one piece: saved whole, loaded, hashed."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from bot4._core.engine.shard cimport ShardState


cdef enum SnapshotVerdict:
    SNAPSHOT_OK = 0
    SNAPSHOT_SHORT = 1               # fewer bytes than a header
    SNAPSHOT_OTHER_BUILD = 2         # another version, or structs of other sizes
    SNAPSHOT_DAMAGED = 3
    SNAPSHOT_OTHER_INSTRUMENTS = 4   # or other assets; lanes before the one that did not fit are already taken over
    SNAPSHOT_OTHER_HASH = 5          # what was loaded does not have the hash it was written with


# Hash of all that the records of a journal can change: equal for a shard that lived and for one that read its journal.
cdef uint64_t snapshot_hash(const ShardState* shard) noexcept nogil
cdef size_t snapshot_size(const ShardState* shard) noexcept nogil      # bytes `snapshot_save` writes now
cdef size_t snapshot_size_max(const ShardState* shard) noexcept nogil  # and at most
# The shard as it stands after the record `seq`; returns the bytes written, 0 where `capacity` is too small.
cdef size_t snapshot_save(
    const ShardState* shard, uint64_t seq, uint32_t epoch, uint8_t* out, size_t capacity
) noexcept nogil
# Into a fresh shard; `seq` and `epoch` are those it was saved with. Not SNAPSHOT_OK: the shard must be made anew.
cdef int snapshot_load(
    ShardState* shard, const uint8_t* snapshot, size_t size, uint64_t* seq, uint32_t* epoch
) noexcept nogil
