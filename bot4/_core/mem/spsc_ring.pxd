"""Single-producer single-consumer rings of fixed-size records (see include/bot4/spsc_template.h for the argument)."""

from bot4._core.mem.record_ring cimport RecordRing
from bot4._core.mem.spsc cimport spsc_ring_t, spsc_word_ring_t


cdef class SpscRing(RecordRing):
    cdef spsc_ring_t* ring


cdef class SpscWordRing(RecordRing):
    cdef spsc_word_ring_t* ring
