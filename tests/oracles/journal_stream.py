"""Journal files by struct and a bitwise checksum: the slow twin of bot4._core.journal."""

from __future__ import annotations

import struct
from typing import NamedTuple

MAGIC = b"BOT4JRNL"
FILE_HEADER = struct.Struct("<8sIIQQQqIII")
RECORD_HEADER = struct.Struct("<IIQIBBHqq")
PAYLOAD_MAX = 4056


def crc32c(data, crc=0):
    """CRC-32C bit by bit, from the definition (RFC 3720: reflected polynomial 0x82F63B78, complemented twice)."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Row(NamedTuple):
    seq: int
    epoch: int
    kind: int
    flags: int
    ts_mono_ns: int
    ts_wall_ns: int
    payload: bytes


def encode_header(*, stream_id=0, build_hash=0, config_hash=0, wall_ns=0, first_seq=1, epoch=1):
    """File header of 64 bytes."""
    body = FILE_HEADER.pack(MAGIC, 1, 64, build_hash, config_hash, first_seq, wall_ns, epoch, stream_id, 0)
    return body + struct.pack("<I", crc32c(body))


def encode_record(row):
    """One record."""
    body = RECORD_HEADER.pack(
        0, len(row.payload), row.seq, row.epoch, row.kind, row.flags, 0, row.ts_mono_ns, row.ts_wall_ns
    )[4:]
    return struct.pack("<I", crc32c(body + row.payload)) + body + row.payload


class CorruptError(Exception):
    """Damage in the middle."""


def _read(data, at):
    """The intact record at an offset and where it ends, or None."""
    if len(data) - at < RECORD_HEADER.size:
        return None
    crc, length, seq, epoch, kind, flags, reserved, mono, wall = RECORD_HEADER.unpack_from(data, at)
    end = at + RECORD_HEADER.size + length
    if length > PAYLOAD_MAX or not 1 <= kind <= 8 or reserved or end > len(data) or crc32c(data[at + 4 : end]) != crc:
        return None
    return Row(seq, epoch, kind, flags, mono, wall, data[at + RECORD_HEADER.size : end]), end


def decode(data):
    """(rows, torn bytes) of a whole file; raises CorruptError for damage that is not a torn tail."""
    if len(data) < 64 or data[:8] != MAGIC or crc32c(data[:60]) != struct.unpack_from("<I", data, 60)[0]:
        raise CorruptError(0)
    first_seq, epoch = FILE_HEADER.unpack_from(data)[5], FILE_HEADER.unpack_from(data)[7]
    rows, at, expected = [], 64, first_seq
    while at < len(data):
        found = _read(data, at)
        if found is None:
            if _is_torn(data, at, expected):
                return rows, len(data) - at
            raise CorruptError(at)
        row, end = found
        if row.seq != expected or row.epoch < epoch:
            raise CorruptError(at)
        rows.append(row)
        at, expected, epoch = end, expected + 1, row.epoch
    return rows, 0


def _is_torn(data, at, expected):
    """Nothing intact and later follows, and what is there is at most one record long (or zeros)."""
    for later in range(at, len(data)):
        found = _read(data, later)
        if found is not None and expected < found[0].seq <= expected + len(data):
            return False
    beyond_one_record = data[at + RECORD_HEADER.size + PAYLOAD_MAX :]
    return not beyond_one_record.strip(b"\0")


def chain_after(chain, crc, seq):
    """The chain behind a record, from the four bytes of its checksum and its sequence."""
    mask = (1 << 64) - 1
    z = ((chain ^ (int.from_bytes(crc, "little") << 32 | seq & 0xFFFFFFFF)) + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
    return z ^ z >> 31
