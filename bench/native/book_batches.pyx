# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The order book's delta, inlined as the engine inlines it, timed in batches (see bench/latency/book_batches.py)."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.book.order_book cimport Book, book_apply_level

cdef extern from "x86intrin.h" nogil:
    uint64_t __rdtsc() noexcept


def run(Book book, const unsigned char[::1] sides, const int64_t[::1] prices, const int64_t[::1] lots,
        int batch_size, int64_t[::1] batch_ticks, int64_t[::1] empty_ticks):
    """Apply deltas in whole batches; TSC ticks of each go to `batch_ticks`, those of an empty frame to `empty_ticks`."""
    cdef Py_ssize_t batch, i, start
    cdef uint64_t before
    with nogil:
        for batch in range(batch_ticks.shape[0]):
            start = batch * batch_size
            before = __rdtsc()
            empty_ticks[batch] = <int64_t>(__rdtsc() - before)
            before = __rdtsc()
            for i in range(start, start + batch_size):
                book_apply_level(book.book, sides[i], prices[i], lots[i])
            batch_ticks[batch] = <int64_t>(__rdtsc() - before)
