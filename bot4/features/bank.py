"""From settings to the feature bank of an instrument."""

from __future__ import annotations

from decimal import ROUND_DOWN
from typing import TYPE_CHECKING, Literal

from bot4._core.ta.features import Features
from bot4._core.ta.registry import FEATURES
from bot4._core.ta.selection import Garch
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot4.config.features import FeaturesSettings
    from bot4.domain.instrument import Instrument

BASE = tuple(feature.name for feature in FEATURES if feature.group == "base")
"""What is computed where nothing was chosen."""


def open_bank(
    chosen: FeaturesSettings,
    instrument: Instrument,
    interval_ns: int,
    *,
    select: Collection[str] | Literal["all"],
    longer_intervals_ns: Collection[int] = (),
) -> Features:
    """Return a bank of an instrument with the parameters that the settings have for it.

    Raises
    ------
    ConfigError
        Where a feature is unknown or lacks its parameters, or an interval does not fit.

    """
    bucket_lots = int((chosen.vpin_bucket_qty / instrument.lot_size).to_integral_value(rounding=ROUND_DOWN))
    parameters = chosen.garch.get(instrument.symbol)
    try:
        return Features(
            float(instrument.tick_size),
            float(instrument.lot_size),
            interval_ns,
            select=select,
            longer_intervals_ns=tuple(longer_intervals_ns),
            garch={interval_ns: Garch(*parameters)} if parameters else None,
            vpin_bucket_lots=bucket_lots,
        )
    except ValueError as error:
        raise ConfigError(f"settings features do not fit {instrument.symbol}: {error}") from None
