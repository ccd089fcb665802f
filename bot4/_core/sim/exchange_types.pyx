# cython: language_level=3
"""Enumerations of the simulated exchange, seen from Python: values of its records compare equal to their names."""


def verdict_name(verdict):
    """Name of an `ExchangeVerdict` without its prefix.

    >>> verdict_name(65)
    'INSUFFICIENT_BALANCE'
    """
    return ExchangeVerdict(verdict).name.removeprefix("VERDICT_")
