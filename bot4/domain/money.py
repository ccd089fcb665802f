"""Exact amounts of one asset: a whole number of atoms, never a float.

An atom is ``10**-decimals`` units. Sums and comparisons are exact; a product with a ratio names its rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum

MAX_DECIMALS = 18
_ATOMS_MAX = (1 << 127) - 1


class Rounding(Enum):
    """Where a value between two atoms goes."""

    DOWN = "down"  # towards minus infinity: what we are owed
    UP = "up"  # towards plus infinity: what we owe
    EXACT = "exact"  # refuse a value between two atoms


def exact_decimal(value: Decimal | str | int, what: str = "a value") -> Decimal:
    """Return `value` as a finite Decimal without loss.

    Parameters
    ----------
    value : Decimal, str or int
        Floats are refused: 0.1 is not a tenth.
    what : str
        How the message calls the value.

    Raises
    ------
    TypeError
        `value` is a float, a bool or another type.
    ValueError
        `value` is not a finite decimal number.

    >>> exact_decimal("0.10")
    Decimal('0.10')

    """
    if isinstance(value, bool) or not isinstance(value, Decimal | str | int):
        raise TypeError(f"{what} must be a Decimal, a str or an int (a float is not exact), was {value!r}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{what} must be a decimal number, was {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"{what} must be finite, was {value!r}")
    return number


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Whole quotient of two integers under `rounding`; `denominator` must be positive."""
    if denominator <= 0:
        raise ValueError(f"denominator must be positive, was {denominator}")
    quotient, remainder = divmod(numerator, denominator)
    if remainder == 0:
        return quotient
    if rounding is Rounding.EXACT:
        raise ValueError(f"{numerator}/{denominator} is not whole")
    return quotient + 1 if rounding is Rounding.UP else quotient


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount of one asset.

    Parameters
    ----------
    asset : str
        Upper-case code, e.g. ``USDT``.
    atoms : int
        Whole atoms; may be negative; at most 127 bits.
    decimals : int
        Atoms a unit, as a power of ten: 0 to 18.

    >>> Money.of("1.5", "USDT", decimals=8) + Money.of("0.25", "USDT", decimals=8)
    Money(asset='USDT', atoms=175000000, decimals=8)
    >>> str(Money("BTC", -1, 8))
    '-0.00000001 BTC'

    """

    asset: str
    atoms: int
    decimals: int

    def __post_init__(self) -> None:
        if not self.asset:
            raise ValueError("asset must not be empty")
        if isinstance(self.atoms, bool) or not isinstance(self.atoms, int):
            raise TypeError(f"atoms must be an int, was {self.atoms!r}")
        if not 0 <= self.decimals <= MAX_DECIMALS:
            raise ValueError(f"decimals must be 0 to {MAX_DECIMALS}, was {self.decimals}")
        if not -_ATOMS_MAX <= self.atoms <= _ATOMS_MAX:
            raise OverflowError(f"atoms must fit 127 bits, was {self.atoms}")

    @classmethod
    def of(
        cls, amount: Decimal | str | int, asset: str, *, decimals: int, rounding: Rounding = Rounding.EXACT
    ) -> Money:
        """Return `amount` units of `asset`; with ``Rounding.EXACT`` an amount between two atoms is refused."""
        numerator, denominator = exact_decimal(amount, f"an amount of {asset}").as_integer_ratio()
        return cls(asset, divide(numerator * 10**decimals, denominator, rounding), decimals)

    @classmethod
    def zero(cls, asset: str, *, decimals: int) -> Money:
        """Return nothing of `asset`."""
        return cls(asset, 0, decimals)

    def to_decimal(self) -> Decimal:
        """Return the amount in units, exactly, with all its decimals."""
        sign, digits = (1 if self.atoms < 0 else 0), tuple(int(digit) for digit in str(abs(self.atoms)))
        return Decimal((sign, digits, -self.decimals))

    def times(self, numerator: int, denominator: int, rounding: Rounding) -> Money:
        """Return this amount times a ratio, rounded as told: a fee is ``times(fee_bps, 10_000, Rounding.UP)``."""
        return Money(self.asset, divide(self.atoms * numerator, denominator, rounding), self.decimals)

    def _same(self, other: Money) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"money only goes with money, was {other!r}")
        if (self.asset, self.decimals) != (other.asset, other.decimals):
            raise ValueError(
                f"{self.asset} of {self.decimals} decimals does not go with {other.asset} of {other.decimals}"
            )
        return other.atoms

    def __add__(self, other: Money) -> Money:
        return Money(self.asset, self.atoms + self._same(other), self.decimals)

    def __sub__(self, other: Money) -> Money:
        return Money(self.asset, self.atoms - self._same(other), self.decimals)

    def __neg__(self) -> Money:
        return Money(self.asset, -self.atoms, self.decimals)

    def __lt__(self, other: Money) -> bool:
        return self.atoms < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.atoms <= self._same(other)

    def __gt__(self, other: Money) -> bool:
        return self.atoms > self._same(other)

    def __ge__(self, other: Money) -> bool:
        return self.atoms >= self._same(other)

    def __bool__(self) -> bool:
        return self.atoms != 0

    def __str__(self) -> str:
        return f"{self.to_decimal():f} {self.asset}"
