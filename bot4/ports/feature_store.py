"""What is kept of features: vectors by the time they were known, in sets of one meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bot4.domain.instrument import Instrument

STORE = "store"
"""What trades of the store itself are called as a source."""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """Vectors that mean the same.

    Attributes
    ----------
    source : str
        What they were made of: ``store``, ``trades``, ``agg_trades``, or the length of bars.
    interval_ns : int
        Length of the bars.
    names : tuple of str
        The features, in the order of a vector.
    digest : str
        Of all that gives the numbers their meaning: definitions, parameters, grid, warm-up.

    """

    source: str
    interval_ns: int
    names: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class KeptFeatures:
    """A set of the store, the instrument it is of, and what there is: rows, first and last stamp."""

    venue: str
    kind: str
    symbol: str
    features: FeatureSet
    rows: int
    first_ns: int
    last_ns: int


class FeatureStore(Protocol):
    """Feature vectors of many instruments. Never on the trading path; all of it can be made again."""

    def loads(self, instrument: Instrument) -> int:
        """Return how often trades were added to the store: what `put` compares."""
        ...

    def has_before(self, instrument: Instrument, features: FeatureSet, ts_ns: int) -> bool:
        """Whether a set has a vector of before a moment."""
        ...

    def put(
        self,
        instrument: Instrument,
        features: FeatureSet,
        ts_ns: NDArray[np.int64],
        values: NDArray[np.float64],
        *,
        loads: int | None = None,
    ) -> None:
        """Keep vectors in place of those from the first stamp to the last; stamps rise.

        A RetryableError where trades were added since `loads` was asked for.
        """
        ...

    def vectors(
        self, instrument: Instrument, features: FeatureSet, from_ns: int, to_ns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return stamps (n,) and vectors (n, features) of ``from_ns <= ts_ns < to_ns``, oldest first."""
        ...

    def kept(self) -> list[KeptFeatures]:
        """Return every set that has vectors."""
        ...
