"""Sections of the reasoned policy: signals, regime, gate, sizing and stops (docs/reasoned.md)."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bot4.config.section import Section, Share

RegimeName = Literal["bull", "bear", "sideways", "crisis"]
AlphaName = Literal["trend", "reversion", "flow", "pair"]
SourceName = Literal["ta", "ml", "sentiment", "onchain", "macro", "news"]
OutsideName = Literal["ml", "sentiment", "onchain", "macro", "news"]
NotNegative = Annotated[float, Meta(ge=0.0, le=1_000_000.0)]
Probability = Annotated[float, Meta(ge=0.0, le=1.0)]


# weight * clip((feature - centre) / scale, -1, 1), by feature: weight, scale, centre.
Terms = dict[str, tuple[float, float, float]]


def _check_terms(key: str, terms: Terms) -> None:
    for feature, (weight, scale, centre) in terms.items():
        if not (isfinite(weight) and weight and isfinite(centre)):
            raise ValueError(f"the weight of {key}.{feature} must be finite and not 0, was {weight}")
        if not (isfinite(scale) and scale > 0.0):
            raise ValueError(f"the scale of {key}.{feature} must be above 0 and finite, was {scale}")


_DAY_S = 86_400.0


class SignalsSettings(Section, frozen=True):
    """Scores: sub-strategies over features, and what other sources weigh beside them."""

    trend: Terms = msgspec.field(
        default_factory=lambda: {
            "rsi_14": (0.4, 20.0, 50.0),
            "bb_percent_20": (0.3, 0.5, 0.5),
            "roc_10": (0.3, 5.0, 0.0),
        }
    )
    reversion: Terms = msgspec.field(
        default_factory=lambda: {"zscore_20": (-0.7, 2.5, 0.0), "rsi_14": (-0.3, 30.0, 50.0)}
    )
    flow: Terms = msgspec.field(
        default_factory=lambda: {
            "depth_imbalance_5": (0.35, 1.0, 0.0),
            "queue_imbalance": (0.25, 1.0, 0.0),
            "mid_trend": (0.4, 1.0, 0.0),
        }
    )
    allocation: dict[RegimeName, dict[AlphaName, NotNegative]] = msgspec.field(
        default_factory=lambda: {
            "bull": {"trend": 0.7, "reversion": 0.1, "flow": 0.2},
            "bear": {"trend": 0.7, "reversion": 0.1, "flow": 0.2},
            "sideways": {"trend": 0.1, "reversion": 0.6, "flow": 0.3},
            "crisis": {"trend": 0.5, "flow": 0.5},
        }
    )
    weights: dict[RegimeName, dict[SourceName, NotNegative]] = msgspec.field(
        default_factory=lambda: {
            "bull": {"ta": 0.35, "ml": 0.25, "sentiment": 0.15, "onchain": 0.10, "macro": 0.10, "news": 0.05},
            "bear": {"ta": 0.35, "ml": 0.25, "sentiment": 0.10, "onchain": 0.10, "macro": 0.15, "news": 0.05},
            "sideways": {"ta": 0.40, "ml": 0.30, "sentiment": 0.10, "onchain": 0.10, "macro": 0.05, "news": 0.05},
            "crisis": {"ta": 0.25, "ml": 0.20, "sentiment": 0.05, "onchain": 0.15, "macro": 0.25, "news": 0.10},
        }
    )
    ttl_s: dict[OutsideName, Annotated[float, Meta(gt=0.0, le=31_536_000.0)]] = msgspec.field(
        default_factory=lambda: {
            "ml": 60.0,
            "sentiment": 3_600.0,
            "onchain": 4 * 3_600.0,
            "macro": _DAY_S,
            "news": 1_800.0,
        }
    )
    timeframes: tuple[Annotated[int, Meta(ge=2, le=10_000)], ...] = (4, 16)

    def __post_init__(self) -> None:
        if not (self.trend or self.reversion or self.flow):
            raise ValueError("signals needs a term in one of trend, reversion and flow")
        for name in ("trend", "reversion", "flow"):
            _check_terms(f"signals.{name}", getattr(self, name))
        if len(self.timeframes) > 3:  # noqa: PLR2004 - see the message
            raise ValueError(f"signals.timeframes are at most 3, were {len(self.timeframes)}")
        for name, table in (("allocation", self.allocation), ("weights", self.weights)):
            lacking = [
                regime for regime in ("bull", "bear", "sideways", "crisis") if not any(table.get(regime, {}).values())
            ]
            if lacking:
                raise ValueError(f"signals.{name} needs a share above 0 for {lacking[0]}")
        if len(self.ttl_s) < 5:  # noqa: PLR2004 - one a source
            raise ValueError("signals.ttl_s needs ml, sentiment, onchain, macro and news")


class RegimeSettings(Section, frozen=True):
    """When a market counts as bull, bear, sideways or crisis."""

    trend_bars: Annotated[int, Meta(ge=2, le=100_000)] = 50
    fast_bars: Annotated[int, Meta(ge=2, le=100_000)] = 20
    slow_bars: Annotated[int, Meta(ge=2, le=100_000)] = 200
    trend_enter: NotNegative = 1.5
    trend_exit: NotNegative = 0.75
    crisis_enter: Annotated[float, Meta(gt=1.0, le=100.0)] = 2.0
    crisis_exit: Annotated[float, Meta(ge=1.0, le=100.0)] = 1.5
    warm_up_bars: Annotated[int, Meta(ge=2, le=100_000)] = 50
    model_file: str = ""
    model_probability_min: Probability = 0.7

    def __post_init__(self) -> None:
        for high, low in (("trend_enter", "trend_exit"), ("crisis_enter", "crisis_exit"), ("slow_bars", "fast_bars")):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"regime.{low} must be at most regime.{high}, was {getattr(self, low)}")


class GateSettings(Section, frozen=True):
    """What an entry has to show; there is no way around it."""

    regimes: tuple[RegimeName, ...] = ("bull", "bear", "sideways")
    coverage_min: Probability = 0.25
    confidence_min: Probability = 0.5
    confirm_bars: Annotated[int, Meta(ge=0, le=1_000)] = 2
    timeframes_min: Probability = 0.5
    horizon_bars: Annotated[int, Meta(ge=1, le=60)] = 12
    samples_min: NotNegative = 20.0
    memory_samples: Annotated[int, Meta(ge=10, le=10_000_000)] = 5_000
    prior_bps: Annotated[float, Meta(ge=-10_000.0, le=10_000.0)] = 0.0
    prior_samples: NotNegative = 5.0
    standard_errors: Annotated[float, Meta(ge=0.0, le=10.0)] = 0.5
    margin_bps: Annotated[float, Meta(ge=0.0, le=10_000.0)] = 1.0
    impact_coefficient: Annotated[float, Meta(ge=0.0, le=100.0)] = 1.0
    funding_bps: Annotated[float, Meta(ge=0.0, le=1_000.0)] = 1.0
    record_interval_s: Annotated[float, Meta(ge=0.001, le=31_536_000.0)] = 60.0


class SizingSettings(Section, frozen=True):
    """How large a position may be; the smallest bound counts."""

    kelly_fraction: Annotated[float, Meta(gt=0.0, le=0.5)] = 0.25
    volatility_target: Annotated[float, Meta(gt=0.0, le=10.0)] = 0.20
    trade_risk_bps: Annotated[float, Meta(gt=0.0, le=10_000.0)] = 50.0
    heat_bps: Annotated[float, Meta(gt=0.0, le=10_000.0)] = 300.0
    concentration: Annotated[float, Meta(gt=0.0, le=100.0)] = 0.5
    correlated: Annotated[float, Meta(gt=0.0, le=100.0)] = 0.8
    gross: Annotated[float, Meta(gt=0.0, le=100.0)] = 1.0
    maintenance_margin_bps: Annotated[float, Meta(gt=0.0, le=5_000.0)] = 100.0
    liquidation_distance_bps: Annotated[float, Meta(ge=0.0, le=10_000.0)] = 2_000.0
    liquidation_stops: Annotated[float, Meta(ge=1.0, le=100.0)] = 3.0
    correlation_samples: Annotated[int, Meta(ge=10, le=1_000_000)] = 250


class StopsSettings(Section, frozen=True):
    """When a position ends: stops, targets, time."""

    atr_multiple: NotNegative = 2.5
    min_bps: Annotated[float, Meta(ge=1.0, le=9_000.0)] = 10.0
    chandelier_multiple: NotNegative = 3.0
    trail_bps: Annotated[float, Meta(ge=0.0, le=9_000.0)] = 0.0
    breakeven_reward: NotNegative = 1.5
    hold_max_s: Annotated[float, Meta(ge=0.0, le=31_536_000.0)] = 0.0
    venue_step_bps: Annotated[float, Meta(ge=0.0, le=1_000.0)] = 5.0
    targets: tuple[tuple[Annotated[float, Meta(gt=0.0, le=1_000.0)], Share], ...] = ((2.0, 0.5), (4.0, 0.25))
    dynamic_targets: bool = False

    def __post_init__(self) -> None:
        if len(self.targets) > 4 or sum(share for _, share in self.targets) > 1.0 + 1e-9:  # noqa: PLR2004 - see the message
            raise ValueError("stops.targets are at most 4, and their shares at most 1 together")
        if any(low >= high for (low, _), (high, _) in zip(self.targets, self.targets[1:], strict=False)):
            raise ValueError("stops.targets must go upwards")
