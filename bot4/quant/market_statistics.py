"""What was measured of a market, in figures that can be compared: recorded with recorded, generated with recorded."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.sim.market_measure import RECORD_DTYPE, MeasureKind
from bot4.quant.ks import ks_two_samples, total_variation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bot4._core.sim.market_measure import MarketMeasure

NS = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class MarketStatistics:
    """One pass over a market.

    Attributes
    ----------
    totals : dict
        `MarketMeasure.totals`.
    records : ndarray[RECORD_DTYPE]
        In the order they were made.

    """

    totals: dict[str, Any]
    records: NDArray[Any]

    @classmethod
    def of(cls, measure: MarketMeasure, records: Sequence[NDArray[Any]]) -> MarketStatistics:
        """Return the statistics of a measure and of the records taken from it so far."""
        measure.finish()
        parts = [*records, measure.take_records()]
        return cls(measure.totals, np.concatenate(parts) if parts else np.zeros(0, RECORD_DTYPE))

    def of_kind(self, kind: MeasureKind) -> NDArray[Any]:
        """Return the records of one kind."""
        found: NDArray[Any] = self.records[self.records["kind"] == int(kind)]
        return found

    @property
    def span_s(self) -> float:
        """Seconds with a live book."""
        return float(self.totals["live_ns"]) / NS

    @property
    def spreads(self) -> dict[int, float]:
        """Share of the time by spread in ticks."""
        held = self.totals["spread_ns"]
        return {int(ticks): float(held[ticks]) / float(held.sum()) for ticks in np.nonzero(held)[0]}

    @property
    def taker_lots(self) -> NDArray[np.float64]:
        """Lots of each taker."""
        return self.of_kind(MeasureKind.MEASURE_TAKER)["b"].astype(float)

    @property
    def taker_sides(self) -> NDArray[np.int64]:
        """Side of each taker, 0 buys."""
        sides: NDArray[np.int64] = self.of_kind(MeasureKind.MEASURE_TAKER)["a"]
        return sides

    @property
    def taker_persistence(self) -> float:
        """Share of the takers that were of the side of the one before."""
        sides = self.taker_sides
        return float((sides[1:] == sides[:-1]).mean()) if len(sides) > 1 else 0.5

    @property
    def moves(self) -> NDArray[np.float64]:
        """Changes of the mid between two depth messages, half ticks."""
        return self.of_kind(MeasureKind.MEASURE_MOVE)["a"].astype(float)

    @property
    def windows(self) -> NDArray[Any]:
        """Records of the seconds."""
        return self.of_kind(MeasureKind.MEASURE_WINDOW)

    @property
    def volatility(self) -> float:
        """Half ticks for the square root of one second, from every change of the mid."""
        return sqrt(float((self.moves**2).sum()) / self.span_s)

    @property
    def depth(self) -> NDArray[np.float64]:
        """Mean lots of one side by distance bucket."""
        lots: NDArray[np.float64] = self.totals["depth_lots"] / max(1, self.totals["depth_samples"])
        return lots

    @property
    def levels(self) -> NDArray[np.float64]:
        """Mean levels of one side by distance bucket."""
        count: NDArray[np.float64] = self.totals["depth_levels"] / max(1, self.totals["depth_samples"])
        return count

    def per_s(self, name: str) -> float:
        """Return a total (``adds``, ``cancels``, ``prints``) for each second."""
        return float(np.sum(self.totals[name])) / self.span_s

    @property
    def takers_per_s(self) -> float:
        """Takers for each second."""
        return len(self.taker_sides) / self.span_s


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of two markets; `distance` is 0 where they agree, `kind` says what it is."""

    name: str
    one: float
    other: float
    distance: float
    kind: str


def compare_markets(one: MarketStatistics, other: MarketStatistics) -> list[Comparison]:
    """Compare two markets figure by figure; means, volatility in half ticks for sqrt(s), depth by distance in ticks.

    Distances are Kolmogorov-Smirnov (``ks``), total variation (``tv``), the logarithm of a ratio (``log ratio``) or a
    plain difference.
    """
    rows = [
        Comparison(
            "spread, ticks",
            _mean(one.spreads),
            _mean(other.spreads),
            total_variation(one.spreads, other.spreads),
            "tv",
        ),
        Comparison(
            "lots of a taker",
            _safe_mean(one.taker_lots),
            _safe_mean(other.taker_lots),
            ks_two_samples(one.taker_lots, other.taker_lots),
            "ks",
        ),
        Comparison(
            "move, half ticks",
            _safe_mean(np.abs(one.moves)),
            _safe_mean(np.abs(other.moves)),
            ks_two_samples(np.abs(one.moves), np.abs(other.moves)),
            "ks",
        ),
        _ratio("volatility", one.volatility, other.volatility),
        _ratio("takers/s", one.takers_per_s, other.takers_per_s),
        _ratio("adds/s", one.per_s("adds"), other.per_s("adds")),
        _ratio("cancels/s", one.per_s("cancels"), other.per_s("cancels")),
        Comparison(
            "persistence",
            one.taker_persistence,
            other.taker_persistence,
            abs(one.taker_persistence - other.taker_persistence),
            "difference",
        ),
    ]
    mine, theirs = np.cumsum(one.depth), np.cumsum(other.depth)
    near = [
        _ratio(f"lots nearer than {2**bucket}", float(mine[bucket]), float(theirs[bucket])) for bucket in (0, 8, 11, 14)
    ]
    return rows + near


def _mean(shares: dict[int, float]) -> float:
    return sum(value * share for value, share in shares.items())


def _safe_mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _ratio(name: str, one: float, other: float) -> Comparison:
    distance = abs(log(one / other)) if one > 0.0 and other > 0.0 else float(one != other)
    return Comparison(name, one, other, distance, "log ratio")
