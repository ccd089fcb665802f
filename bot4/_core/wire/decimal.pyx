# cython: language_level=3
"""Decimal literals of a venue to whole ticks or lots, exactly: no float, no rounding."""

from libc.stdint cimport int64_t

_REASONS = {
    DECIMAL_EMPTY: "it is empty",
    DECIMAL_MALFORMED: "it is not digits with at most one point between them",
    DECIMAL_NEGATIVE: "it is negative",
    DECIMAL_OVERLONG: "it does not fit 64 bits in units of its last decimal",
    DECIMAL_OFF_GRID: "it lies between two steps",
}


cdef class Grid:
    """A price or quantity grid, such as the tick size "0.01".

    Parameters
    ----------
    step : str
        Plain decimal literal above zero ("0.01", "0.5", "25"); zeros at its end do not count.

    Raises
    ------
    ValueError
        The step is no such literal.

    Notes
    -----
    Immutable: any thread may use it.

    >>> grid = Grid("0.01000000")
    >>> grid.steps("61837.63000000")
    6183763
    >>> grid.text(6183763)
    '61837.63'
    >>> Grid("0.5").verdict("10.25") == DecimalVerdict.DECIMAL_OFF_GRID
    True
    """

    def __cinit__(self, step: str) -> None:
        cdef bytes text = step.encode()
        cdef int verdict = grid_parse(text, len(text), &self.grid)
        if verdict != DECIMAL_OK:
            reason = "it is zero or no plain literal" if verdict == DECIMAL_MALFORMED else _REASONS[verdict]
            raise ValueError(f"a step must be a plain decimal above zero, was {step!r}: {reason}")
        self.step = step

    def verdict(self, text: str) -> DecimalVerdict:
        """What parsing `text` on this grid gives: DECIMAL_OK, or why it is refused."""
        cdef bytes literal = text.encode("utf-8", "surrogatepass")
        cdef int64_t steps = 0
        return DecimalVerdict(decimal_parse(&self.grid, literal, len(literal), &steps))

    def verdict_any(self, text: str) -> tuple[DecimalVerdict, int]:
        """Verdict and steps by the byte-by-byte rule, which the vector path must equal; for checks."""
        cdef bytes literal = text.encode("utf-8", "surrogatepass")
        cdef int64_t steps = 0
        verdict = DecimalVerdict(decimal_parse_any(&self.grid, literal, len(literal), &steps))
        return verdict, steps if verdict == DECIMAL_OK else 0

    def steps(self, text: str) -> int:
        """Whole steps of the literal `text`; raises ValueError where it is off the grid or no plain literal."""
        cdef bytes literal = text.encode("utf-8", "surrogatepass")
        cdef int64_t steps = 0
        cdef int verdict = decimal_parse(&self.grid, literal, len(literal), &steps)
        if verdict != DECIMAL_OK:
            raise ValueError(f"a value must be a whole number of steps of {self.step}, was {text!r}: {_REASONS[verdict]}")
        return steps

    def text(self, steps: int) -> str:
        """Plain decimal literal of `steps`, without zeros beyond the step's own decimals; the inverse of `steps`."""
        if steps < 0:
            raise ValueError(f"steps must not be negative, was {steps}")
        units = steps * self.grid.mantissa
        if self.grid.decimals == 0:
            return str(units)
        digits = str(units).rjust(self.grid.decimals + 1, "0")
        return f"{digits[:-self.grid.decimals]}.{digits[-self.grid.decimals:]}"

    @property
    def decimals(self) -> int:
        """Decimals of the step: 2 for "0.01"."""
        return self.grid.decimals

    @property
    def mantissa(self) -> int:
        """The step in units of its last decimal: 5 for "0.5"."""
        return self.grid.mantissa
