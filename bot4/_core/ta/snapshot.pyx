# cython: language_level=3
"""A pointer-free state as bytes, stamped with what it means.

Layout, integers little-endian: magic (8 bytes), length of the meaning, length of the state, hash of the state (8 each),
the meaning in UTF-8, the state. A state is the memory of this machine: it is read back only where byte order and sizes
agree, which the meaning and the length see to.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

_MAGIC = b"BT4STATE"
_HEADER = 32


cdef bytes snapshot_pack(const void* state, size_t size, uint64_t hash, str meaning):
    text = meaning.encode()
    stamp = _MAGIC + b"".join(number.to_bytes(8, "little") for number in (len(text), size, hash))
    return stamp + text + (<const char*>state)[:size]


cdef object snapshot_unpack(bytes snapshot, void* state, size_t size, str meaning):
    cdef size_t start
    if len(snapshot) < _HEADER or snapshot[:8] != _MAGIC:
        raise ValueError(f"a snapshot must begin with {_MAGIC!r} and a header, began with {snapshot[:8]!r}")
    text_length, state_length, hash = (int.from_bytes(snapshot[at:at + 8], "little") for at in (8, 16, 24))
    if len(snapshot) != _HEADER + text_length + state_length:
        raise ValueError(
            f"a snapshot must have {_HEADER + text_length + state_length} bytes as it says, had {len(snapshot)}"
        )
    found = snapshot[_HEADER:_HEADER + text_length].decode(errors="replace")
    if found != meaning:
        raise ValueError(f"a snapshot must be of [{meaning}], was of [{found}]")
    if state_length != size:
        raise ValueError(f"a snapshot must hold a state of {size} bytes, held {state_length}")
    start = _HEADER + text_length
    memcpy(state, PyBytes_AS_STRING(snapshot) + start, size)
    return hash
