"""What an account tells of itself."""

from __future__ import annotations

from typing import NamedTuple


class BalanceRow(NamedTuple):
    """Balance of one asset in atoms."""

    available: int
    locked: int
    fees: int


class Equity(NamedTuple):
    """Equity in quote atoms, and how many assets or positions had no mark and are not in it."""

    atoms: int
    unvalued: int
