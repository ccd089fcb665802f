"""Funding in plain fractions: what was held at each settlement, and what that costs."""

from __future__ import annotations

from fractions import Fraction
from math import ceil


def settle(fills, rows, marks, *, tick: Fraction, lot: Fraction, decimals: int, is_inverse: bool = False):
    """Pay for each settlement; returns (time, lots, atoms) of each.

    Parameters
    ----------
    fills : list of (time_ns, side, lots)
        Oldest first; one at the time of a settlement is after it.
    rows : list of (time_ns, rate_e8, mark_ticks)
    marks : function of time_ns
        The mark in ticks where a row has none.

    """
    paid = []
    for time_ns, rate_e8, mark_ticks in rows:
        held = sum(lots if side == 0 else -lots for at, side, lots in fills if at < time_ns)
        price = (mark_ticks or marks(time_ns)) * tick
        scale = 10**decimals
        # A coin-settled contract's value is to the nearest atom, ties to even; a linear one's is exact.
        value = round(abs(held) * lot / price * scale) if is_inverse else abs(held) * lot * price * scale
        due = value * Fraction(rate_e8, 10**8) * (1 if held > 0 else -1)
        paid.append((time_ns, held, ceil(due)))
    return paid
