"""Feature vectors of one instrument over time: what a model is fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """One vector for each bar that ended.

    Attributes
    ----------
    name : str
        The data it was made of, as `bot4 backtest` knows it: ``spot/BTCUSDT@store``.
    interval_ns : int
        Length of the bars.
    names : tuple of str
        The features, in the order of the columns.
    ts_ns : ndarray[int64], shape (n,)
        When each bar ended, nanoseconds UTC, rising: from then on the vector was known.
    values : ndarray[float64], shape (n, features)
        NaN where a feature was not ready.

    """

    name: str
    interval_ns: int
    names: tuple[str, ...]
    ts_ns: NDArray[np.int64]
    values: NDArray[np.float64]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one feature over time; KeyError where there is none of that name."""
        if name not in self.names:
            raise KeyError(f"there is no feature {name!r}, there are {', '.join(self.names)}")
        return self.values[:, self.names.index(name)]
