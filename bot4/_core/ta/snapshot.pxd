"""A pointer-free state as bytes, stamped with what it means."""

from libc.stdint cimport uint64_t


cdef bytes snapshot_pack(const void* state, size_t size, uint64_t hash, str meaning)
# Writes the state and returns the hash it was stamped with; raises ValueError and writes nothing where it does not fit.
cdef object snapshot_unpack(bytes snapshot, void* state, size_t size, str meaning)
