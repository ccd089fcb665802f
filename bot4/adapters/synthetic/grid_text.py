"""Counts of a step as the decimals a venue prints, many of them quickly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


class GridText:
    """Text of whole steps: the digits that ``f"{step * count:f}"`` would have, from integers alone.

    Parameters
    ----------
    step : Decimal
        Above 0.

    >>> from decimal import Decimal
    >>> GridText(Decimal("0.05"))(1201), GridText(Decimal("0.010"))(7), GridText(Decimal("25"))(3)
    ('60.05', '0.070', '75')

    """

    __slots__ = ("_decimals", "_step", "_zero")

    def __init__(self, step: Decimal) -> None:
        exponent = step.as_tuple().exponent
        if not isinstance(exponent, int):
            raise TypeError(f"step must be a finite Decimal, was {step}")
        self._decimals = max(0, -exponent)
        self._step = int(step.scaleb(self._decimals))
        self._zero = f"{step * 0:f}"

    def __call__(self, count: int) -> str:
        """Text of `count` steps, 0 or more of them."""
        if not count:
            return self._zero
        digits, decimals = str(count * self._step), self._decimals
        if not decimals:
            return digits
        if len(digits) <= decimals:
            digits = digits.zfill(decimals + 1)
        return f"{digits[:-decimals]}.{digits[-decimals:]}"
