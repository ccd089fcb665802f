"""The tape: what a journal would be given, kept in memory as rows of one kind each."""

from libc.stdint cimport int64_t, uint32_t


cdef enum TapeRows:
    TAPE_ORDERS = 0          # OrderIntent of each order placed
    TAPE_FILLS = 1           # Event EVENT_ORDER_FILL
    TAPE_ENDS = 2            # Event of an order that was canceled, expired or rejected
    TAPE_REFUSALS = 3        # Refusal
    TAPE_MARKS = 4           # MarkRecord
    TAPE_KINDS = 5


ctypedef struct RowBuffer:
    char* rows
    int64_t count
    int64_t capacity
    int64_t row_bytes


ctypedef struct Tape:
    RowBuffer buffers[TAPE_KINDS]
    int64_t lost             # rows there was no memory for


cdef void tape_append(Tape* tape, int kind, const void* payload, uint32_t length) noexcept nogil


cdef class TapeKeeper:
    cdef Tape tape
