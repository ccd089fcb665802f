"""A heap that stays as large as it is: large buffers are mapped and given back, none of them splits the heap.

A process that reads sockets for weeks takes and frees a buffer of 256 KiB for each read, and keeps small things for a
minute or two between them. glibc raises its threshold for mapping once such a buffer was freed; from then on they come
from the heap, whose free parts are too small for the next one, and it grows by some kilobytes a second.
"""

from __future__ import annotations

import ctypes

# malloc.h
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MAPPED_FROM, _TRIMMED_AT, _PAD = 32_768, 65_536, 16_384


def keep_heap_steady() -> bool:
    """Set the thresholds of this process, for good; False where the C library has none of these."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wanted = ((_M_MMAP_THRESHOLD, _MAPPED_FROM), (_M_TRIM_THRESHOLD, _TRIMMED_AT), (_M_TOP_PAD, _PAD))
    return all(mallopt(option, value) == 1 for option, value in wanted)
