# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Timed loops over the order book, and the simple book it is held against: compiled when the benchmark starts.

Timed in batches of 64, because the TSC of virtual machines steps in about ten nanoseconds.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from bot4._core.book.order_book cimport Book, book_apply_level, book_prefetch, book_top
from bot4._core.types cimport TopOfBook

cdef extern from "x86intrin.h" nogil:
    uint64_t __rdtsc() noexcept

cdef enum:
    BATCH = 64


cdef int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000000 + now.tv_nsec


cdef struct VectorBook:
    int64_t* keys[2]       # ascending: the best is last
    int64_t* lots[2]
    int64_t count[2]


cdef inline void vector_apply(VectorBook* book, int side, int64_t price, int64_t qty) noexcept nogil:
    """The reference: sorted arrays, binary search, memmove."""
    cdef int64_t* keys = book.keys[side]
    cdef int64_t* lots = book.lots[side]
    cdef int64_t key = -price if side else price, low = 0, high = book.count[side], middle
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    if low < book.count[side] and keys[low] == key:
        if qty != 0:
            lots[low] = qty
            return
        memmove(&keys[low], &keys[low + 1], <size_t>(book.count[side] - low - 1) * 8)
        memmove(&lots[low], &lots[low + 1], <size_t>(book.count[side] - low - 1) * 8)
        book.count[side] -= 1
    elif qty != 0:
        memmove(&keys[low + 1], &keys[low], <size_t>(book.count[side] - low) * 8)
        memmove(&lots[low + 1], &lots[low], <size_t>(book.count[side] - low) * 8)
        keys[low] = key
        lots[low] = qty
        book.count[side] += 1


cdef class Vector:
    """Owner of a reference book of at most 2**17 levels a side."""

    cdef VectorBook book

    def __cinit__(self):
        cdef int side
        for side in range(2):
            self.book.keys[side] = <int64_t*>calloc(1 << 17, 8)
            self.book.lots[side] = <int64_t*>calloc(1 << 17, 8)

    def __dealloc__(self):
        cdef int side
        for side in range(2):
            free(self.book.keys[side])
            free(self.book.lots[side])

    def best(self, int side):
        cdef int64_t count = self.book.count[side]
        return (0, 0) if count == 0 else (abs(self.book.keys[side][count - 1]), self.book.lots[side][count - 1])


def run_book(Book book, const unsigned char[::1] sides, const int64_t[::1] prices, const int64_t[::1] lots,
             int64_t[::1] batch_ticks, int ahead):
    """Apply all deltas; TSC ticks of each batch of 64 go to `batch_ticks`. `ahead`: levels to prefetch, 0 none.

    Returns (ns, ticks) of the whole loop.
    """
    cdef Py_ssize_t batch, i, start, batches = batch_ticks.shape[0]
    cdef uint64_t before, first
    cdef int64_t begun
    with nogil:
        begun = monotonic_ns()
        first = __rdtsc()
        for batch in range(batches):
            start = batch * BATCH
            before = __rdtsc()
            if ahead > 0:
                for i in range(start, start + BATCH):
                    book_prefetch(book.book, sides[i + ahead], prices[i + ahead])
                    book_apply_level(book.book, sides[i], prices[i], lots[i])
            else:
                for i in range(start, start + BATCH):
                    book_apply_level(book.book, sides[i], prices[i], lots[i])
            batch_ticks[batch] = <int64_t>(__rdtsc() - before)
        first = __rdtsc() - first
        begun = monotonic_ns() - begun
    return begun, first


def run_vector(Vector vector, const unsigned char[::1] sides, const int64_t[::1] prices, const int64_t[::1] lots,
               int64_t[::1] batch_ticks):
    """The same deltas through the reference book."""
    cdef Py_ssize_t batch, i, start, batches = batch_ticks.shape[0]
    cdef uint64_t before, first
    cdef int64_t begun
    with nogil:
        begun = monotonic_ns()
        first = __rdtsc()
        for batch in range(batches):
            start = batch * BATCH
            before = __rdtsc()
            for i in range(start, start + BATCH):
                vector_apply(&vector.book, sides[i], prices[i], lots[i])
            batch_ticks[batch] = <int64_t>(__rdtsc() - before)
        first = __rdtsc() - first
        begun = monotonic_ns() - begun
    return begun, first


def run_top(Book book, int64_t reads):
    """ns for `reads` reads of the five best levels a side; and a sum that keeps them from being left out."""
    cdef TopOfBook top
    cdef int64_t i, begun, total = 0
    with nogil:
        begun = monotonic_ns()
        for i in range(reads):
            book_top(book.book, &top)
            total += top.bid_qty_lots[i % 5] + top.ask_qty_lots[i % 5]
        begun = monotonic_ns() - begun
    return begun, total


def run_vector_top(Vector vector, int64_t reads):
    """The same from the reference book."""
    cdef TopOfBook top
    cdef int64_t i, begun, level, total = 0
    cdef VectorBook* book = &vector.book
    with nogil:
        begun = monotonic_ns()
        for i in range(reads):
            top.bid_levels = <int>min(5, book.count[0])
            top.ask_levels = <int>min(5, book.count[1])
            for level in range(5):
                top.bid_price_ticks[level] = book.keys[0][book.count[0] - 1 - level] if level < book.count[0] else 0
                top.bid_qty_lots[level] = book.lots[0][book.count[0] - 1 - level] if level < book.count[0] else 0
                top.ask_price_ticks[level] = -book.keys[1][book.count[1] - 1 - level] if level < book.count[1] else 0
                top.ask_qty_lots[level] = book.lots[1][book.count[1] - 1 - level] if level < book.count[1] else 0
            total += top.bid_qty_lots[i % 5] + top.ask_qty_lots[i % 5]
        begun = monotonic_ns() - begun
    return begun, total
