"""A record of a journal that is put together again from what a venue tells."""

from __future__ import annotations

from typing import NamedTuple


class AdoptedRecord(NamedTuple):
    """One record that takes the place of one that was lost."""

    seq: int
    epoch: int
    kind: int
    wall_ns: int
    payload: bytes
