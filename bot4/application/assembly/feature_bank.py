"""From settings to the feature bank of an instrument, and from a strategy's words to places in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bot4._core.ta.registry import FEATURES
from bot4.domain.errors import ConfigError
from bot4.features.bank import BASE, open_bank

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot4._core.ta.features import Features
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument

_MS = 1_000_000
_NAMES = frozenset(feature.name for feature in FEATURES)


def split_interval(word: str) -> tuple[str, int | None]:
    """Split "rsi_14@300000" into the feature and its interval in ms; None is the shortest.

    Raises
    ------
    ConfigError
        Where what follows the @ is no whole number of milliseconds.

    >>> split_interval("rsi_14@300000"), split_interval("obv")
    (('rsi_14', 300000), ('obv', None))
    """
    name, mark, interval = word.partition("@")
    if not mark:
        return name, None
    if not interval.isdecimal():
        raise ConfigError(f"setting strategy.weights: {word!r} must be FEATURE or FEATURE@MILLISECONDS")
    return name, int(interval)


def weighed_features(settings: Settings, also: Collection[str] = ()) -> tuple[str, ...]:
    """Return the features that the strategy's weights name, without intervals, and `also`, which signals name.

    Raises
    ------
    ConfigError
        Where there is no feature of a name.
    """
    weighed = (*(split_interval(word)[0] for word in settings.strategy.weights), *also)
    unknown = sorted({*weighed} - _NAMES)
    if unknown:
        key = "signals" if unknown[0] in also else "strategy.weights"
        raise ConfigError(f"setting {key} names no feature {unknown[0]!r}: see docs/features.md")
    return weighed


def make_features(
    settings: Settings,
    instrument: Instrument,
    interval_ns: int,
    *,
    also: Collection[str] = (),
    longer_ns: Collection[int] = (),
) -> Features:
    """Return the bank that computes what the settings list and what decides reads: weights, `also` and `longer_ns`.

    Raises
    ------
    ConfigError
        Where a feature is unknown or lacks its parameters, or an interval does not fit.
    """
    chosen = settings.features
    select: tuple[str, ...] | Literal["all"] = "all"
    weighed = weighed_features(settings, also)
    if chosen.select != "all":
        select = (*(chosen.names() or BASE), *weighed)
    intervals_ns, wanted = tuple(interval * _MS for interval in chosen.intervals_ms()), {*longer_ns}
    return open_bank(
        chosen,
        instrument,
        interval_ns,
        select=select,
        longer_intervals_ns=intervals_ns if wanted <= {*intervals_ns} else tuple(sorted({*intervals_ns, *wanted})),
    )


def feature_place(features: Features, word: str) -> int:
    """Return where a policy reads a feature of the strategy's weights.

    Raises
    ------
    ConfigError
        Where its interval is not one of the bank's, or the feature is of quotes and trades and has no interval.
    """
    name, interval_ms = split_interval(word)
    if interval_ms is None:
        return features.place(name)
    interval_ns = interval_ms * _MS
    if interval_ns not in features.intervals_ns:
        raise ConfigError(
            f"setting strategy.weights: {word!r} must have an interval of features.longer_intervals_ms, "
            f"which are {tuple(interval // _MS for interval in features.intervals_ns[1:])}"
        )
    feature = next(feature for feature in FEATURES if feature.name == name)
    if feature.input != "bar" and interval_ns != features.intervals_ns[0]:
        raise ConfigError(f"setting strategy.weights: {word!r} is a feature of quotes or trades and has no interval")
    return features.place(name, interval_ns)
