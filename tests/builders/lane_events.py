"""What several tests of a lane do to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bot4._core.journal.reader import JournalReader
from builders.engine import depth


def records(path: Path, kind: int, dtype: np.dtype) -> np.ndarray:
    with JournalReader(path) as reader:
        return np.frombuffer(reader.payloads(kind), dtype)


def bullish(at_ms: float, last: int) -> np.ndarray:
    """A diff that leaves nearly all of the touch on the bid."""
    return depth(at_ms, last, last, [(99_999, 900)], [(100_001, 10)])
