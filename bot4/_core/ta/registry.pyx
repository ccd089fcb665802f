# cython: language_level=3
"""The registry of features: for each its number, definition, unit, warm-up and oracle.

The place in the vector is the feature's rank by number, so it may move when features are added: look it up by name.
"""

from typing import NamedTuple

from bot4._core.ta import catalogue_flow, catalogue_price


class FeatureSpec(NamedTuple):
    """One feature of the bank.

    `warm_up` counts inputs of `clock`: the feature is ready from that many on, and NaN before.
    `input` says which call moves it (bar, top or trade), `group` what is computed with it: a bank computes the groups of the
    features it was asked for, and base always. `oracle` names what its tests compare it with.
    """

    name: str
    number: int
    family: str
    group: str
    input: str
    clock: FeatureClock
    warm_up: int
    parameters: str
    unit: str
    definition: str
    oracle: str
    edge: str


# Groups by name, as the bits of the .pxd.
GROUPS = {
    "base": 0,
    "trend": GROUP_TREND,
    "momentum": GROUP_MOMENTUM,
    "channels": GROUP_CHANNELS,
    "volatility": GROUP_VOLATILITY,
    "volume": GROUP_VOLUME,
    "statistics": GROUP_STATISTICS,
    "heavy": GROUP_HEAVY,
    "reference": GROUP_REFERENCE,
    "garch": GROUP_GARCH,
    "depth": GROUP_DEPTH,
    "vpin": GROUP_VPIN,
}
# The call that moves a feature of each clock.
_INPUTS = {
    "bar": "bar", "reference": "bar", "top": "top", "quote": "top", "depth": "top",
    "trade": "trade", "quoted_trade": "trade", "bucket": "trade",
}


def _spec(family, row) -> FeatureSpec:
    number, name, group, clock, warm_up, parameters, unit, definition, oracle, edge = row
    counted = FeatureClock[f"CLOCK_{clock.upper()}"]
    return FeatureSpec(
        name, number, family, group, _INPUTS[clock], counted, warm_up, parameters, unit, definition, oracle, edge
    )


_FAMILIES = {
    "trend": catalogue_price.TREND,
    "momentum": catalogue_price.MOMENTUM,
    "channels": catalogue_price.CHANNELS,
    "volatility": catalogue_flow.VOLATILITY,
    "volume": catalogue_flow.VOLUME,
    "statistics": catalogue_flow.STATISTICS,
    "microstructure": catalogue_flow.MICROSTRUCTURE,
}

FEATURES = tuple(_spec(family, row) for family, rows in _FAMILIES.items() for row in rows)


def _places() -> list:
    """Names of the enumeration of the .pxd, in the order of their values."""
    places = [name for name in globals() if name.startswith("FEATURE_") and name != "FEATURE_COUNT"]
    return sorted(places, key=globals().__getitem__)


def check_registry(features) -> None:
    """Refuse a list of features that does not agree with the places the kernels write to.

    Raises
    ------
    RuntimeError
        Where a name is not at its place, a number does not rise, or the list is too short or too long.
    """
    names = [name.removeprefix("FEATURE_").lower() for name in _places()]
    listed = [feature.name for feature in features]
    if listed != names:
        wrong = [pair for pair in zip(listed, names) if pair[0] != pair[1]]
        raise RuntimeError(f"features must be listed in the order of their places, were {wrong or (listed, names)}")
    if len(names) > FEATURE_CAPACITY:
        raise RuntimeError(f"features must be at most {FEATURE_CAPACITY}, were {len(names)}")
    numbers = [feature.number for feature in features]
    if numbers != sorted(set(numbers)):
        raise RuntimeError(f"feature numbers must rise, were {numbers}")


def feature_index(name: str) -> int:
    """Return the place of a feature in the vector.

    Raises
    ------
    KeyError
        Where there is no such feature.

    >>> FEATURES[feature_index("rsi_14")].warm_up
    15
    """
    for index, feature in enumerate(FEATURES):
        if feature.name == name:
            return index
    raise KeyError(f"there is no feature {name!r}")
