"""Mixtures of faults drawn from a seed, one after the other, with quiet times in between."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.adapters.simulator.faults.settings import FaultSettings

_QUIET_SHARE = 0.4


class Chaos:
    """Endless mixtures of faults; the same seed gives the same ones.

    Parameters
    ----------
    settings : FaultSettings
        With a seed; what it names beside holds in every mixture.

    """

    def __init__(self, settings: FaultSettings) -> None:
        self._base = settings
        self._random = Random(settings.chaos_seed)  # noqa: S311 - dice of a test, not a secret

    def next(self) -> FaultSettings:
        """Return the next mixture."""
        draw = self._random
        if draw.random() < _QUIET_SHARE:
            return self._base
        mixture = draw.choice(_MIXTURES)(draw, self._base.chaos_period_s)
        return msgspec.structs.replace(self._base, **mixture)


_MIXTURES: tuple[Callable[[Random, float], dict[str, Any]], ...] = (
    lambda draw, _: {"drop_diffs": draw.uniform(0.05, 0.3)},
    lambda draw, _: {"duplicate_diffs": draw.uniform(0.1, 0.4), "reorder_diffs": draw.uniform(0.1, 0.4)},
    lambda draw, _: {"delay_diffs": draw.uniform(0.2, 0.8), "diff_delay_ms": draw.randrange(100, 2_000)},
    lambda _draw, _: {"mute_streams": True},
    lambda _draw, _: {"mute_users": True},
    lambda draw, _: {"disconnect_every_s": draw.uniform(1.0, 5.0)},
    lambda draw, period_s: {"outage_s": draw.uniform(0.2, 0.8) * period_s},
    lambda draw, _: {"order_timeouts": draw.uniform(0.1, 0.5), "order_timeout_s": draw.uniform(0.1, 1.0)},
    lambda draw, _: {"lost_answers": draw.uniform(0.1, 0.5)},
    lambda draw, _: {"order_delay_ms": draw.randrange(10, 500), "partial_fill_storm": draw.randrange(2, 50)},
)
