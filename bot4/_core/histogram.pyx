# cython: language_level=3
"""Histogram with a fixed relative precision over the whole range: what latency percentiles come from.

The layout is that of the High Dynamic Range histogram: values below 2**sub_bits have a counter each; above, each
doubling of the value has 2**(sub_bits - 1) counters, so that a counter is never wider than 10**-digits of its value.

Source: G. Tene, HdrHistogram (hdrhistogram.org): the layout; the code and the byte format are bot4's own.
"""

from libc.math cimport llround
from libc.stdint cimport INT64_MAX, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

import struct

from bot4._core.types cimport money_t, mul_wide

MAX_SIGNIFICANT_DIGITS = 5
PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99)

# Percentiles are taken in millionths: 99.99 becomes exactly 999,900, where 99.9 / 100 * 1000 would be above 999.
cdef int64_t MILLION = 1_000_000

_HEADER = struct.Struct("<4sBBHqqqqqq")   # magic, version, digits, 0, highest, count, clipped, minimum, maximum, pairs
_PAIR = struct.Struct("<qq")              # slot, count
_MAGIC = b"B4HG"
_VERSION = 1


cdef Histogram* histogram_new(int64_t highest, int significant_digits) noexcept nogil:
    cdef Histogram* histogram
    cdef int64_t slots = 2
    cdef int _digit
    if highest < 2 or significant_digits < 1 or significant_digits > 5:
        return NULL
    histogram = <Histogram*>malloc(sizeof(Histogram))
    if histogram == NULL:
        return NULL
    for _digit in range(significant_digits):
        slots *= 10
    histogram.sub_bits = 64 - _leading_zeros(<uint64_t>(slots - 1))
    histogram.low_mask = (<int64_t>1 << histogram.sub_bits) - 1
    histogram.significant_digits = significant_digits
    histogram.highest = highest
    histogram.length = histogram_slot(histogram, highest) + 1
    histogram.counts = <int64_t*>calloc(<size_t>histogram.length, sizeof(int64_t))
    if histogram.counts == NULL:
        free(histogram)
        return NULL
    histogram_reset(histogram)
    return histogram


cdef void histogram_free(Histogram* histogram) noexcept nogil:
    if histogram != NULL:
        free(histogram.counts)
        free(histogram)


cdef void histogram_reset(Histogram* histogram) noexcept nogil:
    """Empty it; the writer's call."""
    memset(histogram.counts, 0, <size_t>histogram.length * sizeof(int64_t))
    _poke(&histogram.count, 0, _RELAXED)
    _poke(&histogram.clipped, 0, _RELAXED)
    _poke(&histogram.minimum, INT64_MAX, _RELAXED)
    _poke(&histogram.maximum, -1, _RELAXED)


cdef bint histogram_merge(Histogram* into, const Histogram* other) noexcept nogil:
    cdef int64_t slot
    if into.highest != other.highest or into.sub_bits != other.sub_bits:
        return False
    for slot in range(into.length):
        into.counts[slot] += _peek(&other.counts[slot], _RELAXED)
    into.count += _peek(&other.count, _RELAXED)
    into.clipped += _peek(&other.clipped, _RELAXED)
    into.minimum = min(into.minimum, _peek(&other.minimum, _RELAXED))
    into.maximum = max(into.maximum, _peek(&other.maximum, _RELAXED))
    return True


cdef int64_t histogram_slot_low(const Histogram* histogram, int64_t slot) noexcept nogil:
    """Smallest value that counts in `slot`."""
    cdef int half_bits = histogram.sub_bits - 1
    cdef int64_t shift = (slot >> half_bits) - 1
    if shift <= 0:
        return slot
    return ((slot & ((<int64_t>1 << half_bits) - 1)) + (<int64_t>1 << half_bits)) << shift


cdef int64_t histogram_slot_high(const Histogram* histogram, int64_t slot) noexcept nogil:
    """Largest value that counts in `slot`."""
    cdef int64_t shift = (slot >> (histogram.sub_bits - 1)) - 1
    if shift <= 0:
        return slot
    return histogram_slot_low(histogram, slot) + ((<int64_t>1 << shift) - 1)


