"""CRC-32 against zlib's, over any bytes, whole and in pieces."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot4._core.wire.crc32 import crc32


def check(theirs: Callable[[bytes], int], data: bytes, cut: int) -> None:
    assert crc32(data) == theirs(data)
    assert crc32(data[cut:], crc32(data[:cut])) == theirs(data)
    assert crc32(memoryview(data)[cut:]) == theirs(data[cut:])


@given(data=st.binary(max_size=300), cut=st.integers(0, 300))
def test_any_bytes_have_the_checksum_of_zlib(data: bytes, cut: int) -> None:
    check(zlib.crc32, data, cut)


def test_long_input_has_the_checksum_of_zlib() -> None:
    data = bytes(range(256)) * 500
    for start in range(9):
        check(zlib.crc32, data[start:], 1000 + start)


def test_the_check_catches_another_polynomial() -> None:
    with pytest.raises(AssertionError):
        check(zlib.adler32, b"123456789", 3)
