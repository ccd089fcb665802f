"""`MatchingBook`: one price-time book on its own, with ids, events and self-trade prevention, and no money."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from bot4._core.book.matching cimport L3Book
from bot4._core.book.order_index cimport OrderIndex
from bot4._core.book.order_pool cimport OrderPool


# One operation of MatchingBook.run, 48 bytes.
ctypedef struct MatchOp:
    uint8_t kind                 # OP_*
    uint8_t side
    uint8_t stp
    uint8_t tif                  # TIF_*
    int32_t account
    int32_t trade_group
    uint32_t reserved
    uint64_t order_id            # to cancel or amend
    int64_t price_ticks
    int64_t qty_lots             # amend: the new rest, below the old one
    int64_t iceberg_lots


cpdef enum MatchOpKind:
    OP_ADD = 0
    OP_CANCEL = 1
    OP_AMEND = 2


cpdef enum MatchEventKind:
    MATCH_EVENT_RESTED = 0       # taker_id rests with lots
    MATCH_EVENT_TRADE = 1
    MATCH_EVENT_PREVENTED = 2    # lots of the maker, taker_lots of the taker
    MATCH_EVENT_EXPIRED = 3      # what was left of taker_id: lots
    MATCH_EVENT_CANCELED = 4
    MATCH_EVENT_AMENDED = 5      # lots: the new rest
    MATCH_EVENT_REFUSED = 6      # unknown id, bad row, no room: nothing changed


ctypedef struct MatchEvent:
    uint64_t sequence
    uint64_t taker_id
    uint64_t maker_id
    int64_t price_ticks
    int64_t lots
    int64_t taker_lots
    int64_t maker_left_lots
    int32_t kind
    int32_t account


cdef class MatchingBook:
    cdef OrderPool pool
    cdef OrderIndex index
    cdef L3Book* book
    cdef MatchEvent* log
    cdef int64_t log_capacity
    cdef int64_t log_count
    cdef uint64_t sequence
    cdef uint64_t last_id
    cdef int64_t run_ops(self, const MatchOp* ops, int64_t count) noexcept nogil
