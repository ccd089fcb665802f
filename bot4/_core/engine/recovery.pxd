"""What a journal alone determines of a shard: read back record by record, saved whole, and hashed."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from bot4._core.engine.engine cimport Engine
from bot4._core.engine.shard cimport ShardState
from bot4._core.risk.circuit cimport BreakerState


cpdef enum RecoveryVerdict:
    RECOVERY_OK = 0
    RECOVERY_BAD_RECORD = 1     # a payload of the wrong length, or of an instrument the shard does not have
    RECOVERY_TABLE_FULL = 2     # more working orders than a lane can hold
    RECOVERY_UNPAID = 3         # the account cannot lock what the order locked: it began with other balances
    RECOVERY_WRONG_ORDER = 4    # an order whose id is not the sequence of its record


# One record of the journal, applied to the state it changed when it was written. Nothing is journalled or sent.
cdef int recovery_apply(
    ShardState* shard, int kind, uint64_t seq, int64_t wall_ns, const uint8_t* payload, size_t length
) noexcept nogil
# Hash of all that `recovery_apply` can change: equal for a shard that lived and for one that read its journal.
cdef uint64_t recovery_hash(const ShardState* shard) noexcept nogil
cdef size_t recovery_size(const ShardState* shard) noexcept nogil      # bytes `recovery_save` writes now
cdef size_t recovery_size_max(const ShardState* shard) noexcept nogil  # and at most
# The shard as it stands after the record `seq`; returns the bytes written, 0 where `capacity` is too small.
cdef size_t recovery_save(
    const ShardState* shard, uint64_t seq, uint32_t epoch, uint8_t* out, size_t capacity
) noexcept nogil


cdef class Recovery:
    cdef readonly Engine engine
    cdef readonly uint64_t seq          # of the last record the state holds
    cdef readonly uint32_t epoch
    cdef BreakerState* _scratch

    cdef int _apply(self, int kind, uint64_t seq, int64_t wall_ns, const uint8_t[::1] payload) except -1
