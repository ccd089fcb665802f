"""A first-in first-out line of 64-byte records that come out after a modelled latency."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.sim.latency cimport LatencyModel
from bot4._core.sim.rng cimport Rng


ctypedef struct DelayRecord:
    uint64_t words[8]


ctypedef struct DelayLine:
    Rng rng
    LatencyModel latency
    DelayRecord* records
    int64_t* due_ns
    uint64_t head          # next to come out
    uint64_t tail          # next to go in
    uint64_t mask          # capacity - 1, capacity a power of two
    int64_t last_due_ns    # the line is ordered: nothing comes out before what went in earlier


cdef bint delay_line_init(DelayLine* line, uint64_t capacity_least, const LatencyModel* latency, uint64_t seed, uint64_t stream) noexcept
cdef void delay_line_release(DelayLine* line) noexcept
# Due time of the record, or -1 where the line is full.
cdef int64_t delay_line_push(DelayLine* line, const void* record, int64_t now_ns) noexcept nogil
# The same with a latency already drawn.
cdef int64_t delay_line_push_after(
    DelayLine* line, const void* record, int64_t now_ns, int64_t latency_ns
) noexcept nogil
cdef uint64_t delay_line_hash(uint64_t digest, const DelayLine* line) noexcept nogil


cdef inline uint64_t delay_line_size(const DelayLine* line) noexcept nogil:
    return line.tail - line.head


cdef inline uint64_t delay_line_room(const DelayLine* line) noexcept nogil:
    return line.mask + 1 - (line.tail - line.head)


cdef inline int64_t delay_line_next_due(const DelayLine* line) noexcept nogil:
    """Time the next record is due; INT64_MAX when the line is empty."""
    return <int64_t>0x7FFFFFFFFFFFFFFF if line.head == line.tail else line.due_ns[line.head & line.mask]


cdef inline const DelayRecord* delay_line_front(const DelayLine* line) noexcept nogil:
    """The next record; the line must not be empty."""
    return &line.records[line.head & line.mask]


cdef inline void delay_line_pop(DelayLine* line) noexcept nogil:
    line.head += 1
