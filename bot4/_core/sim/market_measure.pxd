"""What a recorded or generated market looks like: spreads, depth, adds, cancels, takers, moves and latencies."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.book_sync cimport BookSync
from bot4._core.types cimport Event


cpdef enum MeasureBound:
    MEASURE_BUCKETS = 20        # of the distance from the best price: 0, 1, 2-3, 4-7, ... ticks; the last is open
    MEASURE_SPREADS = 4096      # spreads told apart, in ticks; the last is open
    MEASURE_RECORDS = 65536     # records kept until they are taken; a full log holds the caller back
    MEASURE_PRINTS = 1024       # prices with prints between two depth messages; further ones count as cancels


cpdef enum MeasureKind:
    MEASURE_TAKER = 1           # a: taker's side, b: lots of all its prints, c: prices it went through
    MEASURE_MOVE = 2            # a: change of the mid between two depth messages, in half ticks
    MEASURE_LATENCY = 3         # a: receive less venue stamp in ns, b: 0 depth, 1 print
    MEASURE_WINDOW = 4          # one second: a: mid in half ticks, b: sum of squared moves, c: takers, d: adds, e: cancels


ctypedef struct MeasureRecord:
    int64_t kind
    int64_t stamp_ns
    int64_t a
    int64_t b
    int64_t c
    int64_t d
    int64_t e
    int64_t reserved


ctypedef struct PrintedLots:
    int64_t price_ticks
    int64_t qty_lots
    int64_t venue_ns


ctypedef struct MeasureTotals:
    int64_t adds[20]            # by distance from the own side's best price before the message
    int64_t added_lots[20]
    int64_t add_sizes[1280]     # adds of bucket b with lots of n binary digits at 64 b + n
    int64_t cancels[20]
    int64_t cancelled_lots[20]
    int64_t depth_lots[20]      # sums over the depth samples, one a window and side
    int64_t depth_levels[20]
    int64_t depth_samples
    int64_t spread_ns[4096]
    int64_t live_ns             # time with a live book
    int64_t depth_messages
    int64_t prints
    int64_t printed_lots
    int64_t prints_untracked
    int64_t prints_late         # told after the depth message that shows them: their lots count as cancelled
    int64_t gaps


ctypedef struct MeasureState:
    BookSync* sync
    MeasureTotals totals
    MeasureRecord* records
    int64_t record_count
    PrintedLots* printed[2]     # by the side of the book they took from
    int printed_count[2]
    int64_t best_ticks[2]       # when the message in work began
    int64_t depth_ns            # venue time of the last depth message
    int64_t mid_half_ticks      # after the last message; 0: none
    int64_t spread_ticks
    int64_t spread_since_ns
    int64_t window_end_ns
    int64_t window_moves
    int64_t window_takers
    int64_t window_adds
    int64_t window_cancels
    int64_t taker_ns            # venue time of the taker whose prints come in; 0: none
    int64_t taker_lots
    int64_t taker_prices
    int64_t taker_last_ticks
    int taker_side
    int print_kind


cdef void measure_event(MeasureState* measure, const Event* event) noexcept nogil
cdef void measure_finish(MeasureState* measure) noexcept nogil     # the taker whose prints may have ended


cdef class MarketMeasure:
    cdef MeasureState* measure
    cdef Event* events
    cdef object scanner
    cdef int instrument
    cdef readonly int64_t messages
    cdef readonly int64_t bad_lines
