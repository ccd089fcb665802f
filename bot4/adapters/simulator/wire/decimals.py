"""Decimal texts of the wire as whole hundred-millionths, exactly: the venue shows eight decimals of everything."""

from __future__ import annotations

import re

from bot4.adapters.simulator.wire.errors import refusal

DECIMALS = 8
UNIT = 10**DECIMALS
LEGAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"

_MAX_E8 = (1 << 63) - 1
_MATCH = re.compile(LEGAL, re.ASCII).match


def parse_e8(name: str, text: str) -> int:
    """Return a decimal text in hundred-millionths.

    Raises
    ------
    ApiError
        -1100 it is no plain decimal, -1111 it has more than eight decimals, -1108 it does not fit.

    >>> parse_e8("price", "61837.63")
    6183763000000

    """
    found = _MATCH(text)
    if found is None or text[-1] == "\n":
        raise refusal(-1100, name, LEGAL)
    whole: str = found[1]
    fraction: str | None = found[2]
    value: int = int(whole) * UNIT
    if fraction is not None:
        digits = fraction[1:]
        if len(digits) > DECIMALS:
            if digits[DECIMALS:].strip("0"):
                raise refusal(-1111, name)
            digits = digits[:DECIMALS]
        value += int(digits) * 10 ** (DECIMALS - len(digits))
    if value > _MAX_E8:
        raise refusal(-1108, name)
    return value


def format_e8(value: int) -> str:
    """Return hundred-millionths as the venue writes them: eight decimals, always.

    >>> format_e8(-5)
    '-0.00000005'
    """
    if value < 0:
        return "-" + format_e8(-value)
    return f"{value // UNIT}.{value % UNIT:08d}"


def fixed_e8(value: int, decimals: int) -> str:
    """Return hundred-millionths with so many decimals, the rest cut off.

    >>> fixed_e8(-6000010000000, 2)
    '-60000.10'
    """
    if value < 0:
        return "-" + fixed_e8(-value, decimals)
    scale = 10 ** (DECIMALS - decimals)
    whole, fraction = divmod(value // scale, 10**decimals)
    return f"{whole}.{fraction:0{decimals}d}" if decimals else str(whole)
