"""What a bank is asked for: features by name, all, or the first ones; bar intervals; fitted parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from bot4._core.ta.registry import FEATURES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from bot4._core.ta.registry import FeatureSpec


_LARGEST = 1e6


class Garch(NamedTuple):
    """Parameters of a GARCH(1,1) fitted to the log returns of one bar interval, and the variance of its first bar."""

    mean: float
    omega: float
    alpha: float
    beta: float
    start: float


def checked_garch(parameters: Garch) -> Garch:
    """Return the parameters as they are.

    Raises
    ------
    ValueError
        Where one is not finite, omega or start is not positive, alpha or beta is negative, or they sum to more than 1.
    """
    mean, omega, alpha, beta, start = (float(x) for x in parameters)
    is_finite = all(math.isfinite(x) and abs(x) < _LARGEST for x in (mean, omega, alpha, beta, start))
    if not (is_finite and omega > 0 and start > 0 and alpha >= 0 and beta >= 0 and alpha + beta <= 1):
        raise ValueError(
            "garch must have omega and start above 0, alpha and beta not below 0 and together at most 1, "
            f"was {tuple(parameters)}"
        )
    return Garch(mean, omega, alpha, beta, start)


def checked_intervals(shortest_ns: int, longer_ns: Iterable[int], most: int) -> tuple[int, ...]:
    """Return all bar intervals.

    Raises
    ------
    ValueError
        Where one is outside 1 to 2**61, no multiple of the shortest, not above the one before, or there are too many.
    """
    intervals = (shortest_ns, *longer_ns)
    for interval_ns in intervals:
        if not 1 <= interval_ns <= 1 << 61:
            raise ValueError(f"bar_interval_ns must be 1 to 2**61, was {interval_ns}")
        if interval_ns % shortest_ns:
            raise ValueError(f"a longer interval must be a multiple of {shortest_ns} ns, was {interval_ns}")
    if list(intervals) != sorted(set(intervals)) or len(intervals) > most:
        raise ValueError(f"intervals must rise and be at most {most}, were {intervals}")
    return intervals


def choose(
    select: Collection[str] | Literal["all"] | None, *, has_garch: bool, has_bucket: bool
) -> tuple[FeatureSpec, ...]:
    """Return the features asked for, in the order of the vector.

    Parameters
    ----------
    select : collection of str, "all" or None
        Names; "all" is every feature whose parameters are there; None is the first ones, which are always computed.
    has_garch, has_bucket : bool
        Whether there are parameters for `garch_vol` and for `vpin_50`, which have no defaults.

    Raises
    ------
    ValueError
        Where a name is unknown, or asks for a feature without its parameters.

    >>> [feature.name for feature in choose(["rsi_14", "sma_5"], has_garch=False, has_bucket=False)]
    ['sma_5', 'rsi_14']
    """
    missing = tuple(group for group, is_there in (("garch", has_garch), ("vpin", has_bucket)) if not is_there)
    if select is None:
        return tuple(feature for feature in FEATURES if feature.group == "base")
    if select == "all":
        return tuple(feature for feature in FEATURES if feature.group not in missing)
    if isinstance(select, str):
        raise ValueError(f"select must be names of features or 'all', was {select!r}")  # noqa: TRY004 - a wrong word
    unknown = sorted(set(select) - {feature.name for feature in FEATURES})
    if unknown:
        raise ValueError(f"there is no feature {unknown[0]!r}")
    chosen = tuple(feature for feature in FEATURES if feature.name in select)
    for feature in chosen:
        if feature.group in missing:
            raise ValueError(f"feature {feature.name!r} must have its parameters: {feature.edge}")
    return chosen


def hidden_places(chosen: Collection[FeatureSpec]) -> dict[str, list[int]]:
    """Return the places that are written for this choice and that nobody asked for, by the input that moves them."""
    groups = {feature.group for feature in chosen} | {"base"}
    names = {feature.name for feature in chosen}
    return {
        kind: [
            place
            for place, feature in enumerate(FEATURES)
            if feature.input == kind and feature.group in groups and feature.name not in names
        ]
        for kind in ("bar", "top", "trade")
    }
