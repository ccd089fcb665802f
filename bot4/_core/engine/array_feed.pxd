"""Arrays of recorded or made rows as a feed: read in place, merged by receive stamp, applied at once."""

from libc.stdint cimport int32_t, int64_t

from bot4._core.engine.engine cimport Engine
from bot4._core.engine.lane_state cimport Lane
from bot4._core.engine.shard cimport LANES_MAX, ShardState
from bot4._core.types cimport Event


cdef enum:
    SOURCES_MAX = 256


cdef enum RowKind:
    ROWS_QUOTES = 0
    ROWS_TRADES = 1
    ROWS_L2 = 2
    ROWS_BARS = 3
    ROWS_EVENTS = 4          # 64-byte events of the core
    ROWS_FUNDING = 5


ctypedef struct QuoteRow:
    int64_t venue_ns
    int64_t recv_ns
    int64_t bid_ticks
    int64_t bid_lots
    int64_t ask_ticks
    int64_t ask_lots


ctypedef struct TradeRow:
    int64_t venue_ns
    int64_t recv_ns
    int64_t price_ticks
    int64_t qty_lots
    int64_t taker_side       # 0 the buyer took, 1 the seller


ctypedef struct L2Row:
    int64_t venue_ns
    int64_t recv_ns
    int64_t price_ticks
    int64_t qty_lots         # what the level holds from now on; 0: the level is gone
    int32_t side             # 0 bid, 1 ask
    int32_t flags            # FLAG_LAST ends a message; FLAG_SNAPSHOT: the message replaces the book


ctypedef struct FundingRow:
    int64_t time_ns
    int64_t rate_e8          # above 0: who is long pays who is short
    int64_t mark_ticks       # 0: the mid of the moment


# What was paid for one of them, in atoms of the settle asset; negative: received.
ctypedef struct FundingPaid:
    int64_t instrument
    int64_t time_ns
    int64_t rate_e8
    int64_t mark_ticks
    int64_t position_lots
    int64_t atoms
    int64_t unpaid_atoms     # what the account could not pay


ctypedef struct Source:
    FundingPaid* paid        # of each row, for ROWS_FUNDING
    const char* rows
    int64_t row_bytes
    int64_t count
    int64_t next_row
    int64_t recv_ns          # of the next row, or of the next stage of a bar; INT64_MAX: the end
    int32_t kind             # RowKind
    int32_t instrument
    int32_t bar_stage


ctypedef struct ArrayFeedState:
    ShardState* shard
    Source sources[SOURCES_MAX]
    int32_t source_count
    bint has_venue_clock
    int64_t rows             # taken so far, of all sources
    int64_t messages
    int64_t first_ns
    int64_t last_ns
    int64_t update_ids[LANES_MAX]


cdef class ArrayFeed:
    cdef ArrayFeedState state
    cdef readonly Engine engine
    cdef list _arrays
    cdef list _paid
    cdef _add_paid(self, Source* source, array, int instrument)
    cdef int64_t _rows_total
    cdef bint _stop
