"""The desk of a lane: intents through the guards to the venue, cancels, flattening."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.engine.lane_state cimport Lane
from bot4._core.engine.orders cimport WorkingOrder
from bot4._core.types cimport OrderIntent


cdef void desk_journal(Lane* lane, int kind, const void* payload, unsigned int length, int64_t now_ns,
                       bint is_new_order) noexcept nogil
# Through gate, risk, account, ring and breaker, into the journal, past the breaker again, to the venue.
cdef void desk_place(Lane* lane, OrderIntent* intent, int64_t now_ns) noexcept nogil
# A refused entry that the reasoned policy wants on record: no order was made of it.
cdef void desk_record_entry(Lane* lane, int64_t now_ns) noexcept nogil
cdef void desk_cancel(Lane* lane, uint64_t order_id, int reason, int64_t now_ns) noexcept nogil
cdef void desk_cancel_all(Lane* lane, int reason, int64_t now_ns) noexcept nogil
# All but stops: what protects a position is not taken away because the market or the venue is in doubt.
cdef void desk_cancel_resting(Lane* lane, int reason, int64_t now_ns) noexcept nogil
cdef WorkingOrder* desk_find_stop(Lane* lane) noexcept nogil       # NULL: none works
# Have the guard's stop at the external venue: placed, moved once it is off by a step, cancelled when nothing is held.
cdef void desk_keep_stop(Lane* lane, int64_t now_ns) noexcept nogil
# Close what is held; tried again until nothing that can be sold or bought back is left.
cdef void desk_flatten(Lane* lane, int reason, int64_t now_ns) noexcept nogil
# What could not go out before: cancels that found the ring full, a flatten that found no book or was refused.
cdef void desk_retry(Lane* lane, int64_t now_ns) noexcept nogil
# An order ended: give back what it held and forget it.
cdef void desk_close(Lane* lane, WorkingOrder* order, bint by_reject, int code) noexcept nogil
# Less of an exit where the account holds less base than the position says, as fees were paid in it.
cdef void desk_fit_exit(const Lane* lane, OrderIntent* intent) noexcept nogil
