# cython: language_level=3
"""Enumerations and 128-bit money of the core, seen from Python.

Every enumeration here is an ``enum.IntFlag`` or ``enum.IntEnum`` made by Cython from the C one, so a value read from
an event compares equal to its name.
"""

_MONEY_MIN = -(1 << 127)
_MONEY_MAX = (1 << 127) - 1


cdef money_t money_from_int(object amount) except? -1:
    """128-bit amount of a Python integer; raises OverflowError beyond +-2**127."""
    if not _MONEY_MIN <= amount <= _MONEY_MAX:
        raise OverflowError(f"an amount must fit 128 bits, was {amount}")
    return money_join(<int64_t>(amount >> 64), <uint64_t>(amount & 0xFFFFFFFFFFFFFFFF))


def money_round_trip(amount: int) -> int:
    """Return `amount` after a trip through the core's 128-bit money, to show that nothing is lost.

    >>> money_round_trip(-(10**30)) == -(10**30)
    True
    """
    return money_to_int(money_from_int(amount))


def event_size() -> int:
    """Bytes of one event: one cache line.

    >>> event_size()
    64
    """
    return sizeof(Event)
