"""A lane that decides with reasons, and a market whose imbalance is worth something."""

from __future__ import annotations

from bot4._core.brain.portfolio import PortfolioBook
from bot4._core.engine.reasoned_policy import ReasonedPolicy
from bot4._core.ta.features import Features
from bot4._core.types import EventKind
from builders.engine import MS, Rig, one, quote

BAR_MS = 1_000
ALL = ("bull", "bear", "sideways", "crisis")
SOURCES = ("ta", "ml", "sentiment", "onchain", "macro", "news")
BASE = dict(zip(SOURCES, (0.35, 0.25, 0.15, 0.10, 0.10, 0.05), strict=True))


def policy(
    features: Features,
    *,
    gate: dict | None = None,
    guard: dict | None = None,
    size: dict | None = None,
    edge: dict | None = None,
) -> ReasonedPolicy:
    place = features.place("queue_imbalance")
    return ReasonedPolicy(
        0,
        PortfolioBook(1, sample_ns=BAR_MS * MS),
        features=features,
        symbol="S0USDT",
        terms=[(place, "flow", 1.0, 0.0, 1.0)],
        allocation={regime: {"flow": 1.0} for regime in ALL},
        weights=dict.fromkeys(ALL, BASE),
        ttl_ns=dict.fromkeys(SOURCES, 5_000 * MS),
        regime={
            "trend_alpha": 0.1, "fast_alpha": 0.1, "slow_alpha": 0.01, "trend_enter": 2.0, "trend_exit": 1.0,
            "crisis_enter": 50.0, "crisis_exit": 40.0, "warm_up_bars": 2, "hidden_min": 0.5,
        },
        edge={"horizon_ns": 4_000 * MS, "step_ns": 1_000 * MS, "keep": 0.999, "prior_slope": 0.01,
              "prior_weight": 400.0} | (edge or {}),
        gate={
            "regimes": ALL, "confirm_bars": 0, "coverage_min": 0.3, "confidence_min": 0.0, "timeframes_min": 0.0,
            "samples_min": 2.0, "errors": 0.0, "margin_ppb": 0, "impact_ppm": 0, "funding_ppb": 0,
            "funding_interval_ns": 0,
        }
        | (gate or {}),
        size={
            "kelly_ppm": 500_000, "volatility_ppm": 10**6, "trade_risk_ppm": 5_000, "heat_ppm": 50_000,
            "concentration_ppm": 50_000, "correlation_ppm": 10**6, "gross_ppm": 10**6, "maintenance_ppm": 0,
            "liquidation_ppm": 0, "liquidation_milli": 1_000, "horizon_ns": 0,
        }
        | (size or {}),
        guard={
            "stop_atr_milli": 2_000, "stop_min_ppm": 2_000, "chandelier_milli": 0, "trail_ppm": 0, "breakeven_milli": 0,
            "hold_max_ns": 0, "qty_step_lots": 1, "is_dynamic": False, "rungs": [],
        }
        | (guard or {}),
        record_interval_ns=10**9,
    )  # fmt: skip


class ReasonedRig(Rig):
    """A rig whose lane decides with reasons."""

    def __init__(self, rules: dict, **parts: object) -> None:
        self.rules = rules
        super().__init__(**parts)

    def add(self, symbol: str, index: int, parts: tuple | None = None) -> int:
        parts = parts or self.make_parts(index)
        self.made = policy(parts[1], **self.rules)
        self.lane_args = {"reasoned": self.made}
        return super().add(symbol, index, parts)


class Market:
    """Quotes and prints of one instrument; the imbalance of the touch is the score."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.at_ms, self.id = rig, 0.0, 0

    def tick(self, price: int, imbalance: float, step_ms: float = 250) -> None:
        self.at_ms += step_ms
        self.id += 1
        bid, ask = round(50 * (1 + imbalance)), round(50 * (1 - imbalance))
        self.rig.apply(
            one(self.at_ms, EventKind.EVENT_TRADE, a=price, b=5, c=self.id),
            quote(self.at_ms, self.id, (price - 1, max(1, bid)), (price + 1, max(1, ask))),
        )

    def warm(self, ticks: int = 120, imbalance: float = 0.3) -> None:
        """A market in which a positive imbalance is followed by a rise, and a negative one by a fall."""
        price = 100_000
        for i in range(ticks):
            up = (i // 16) % 2 == 0
            price += 25 if up else -25
            self.tick(price, imbalance if up else -imbalance)
        self.price = price
