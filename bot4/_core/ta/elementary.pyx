# cython: language_level=3
"""Elementary functions whose results do not depend on the machine's C library, seen from Python."""


def natural_log_ratio(new: int, old: int) -> float:
    """Return ln(new / old), exact to about one unit in the last place even for neighbouring prices.

    Parameters
    ----------
    new, old : int
        Prices in ticks, 1 to 2**53.

    Raises
    ------
    ValueError
        Where a price is outside that range.

    >>> round(natural_log_ratio(10_001, 10_000), 12)
    9.9995e-05
    """
    cdef int64_t a = new
    cdef int64_t b = old
    if not (1 <= a <= QUANTITY_MAX and 1 <= b <= QUANTITY_MAX):
        raise ValueError(f"prices must be 1 to 2**53 ticks, were {new} and {old}")
    return log_ratio(a, b)


def exponential_decay(double x):
    """Return exp(-x).

    Parameters
    ----------
    x : float
        Not negative; an age over a time constant.

    Raises
    ------
    ValueError
        Where x is negative or not a number.

    >>> exponential_decay(0.0)
    1.0
    """
    if not x >= 0.0:
        raise ValueError(f"x must not be negative, was {x}")
    return decay(x)
