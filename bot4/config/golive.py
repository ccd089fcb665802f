"""Section about what a strategy has to show before real orders."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from bot4.config.section import Section


class GoliveSettings(Section, frozen=True):
    """Evidence that `bot4 golive check` asks for and `bot4 run --live` insists on (docs/golive.md)."""

    out_of_sample_days_min: Annotated[float, Meta(ge=0.0, le=10_000.0)] = 180.0
    profit_min_bps: Annotated[float, Meta(ge=0.0, le=100_000.0)] = 0.0
    drawdown_max_bps: Annotated[int, Meta(ge=1, le=10_000)] = 1_500
    deflated_sharpe_min: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.95
    overstated_bps_max: Annotated[float, Meta(ge=0.0, le=1_000_000.0)] = 1.0
    parity_orders_min: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    paper_days_min: Annotated[float, Meta(ge=0.0, le=3_650.0)] = 14.0
    evidence_days_max: Annotated[float, Meta(gt=0.0, le=3_650.0)] = 30.0