cdef int64_t histogram_percentile(const Histogram* histogram, double q) noexcept nogil:
    """Smallest counted value that `q` percent of the values do not exceed, to the histogram's precision.

    The count is summed here rather than read, so that a writer at work cannot make the walk miss its end.
    """
    cdef int64_t total = 0
    cdef int64_t seen = 0
    cdef int64_t slot, rank, millionths
    cdef money_t product
    for slot in range(histogram.length):
        total += _peek(&histogram.counts[slot], _RELAXED)
    if total == 0:
        return 0
    millionths = llround(min(max(q, 0.0), 100.0) * 10_000)
    product = mul_wide(total, millionths)
    product += MILLION - 1
    rank = <int64_t>(product // MILLION)
    rank = max(rank, 1)
    for slot in range(histogram.length):
        seen += _peek(&histogram.counts[slot], _RELAXED)
        if seen >= rank:
            return min(histogram_slot_high(histogram, slot), _peek(&histogram.maximum, _RELAXED))
    return _peek(&histogram.maximum, _RELAXED)


cdef double histogram_mean(const Histogram* histogram) noexcept nogil:
    """Mean of the counters' middle values: the same whatever the order of records and merges."""
    cdef double total = 0.0
    cdef int64_t count = 0
    cdef int64_t slot, here
    for slot in range(histogram.length):
        here = _peek(&histogram.counts[slot], _RELAXED)
        if here:
            count += here
            total += <double>here * (
                0.5 * <double>histogram_slot_low(histogram, slot) + 0.5 * <double>histogram_slot_high(histogram, slot)
            )
    return total / <double>count if count else 0.0


cdef class HdrHistogram:
    """Counts values from 0 to `highest` at `significant_digits` decimal digits of relative precision.

    Parameters
    ----------
    highest : int
        Largest value told apart, at least 2. A value above counts as `highest`, one below 0 as 0; both are counted in
        `clipped`, never dropped.
    significant_digits : int
        1 to 5. Memory is about ``8 * 10**digits * log2(highest / 10**digits)`` bytes.

    One thread records; others may read percentiles meanwhile and see a recent state. Merging, resetting and
    serialising belong to the recording thread or to a time when nothing records.

    >>> histogram = HdrHistogram(highest=1_000_000, significant_digits=3)
    >>> for latency_ns in range(1, 1001):
    ...     histogram.record(latency_ns)
    >>> histogram.count, histogram.minimum, histogram.maximum
    (1000, 1, 1000)
    >>> histogram.percentile(50.0), histogram.percentile(99.9)
    (500, 999)
    """

    def __cinit__(self, highest: int = 60_000_000_000, significant_digits: int = 3) -> None:
        if not 2 <= highest <= INT64_MAX:
            raise ValueError(f"highest must be between 2 and 2**63 - 1, was {highest}")
        if not 1 <= significant_digits <= MAX_SIGNIFICANT_DIGITS:
            raise ValueError(f"significant_digits must be between 1 and {MAX_SIGNIFICANT_DIGITS}, was {significant_digits}")
        self.histogram = histogram_new(highest, significant_digits)
        if self.histogram == NULL:
            raise MemoryError(f"no memory for a histogram up to {highest} with {significant_digits} digits")

    def __dealloc__(self) -> None:
        histogram_free(self.histogram)

    def record(self, value: int) -> None:
        """Count one value."""
        histogram_record(self.histogram, value)

    def record_many(self, const int64_t[::1] values) -> None:
        """Count each value of an array without the GIL.

        Parameters
        ----------
        values : ndarray[int64], shape (n,)
        """
        cdef Py_ssize_t i
        cdef Py_ssize_t n = values.shape[0]
        cdef Histogram* histogram = self.histogram
        with nogil:
            for i in range(n):
                histogram_record(histogram, values[i])

    def percentile(self, q: float) -> int:
        """Return the value that `q` percent (0 to 100) do not exceed, 0 while empty.

        It is the upper end of its counter, so within ``10**-significant_digits`` above a recorded value, and never
        above the maximum. `q` is taken to four decimals.
        """
        if not 0.0 <= q <= 100.0:
            raise ValueError(f"q must be between 0 and 100 percent, was {q}")
        return histogram_percentile(self.histogram, q)

    def percentiles(self) -> dict[float, int]:
        """Return p50, p90, p99, p99.9 and p99.99, keyed by percent."""
        return {q: histogram_percentile(self.histogram, q) for q in PERCENTILES}

    def merge(self, HdrHistogram other not None) -> None:
        """Add the counts of `other`; raises ValueError where the layouts differ."""
        if not histogram_merge(self.histogram, other.histogram):
            raise ValueError(
                f"layouts must be equal to merge, were ({self.highest}, {self.significant_digits}) "
                f"and ({other.highest}, {other.significant_digits})"
            )

    def reset(self) -> None:
        """Forget every value."""
        histogram_reset(self.histogram)

    def to_bytes(self) -> bytes:
        """Return a compact copy: a header and a pair (slot, count) for each counter in use, little-endian int64."""
        cdef Histogram* histogram = self.histogram
        cdef int64_t slot
        pairs = [
            _PAIR.pack(slot, histogram.counts[slot]) for slot in range(histogram.length) if histogram.counts[slot]
        ]
        header = _HEADER.pack(
            _MAGIC, _VERSION, histogram.significant_digits, 0, histogram.highest, histogram.count, histogram.clipped,
            histogram.minimum, histogram.maximum, len(pairs),
        )
        return header + b"".join(pairs)

    @staticmethod
    def from_bytes(data: bytes) -> HdrHistogram:
        """Return the histogram that `to_bytes` wrote; raises ValueError naming what is wrong with `data`."""
        if len(data) < _HEADER.size:
            raise ValueError(f"a histogram has at least {_HEADER.size} bytes, was {len(data)}")
        magic, version, digits, _, highest, count, clipped, minimum, maximum, pairs = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != _VERSION:
            raise ValueError(f"a histogram begins with {_MAGIC!r} version {_VERSION}, was {magic!r} version {version}")
        if pairs < 0 or len(data) != _HEADER.size + pairs * _PAIR.size:
            raise ValueError(f"{pairs} counters take {_HEADER.size + pairs * _PAIR.size} bytes, was {len(data)}")
        cdef HdrHistogram made = HdrHistogram(highest, digits)
        previous = -1
        total = 0
        for slot, here in _PAIR.iter_unpack(data[_HEADER.size:]):
            if not previous < slot < made.histogram.length or here <= 0:
                raise ValueError(f"counters must be positive and in rising order, was {here} in slot {slot}")
            made.histogram.counts[slot] = here
            previous = slot
            total += here
        if total != count or not 0 <= clipped <= count:
            raise ValueError(f"the counters hold {total} values of which {clipped} clipped, the header says {count}")
        made.histogram.count = count
        made.histogram.clipped = clipped
        made.histogram.minimum = minimum
        made.histogram.maximum = maximum
        return made

    @property
    def count(self) -> int:
        """Values recorded."""
        return _peek(&self.histogram.count, _RELAXED)

    @property
    def clipped(self) -> int:
        """Values that were below 0 or above `highest`."""
        return _peek(&self.histogram.clipped, _RELAXED)

    @property
    def minimum(self) -> int:
        """Smallest value recorded, 0 while empty."""
        return _peek(&self.histogram.minimum, _RELAXED) if self.count else 0

    @property
    def maximum(self) -> int:
        """Largest value recorded, 0 while empty."""
        return max(_peek(&self.histogram.maximum, _RELAXED), 0)

    @property
    def mean(self) -> float:
        """Mean to the histogram's precision, 0.0 while empty."""
        return histogram_mean(self.histogram)

    @property
    def highest(self) -> int:
        """Largest value that is told apart."""
        return self.histogram.highest

    @property
    def significant_digits(self) -> int:
        """Decimal digits of relative precision."""
        return self.histogram.significant_digits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HdrHistogram) and self.to_bytes() == (<HdrHistogram>other).to_bytes()

    __hash__ = None

    def __repr__(self) -> str:
        shown = ", ".join(f"p{q:g}={value}" for q, value in self.percentiles().items())
        return f"HdrHistogram(count={self.count}, {shown})"
