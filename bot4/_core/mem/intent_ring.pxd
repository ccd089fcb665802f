"""Single-producer single-consumer ring of order intents, from a shard to its gateway."""

from bot4._core.mem.record_ring cimport RecordRing
from bot4._core.types cimport OrderIntent


cdef extern from "bot4/spsc_ring.h" nogil:
    ctypedef struct spsc_intent_ring_t "bot4_spsc_intent":
        pass
    bint spsc_intent_try_push "bot4_spsc_intent_try_push"(spsc_intent_ring_t* ring, const OrderIntent* intent) noexcept
    size_t spsc_intent_size "bot4_spsc_intent_size"(spsc_intent_ring_t* ring) noexcept


cdef class SpscIntentRing(RecordRing):
    cdef spsc_intent_ring_t* ring
