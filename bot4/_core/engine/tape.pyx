# cython: language_level=3
"""Rows grow by doubling: memory is asked for a few times in a run, never once an order."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

import numpy as np

from bot4._core.journal.record cimport JOURNAL_INTENT, JOURNAL_MARK, JOURNAL_REFUSAL, JOURNAL_UPDATE
from bot4._core.types cimport (
    ACTION_PLACE, EVENT_ORDER_CANCELED, EVENT_ORDER_EXPIRED, EVENT_ORDER_FILL, Event, OrderIntent,
)

from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.mem.records import ORDER_DTYPE

#: A point of the equity curve; equity and realised result are 128-bit atoms in two words.
MARK_DTYPE = np.dtype([
    ("instrument", "i8"), ("ts_ns", "i8"), ("mark_ticks", "i8"), ("position_lots", "i8"), ("equity_low", "u8"),
    ("equity_high", "i8"), ("realised_low", "u8"), ("realised_high", "i8")])
#: A refused order request: stage is a RefusalStage.
REFUSAL_DTYPE = np.dtype([("intent", INTENT_DTYPE), ("stage", "i8"), ("verdict", "i8")])
_DTYPES = {"orders": INTENT_DTYPE, "fills": ORDER_DTYPE, "ends": ORDER_DTYPE, "refusals": REFUSAL_DTYPE,
           "marks": MARK_DTYPE}


cdef inline void _append(Tape* tape, int rows, const void* payload) noexcept nogil:
    cdef RowBuffer* buffer = &tape.buffers[rows]
    cdef char* grown
    cdef int64_t capacity
    if buffer.count == buffer.capacity:
        capacity = 1024 if buffer.capacity == 0 else 2 * buffer.capacity
        grown = <char*>realloc(buffer.rows, capacity * buffer.row_bytes)
        if grown == NULL:
            tape.lost += 1
            return
        buffer.rows, buffer.capacity = grown, capacity
    memcpy(buffer.rows + buffer.count * buffer.row_bytes, payload, buffer.row_bytes)
    buffer.count += 1


cdef void tape_append(Tape* tape, int kind, const void* payload, uint32_t length) noexcept nogil:
    cdef const Event* event = <const Event*>payload
    if kind == JOURNAL_INTENT:
        if (<const OrderIntent*>payload).action == ACTION_PLACE:
            _append(tape, TAPE_ORDERS, payload)
    elif kind == JOURNAL_UPDATE:
        if event.kind == EVENT_ORDER_FILL:
            _append(tape, TAPE_FILLS, payload)
        elif EVENT_ORDER_CANCELED <= event.kind <= EVENT_ORDER_EXPIRED:
            _append(tape, TAPE_ENDS, payload)
    elif kind == JOURNAL_REFUSAL:
        _append(tape, TAPE_REFUSALS, payload)
    elif kind == JOURNAL_MARK:
        _append(tape, TAPE_MARKS, payload)


cdef class TapeKeeper:
    """Owner of a tape; hand it to an engine before anything runs (`Engine.set_tape`).

    The arrays are copies made when asked for. One thread writes, and reads once the run is over.
    """

    def __cinit__(self):
        cdef int i
        for i, dtype in enumerate(_DTYPES.values()):
            self.tape.buffers[i].row_bytes = dtype.itemsize

    def __dealloc__(self):
        cdef int i
        for i in range(<int>TAPE_KINDS):
            free(self.tape.buffers[i].rows)

    @property
    def lost(self) -> int:
        """Rows there was no memory for; 0 in a sound run."""
        return self.tape.lost

    def rows(self, str name):
        """Take the rows of one kind off the tape: orders, fills, ends, refusals or marks; ndarray, oldest first."""
        cdef int index = list(_DTYPES).index(name)
        cdef RowBuffer* buffer = &self.tape.buffers[index]
        if buffer.count == 0:
            return np.zeros(0, _DTYPES[name])
        taken = np.frombuffer((<const char*>buffer.rows)[:buffer.count * buffer.row_bytes], _DTYPES[name])
        free(buffer.rows)
        buffer.rows, buffer.count, buffer.capacity = NULL, 0, 0
        return taken
