"""Queue position: lots of others that trade before an own resting order, kept from level changes and prints."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.order_book cimport OrderBook
from bot4._core.sim.rng cimport Rng


cpdef enum QueueKind:
    QUEUE_TRADE_THROUGH = 0    # no queue: only prints beyond the price fill
    QUEUE_CONSERVATIVE = 1     # only prints at the price move us up; whoever cancels stood behind us
    QUEUE_PROBABILISTIC = 2    # whoever cancels stood ahead of us with a probability


cpdef enum QueueWeight:
    QUEUE_POWER = 0            # weight of n lots: n ** shape
    QUEUE_LOG = 1              # weight of n lots: log(1 + shape * n)


cdef enum:
    QUEUE_UNKNOWN = 0x3FFFFFFFFFFFFFFF    # lots ahead at a price the book does not reach: only a print beyond it fills


ctypedef struct QueueModel:
    int kind
    int weight
    double shape


ctypedef struct QueuePosition:
    int64_t ahead_lots       # of others, before ours
    int64_t level_lots       # displayed at our price when it was last told
    int64_t printed_lots     # printed there since, not in level_lots yet
    int64_t before_lots      # ahead_lots before the level was last told; QUEUE_UNKNOWN where it never was
    int64_t level_ns         # venue time of that


# An own order joins behind everything displayed at its price.
cdef void queue_join(QueuePosition* position, int64_t level_lots, int64_t level_ns) noexcept nogil
# The level shows `level_lots` now, as of the venue's time `level_ns`.
cdef void queue_on_level(
    const QueueModel* model, Rng* rng, QueuePosition* position, int64_t level_lots, int64_t level_ns
) noexcept nogil
# A print at our price against our side; returns the lots of it that reach us.
cdef int64_t queue_on_print(QueuePosition* position, int64_t print_lots, int64_t print_ns) noexcept nogil
cdef uint64_t queue_hash(uint64_t digest, const QueuePosition* position) noexcept nogil
# Displayed lots at a price of a book side: 0 where worse levels are known, QUEUE_UNKNOWN where the book ends before it.
cdef int64_t queue_level_lots(const OrderBook* book, int side, int64_t price_ticks) noexcept nogil


cdef class Queue:
    cdef QueueModel model
