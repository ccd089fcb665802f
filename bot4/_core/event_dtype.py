"""The 64-byte event as a NumPy record: what the core's batch calls take and return."""

from __future__ import annotations

import numpy as np

#: Fields of one event. `a` to `e` are the five words of its body, whose meaning goes by `kind` (bot4/_core/types.pxd).
EVENT_DTYPE = np.dtype(
    [
        ("kind", "u1"),
        ("side", "u1"),
        ("flags", "u2"),
        ("instrument", "u2"),
        ("reason", "u2"),
        ("venue_ns", "i8"),
        ("recv_ns", "i8"),
        ("a", "i8"),
        ("b", "i8"),
        ("c", "i8"),
        ("d", "i8"),
        ("e", "i8"),
    ]
)
