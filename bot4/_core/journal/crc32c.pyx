# cython: language_level=3
"""CRC-32C: by the processor's instruction where it has one (decided once, at import), else by table."""

from libc.stdint cimport uint8_t, uint32_t


cdef extern from "bot4/crc32c.h" nogil:
    void bot4_crc32c_init() noexcept
    bint bot4_crc32c_has_instruction() noexcept
    uint32_t bot4_crc32c(uint32_t crc, const void* data, size_t length) noexcept
    uint32_t bot4_crc32c_by_table(uint32_t crc, const void* data, size_t length) noexcept


bot4_crc32c_init()


cdef uint32_t crc32c_update(uint32_t crc, const void* data, size_t length) noexcept nogil:
    return bot4_crc32c(crc, data, length)


cdef uint32_t crc32c_update_by_table(uint32_t crc, const void* data, size_t length) noexcept nogil:
    return bot4_crc32c_by_table(crc, data, length)


def crc32c(data, crc: int = 0) -> int:
    """CRC-32C of bytes, going on from `crc`.

    Source: RFC 3720 appendix B.4 has the test vectors.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    >>> crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789")
    True
    """
    cdef const uint8_t[::1] view = data
    return crc32c_update(crc, &view[0] if view.shape[0] else NULL, view.shape[0])


def crc32c_by_table(data, crc: int = 0) -> int:
    """CRC-32C without the processor's instruction: the fallback, open to tests on every machine."""
    cdef const uint8_t[::1] view = data
    return crc32c_update_by_table(crc, &view[0] if view.shape[0] else NULL, view.shape[0])


def has_instruction() -> bool:
    """Whether `crc32c` uses SSE4.2 on this machine."""
    return bot4_crc32c_has_instruction()


def crc32c_repeat(data, count: int) -> int:
    """CRC-32C of `count` copies of the data, one after another, without joining them."""
    cdef const uint8_t[::1] view = data
    cdef const uint8_t* first = &view[0] if view.shape[0] else NULL
    cdef size_t length = view.shape[0]
    cdef uint32_t crc = 0
    cdef long _copy
    cdef long copies = count
    with nogil:
        for _copy in range(copies):
            crc = bot4_crc32c(crc, first, length)
    return crc
