"""Bit scans, branch hints and prefetches (see include/bot4/bits.h)."""

from libc.stdint cimport uint64_t


cdef extern from "bot4/bits.h" nogil:
    int high_bit "bot4_high_bit"(uint64_t word) noexcept     # the word must not be zero
    int low_bit "bot4_low_bit"(uint64_t word) noexcept       # the word must not be zero
    int bit_count "bot4_bit_count"(uint64_t word) noexcept
    bint likely "bot4_likely"(bint condition) noexcept
    bint unlikely "bot4_unlikely"(bint condition) noexcept
    void prefetch "bot4_prefetch"(const void* address) noexcept
