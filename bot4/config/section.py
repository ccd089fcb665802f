"""What the sections of the settings have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from decimal import Decimal

PositiveInt = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]


def require_positive(key: str, value: Decimal) -> None:
    """Raise ValueError unless `value` is a finite positive amount."""
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{key} must be a positive amount, was {value}")


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the settings file; refuses keys it does not know."""


def require_url(key: str, value: str, schemes: tuple[str, str]) -> None:
    """Raise ValueError unless `value` is an address of one of `schemes`, without query."""
    scheme, mark, rest = value.partition("://")
    if not mark or scheme not in schemes or not rest.strip("/") or "?" in rest or "@" in rest:
        raise ValueError(f"{key} must be {schemes[0]}://HOST or {schemes[1]}://HOST, was {value!r}")
