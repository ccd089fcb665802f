"""Requests with fields at their bounds, or of noise."""

from __future__ import annotations

import numpy as np

EDGES = (0, 1, 2, 1 << 31, 1 << 40, (1 << 40) + 1, 1 << 42, (1 << 42) + 1, 1 << 62, (1 << 63) - 1, -1, -(1 << 63))
FIELDS = (
    *("side", "type", "tif", "stp", "flags", "qty_lots", "price_ticks", "stop_ticks", "iceberg_lots", "trailing_bips"),
    *(
        "quote_atoms_low",
        "quote_atoms_high",
        "expire_ns",
        "client_key",
        "order_id",
        "account",
        "symbol",
        "kind",
        "now_ns",
    ),
)


def damaged(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two rows in five with a field or two at a bound, or of noise."""
    for row in rows:
        for field in rng.choice(FIELDS, rng.integers(1, 3)) if rng.random() < 0.4 else ():
            if field == "now_ns" and rng.random() < 0.95:
                continue  # time does not run back from its end
            kind = row.dtype[field]
            value = EDGES[rng.integers(len(EDGES))] if rng.random() < 0.7 else int(rng.integers(-(1 << 63), 1 << 63))
            row[field] = np.array(value & (2 ** (8 * kind.itemsize) - 1), f"u{kind.itemsize}").view(kind)
    return rows
