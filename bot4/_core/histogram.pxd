"""Histogram of values from 0 to a bound at a fixed relative precision (HDR layout): one writer, any reader."""

from libc.stdint cimport int64_t, uint64_t


cdef extern from * nogil:
    int _leading_zeros "__builtin_clzll"(unsigned long long word) noexcept
    const int _RELAXED "__ATOMIC_RELAXED"
    int64_t _peek "__atomic_load_n"(const int64_t* word, int order) noexcept
    void _poke "__atomic_store_n"(int64_t* word, int64_t value, int order) noexcept


ctypedef struct Histogram:
    int64_t highest              # largest value that is told apart; above it values count as this one
    int64_t low_mask             # slots of the first bucket, minus 1
    int sub_bits                 # log2 of the slots of the first bucket; each later bucket has half as many
    int significant_digits
    int64_t length               # of counts
    int64_t count
    int64_t clipped              # of these, how many were below 0 or above highest
    int64_t minimum              # INT64_MAX while empty
    int64_t maximum              # -1 while empty
    int64_t* counts


cdef Histogram* histogram_new(int64_t highest, int significant_digits) noexcept nogil   # NULL: bad layout or no memory
cdef void histogram_free(Histogram* histogram) noexcept nogil
cdef void histogram_reset(Histogram* histogram) noexcept nogil
cdef bint histogram_merge(Histogram* into, const Histogram* other) noexcept nogil       # False: layouts differ
cdef int64_t histogram_percentile(const Histogram* histogram, double q) noexcept nogil  # q in percent; 0 while empty
cdef double histogram_mean(const Histogram* histogram) noexcept nogil
cdef int64_t histogram_slot_low(const Histogram* histogram, int64_t slot) noexcept nogil
cdef int64_t histogram_slot_high(const Histogram* histogram, int64_t slot) noexcept nogil


cdef inline int64_t histogram_slot(const Histogram* histogram, int64_t value) noexcept nogil:
    """Counter of a value in 0..highest: its leading `sub_bits` bits, and how far they were shifted."""
    cdef int shift = 64 - _leading_zeros(<uint64_t>(value | histogram.low_mask)) - histogram.sub_bits
    return (<int64_t>shift << (histogram.sub_bits - 1)) + (value >> shift)


cdef inline void histogram_record(Histogram* histogram, int64_t value) noexcept nogil:
    """Count one value. A value outside 0..highest counts as the bound it passed and in `clipped`."""
    cdef int64_t* counter
    if value < 0 or value > histogram.highest:
        value = 0 if value < 0 else histogram.highest
        _poke(&histogram.clipped, histogram.clipped + 1, _RELAXED)
    counter = &histogram.counts[histogram_slot(histogram, value)]
    # One writer: a relaxed load and store is enough for readers never to see half a word.
    _poke(counter, counter[0] + 1, _RELAXED)
    _poke(&histogram.count, histogram.count + 1, _RELAXED)
    if value < histogram.minimum:
        _poke(&histogram.minimum, value, _RELAXED)
    if value > histogram.maximum:
        _poke(&histogram.maximum, value, _RELAXED)


cdef class HdrHistogram:
    cdef Histogram* histogram
