"""What a journal alone determines of a shard: read back record by record."""

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


cdef class Recovery:
    cdef readonly Engine engine
    cdef readonly uint64_t seq          # of the last record the state holds
    cdef readonly uint32_t epoch
    cdef BreakerState* _scratch

    cdef int _apply(self, int kind, uint64_t seq, int64_t wall_ns, const uint8_t[::1] payload) except -1
