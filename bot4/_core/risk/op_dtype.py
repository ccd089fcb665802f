"""NumPy layouts of the rows that `RiskGate.run` and `Breaker.run` apply."""

from __future__ import annotations

import numpy as np

RISK_OP_DTYPE = np.dtype(
    [
        ("kind", "u1"),
        ("side", "u1"),
        ("by_reject", "u1"),
        ("reserved", "u1"),
        ("code", "<i4"),
        ("now_ns", "<i8"),
        ("value", "<i8"),
    ]
)
"""One `RiskOp` (24 bytes)."""

BREAKER_OP_DTYPE = np.dtype([("kind", "u1"), ("reserved", "u1", (7,)), ("now_ns", "<i8"), ("value", "<i8")])
"""One `BreakerOp` (24 bytes)."""
