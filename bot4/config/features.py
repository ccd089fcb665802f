"""The section about what is computed from the market."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from bot4.config.section import Section

_PARAMETERS = 5


class FeaturesSettings(Section, frozen=True):
    """Which features are computed, over which bar intervals, with which fitted parameters (docs/features.md)."""

    select: str | tuple[str, ...] = "base"
    longer_intervals_ms: str | tuple[int, ...] = ()
    vpin_bucket_qty: Decimal = Decimal(0)
    reference: str = ""
    garch: dict[str, tuple[float, ...]] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.vpin_bucket_qty.is_finite() and self.vpin_bucket_qty >= 0):
            raise ValueError(f"features.vpin_bucket_qty must be a quantity, 0 for none, was {self.vpin_bucket_qty}")
        for symbol, parameters in self.garch.items():
            if len(parameters) != _PARAMETERS:
                raise ValueError(
                    f"features.garch.{symbol} must be mean, omega, alpha, beta and first variance, was {parameters}"
                )
        self.intervals_ms()

    def names(self) -> tuple[str, ...]:
        """Return the features asked for by name; empty where `select` is a word for many."""
        if isinstance(self.select, tuple):
            return self.select
        if self.select in {"base", "all"}:
            return ()
        return tuple(name.strip() for name in self.select.split(",") if name.strip())

    def intervals_ms(self) -> tuple[int, ...]:
        """Return the longer intervals."""
        if isinstance(self.longer_intervals_ms, tuple):
            return self.longer_intervals_ms
        try:
            return tuple(int(part) for part in self.longer_intervals_ms.split(",") if part.strip())
        except ValueError:
            raise ValueError(
                f"features.longer_intervals_ms must be whole numbers with commas, was {self.longer_intervals_ms!r}"
            ) from None
