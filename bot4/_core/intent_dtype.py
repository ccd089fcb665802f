"""NumPy layout of an order intent: the 64-byte ``OrderIntent`` of the core, field by field."""

from __future__ import annotations

import numpy as np

INTENT_DTYPE = np.dtype(
    [
        ("order_id", "<u8"),
        ("instrument", "<u2"),
        ("action", "u1"),
        ("side", "u1"),
        ("type", "u1"),
        ("tif", "u1"),
        ("flags", "u1"),
        ("reason", "u1"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("ts_ns", "<i8"),
        ("generation", "<u8"),
        ("trigger_ticks", "<i8"),
        ("score", "<f8"),
    ]
)
"""One row is one order intent (64 bytes, one cache line); an array of them passes to the core without a copy."""
