"""Calibration: parameters of one market, and how a market generated from them compares with recorded ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot4.quant.market_fit import fit_market
from bot4.quant.market_generate import generate_statistics
from bot4.quant.market_statistics import Comparison, compare_markets

if TYPE_CHECKING:
    from bot4.quant.market_model import MarketModel, Origin
    from bot4.quant.market_statistics import MarketStatistics

#: How far a generated market may be from the recorded one, by kind of distance. Chance alone takes a part of it: a few
#: minutes hold a few wild periods, and two recorded days differ by as much (docs/calibration.md).
TOLERANCES = {"ks": 0.25, "tv": 0.10, "log ratio": 0.60, "difference": 0.10}


@dataclass(frozen=True, slots=True)
class Score:
    """Two markets side by side."""

    one: str
    other: str
    rows: list[Comparison]

    @property
    def misses(self) -> list[str]:
        """Names of the figures beyond their tolerance."""
        return [row.name for row in self.rows if row.distance > TOLERANCES[row.kind]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "one": self.one,
            "other": self.other,
            "rows": [
                {
                    "name": row.name,
                    "one": row.one,
                    "other": row.other,
                    "distance": row.distance,
                    "kind": row.kind,
                    "tolerance": TOLERANCES[row.kind],
                }
                for row in self.rows
            ],
        }


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A parameter file and what it is worth.

    Attributes
    ----------
    model : MarketModel
    fitted, generated : MarketStatistics
        What was measured, and what a market made from it looks like.
    other : MarketStatistics or None
        The market it was scored on.
    scores : list of Score
        Generated against fitted; with another market also that against both.

    """

    model: MarketModel
    fitted: MarketStatistics
    generated: MarketStatistics
    other: MarketStatistics | None
    scores: list[Score]


def calibrate_market(
    fitted: MarketStatistics,
    origin: Origin,
    other: MarketStatistics | None = None,
    *,
    seed: int,
    seconds: float,
) -> Calibration:
    """Fit a market, generate one from the parameters, and compare.

    Parameters
    ----------
    fitted : MarketStatistics
        What the parameters are made of.
    origin : Origin
        Where it came from.
    other : MarketStatistics, optional
        A market the parameters were not fitted to.
    seed : int
        Of the generated market.
    seconds : float
        Of the generated market.

    Raises
    ------
    DataError
        Too little was measured.

    """
    model = fit_market(fitted, origin)
    generated = generate_statistics(model, seed=seed, seconds=seconds)
    scores = [Score("recorded", "generated", compare_markets(fitted, generated))]
    if other is not None:
        scores.append(Score("other recording", "generated", compare_markets(other, generated)))
        scores.append(Score("recorded", "other recording", compare_markets(fitted, other)))
    return Calibration(model, fitted, generated, other, scores)
