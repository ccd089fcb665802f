"""CRC-32C: published vectors, and both implementations against the definition."""

from __future__ import annotations

import random

import pytest
from oracles import journal_stream as twin

from bot4._core.journal.crc32c import crc32c, crc32c_by_table, crc32c_repeat

IMPLEMENTATIONS = [crc32c, crc32c_by_table, twin.crc32c]


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # RFC 3720 appendix B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_vectors(implementation, data, expected):
    assert implementation(data) == expected


@pytest.mark.parametrize("implementation", [crc32c, crc32c_by_table])
def test_every_length_and_alignment_up_to_70_bytes_agrees_with_the_definition(implementation):
    data = random.Random(5).randbytes(80)
    for start in range(9):
        for length in range(71 - start):
            part = data[start : start + length]
            assert implementation(part) == twin.crc32c(part)


def test_a_checksum_goes_on_where_it_stopped():
    data = random.Random(6).randbytes(1000)
    for cut in range(0, 1000, 37):
        assert crc32c(data[cut:], crc32c(data[:cut])) == crc32c(data)
    assert crc32c_repeat(data[:100], 3) == crc32c(data[:100] * 3)
