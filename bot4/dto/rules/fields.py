"""Reading of one field of a venue's rules: exact, or an error that names the symbol and the field."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FINER_MAX = 1000  # beyond that the decimals are a format, not a grid
_MAX_EXPONENT = 40  # a rule of 1e40 or 1e-40 is garbage, and its digits would fill memory


def decimal_field(fields: Mapping[str, Any], name: str, where: str) -> Decimal:
    """Return the field as a plain Decimal without trailing zeros; ConfigError where it is absent or no number."""
    value = optional_decimal(fields, name, where)
    if value is None:
        raise ConfigError(f"{where}: {name} is missing")
    return value


def optional_decimal(fields: Mapping[str, Any], name: str, where: str) -> Decimal | None:
    """Like `decimal_field`, None where the field is absent, null or empty."""
    raw = fields.get(name)
    if raw is None or raw == "":
        return None
    if isinstance(raw, bool | float) or not isinstance(raw, str | int | Decimal):
        raise ConfigError(f"{where}: {name} must be a decimal in quotes, was {raw!r}")
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise ConfigError(f"{where}: {name} must be a decimal number, was {raw!r}") from None
    if not value.is_finite() or abs(value.adjusted()) > _MAX_EXPONENT:
        raise ConfigError(f"{where}: {name} is out of range: {raw!r}")
    return plain(value)


def limit(fields: Mapping[str, Any], name: str, where: str) -> Decimal | None:
    """Like `optional_decimal`, None for 0 too: venues write 0 where a limit is switched off."""
    return optional_decimal(fields, name, where) or None


def text_field(fields: Mapping[str, Any], name: str, where: str) -> str:
    """Return a non-empty string field."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{where}: {name} must be a non-empty text, was {value!r}")
    return value


def int_field(fields: Mapping[str, Any], name: str, where: str, default: int | None = None) -> int:
    """Return a whole-number field, or `default` where it is absent and a default is given."""
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{where}: {name} must be a whole number, was {value!r}")
    return value


def plain(value: Decimal) -> Decimal:
    """Return the same number without trailing zeros and without a positive exponent: 0.01000 -> 0.01, 1E+2 -> 100."""
    reduced = value.normalize()
    _, _, exponent = reduced.as_tuple()
    return reduced.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else reduced


def data_lot(step: Decimal) -> Decimal:
    """Return the grid of the quantities in a spot venue's market data, given the step of its orders.

    Orders placed under an older, finer step still rest and trade, so a book holds quantities off the step: the grid is
    four digits finer, and no finer than the eight decimals the venue writes.

    >>> data_lot(Decimal("0.00001")), data_lot(Decimal("1"))
    (Decimal('1E-8'), Decimal('0.0001'))
    """
    reduced = plain(step)
    _, _, exponent = reduced.as_tuple()
    decimals = -exponent if isinstance(exponent, int) else 0
    return Decimal(1).scaleb(-max(decimals, min(8, decimals + 4)))


def precision_grid(step: Decimal, decimals: int) -> Decimal:
    """Return the finer of an order step and the decimals a venue writes; the step where they do not divide.

    >>> precision_grid(Decimal("0.1"), 2), precision_grid(Decimal("0.25"), 1)
    (Decimal('0.01'), Decimal('0.25'))
    """
    written = Decimal(1).scaleb(-decimals)
    return written if written < step and step % written == 0 and step / written <= _FINER_MAX else step
