"""What an order is called at a venue: a text made from its place in the journal, and the way back.

``b4-<epoch>-<sequence>-<check>``: two numbers in base 32 (Crockford's digits in lower case: no i, l, o, u) and a check
digit; at most 27 characters of ``[0-9a-z-]``. The same journal gives the same text after a restart, and one prefix
finds every order of an epoch. The check digit notices any one digit that changed and any two neighbours that changed
places (weights that are powers of a generator of GF(32)), so a mangled text is not taken for another of our orders.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Begins every order of ours, so that one listing finds them all.
PREFIX = "b4-"

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_SHAPE = re.compile(rf"b4-([{_DIGITS}]+)-([{_DIGITS}]+)-([{_DIGITS}])")
_EPOCH_MAX = 2**32 - 1
_SEQUENCE_MAX = 2**64 - 1
_OVERFLOW, _MODULUS = 0b100000, 0b100101  # x^5 + x^2 + 1, primitive over GF(2)


class OrderKey(NamedTuple):
    """The journal's epoch and the sequence of the intent in it."""

    epoch: int
    sequence: int


def client_order_id(epoch: int, sequence: int) -> str:
    """Return the venue's name of an order.

    Parameters
    ----------
    epoch : int
        Of the journal when the intent was written, 0 to 2^32 - 1.
    sequence : int
        Of the intent's record, 0 to 2^64 - 1.

    Raises
    ------
    ValueError
        A number is out of its range.

    >>> client_order_id(1, 7)
    'b4-1-7-2'

    """
    if not 0 <= epoch <= _EPOCH_MAX or not 0 <= sequence <= _SEQUENCE_MAX:
        raise ValueError(f"an epoch has 32 bits and a sequence 64, both from 0 on, were {epoch} and {sequence}")
    first, second = _in_base32(epoch), _in_base32(sequence)
    return f"{PREFIX}{first}-{second}-{_DIGITS[_check(first, second)]}"


def parse_client_order_id(text: str) -> OrderKey | None:
    """Return epoch and sequence of a name that `client_order_id` gave; None for any other text.

    >>> parse_client_order_id("b4-1-7-2")
    OrderKey(epoch=1, sequence=7)
    >>> parse_client_order_id("b4-1-8-2"), parse_client_order_id("web_4f1a")
    (None, None)

    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return None
    first, second, check = shape.groups()
    key = OrderKey(_from_base32(first), _from_base32(second))
    if key.epoch > _EPOCH_MAX or key.sequence > _SEQUENCE_MAX or _VALUES[check] != _check(first, second):
        return None
    # Leading zeros: the same number, but not the text we gave.
    return key if _in_base32(key.epoch) == first and _in_base32(key.sequence) == second else None


def _check(first: str, second: str) -> int:
    """Sum of the digits, each times its power of the generator; the place of the dash counts as a digit."""
    total = 0
    for value in (len(first), *(_VALUES[digit] for digit in first + second)):
        total = _times_generator(total ^ value)
    return total


def _times_generator(value: int) -> int:
    doubled = value << 1
    return doubled ^ _MODULUS if doubled & _OVERFLOW else doubled


def _in_base32(value: int) -> str:
    digits = ""
    while True:
        value, digit = divmod(value, 32)
        digits = _DIGITS[digit] + digits
        if value == 0:
            return digits


def _from_base32(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * 32 + _VALUES[digit]
    return value
