"""Why one order exists, or one entry does not: the whole arithmetic, exact decimals as text."""

from __future__ import annotations

from typing import Any

import msgspec


class SourceShare(msgspec.Struct, frozen=True, kw_only=True):
    """What one source of the score said. `state` is used, stale, missing or silent; `age_s` None: never heard."""

    name: str
    state: str
    score: float | None
    share: float
    age_s: float | None


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """One term of the expected value: basis points of the notional, and that in money."""

    name: str
    bps: str
    amount: str


class CapLine(msgspec.Struct, frozen=True, kw_only=True):
    """One bound of the size, as a share of equity; None: no bound."""

    name: str
    share: float | None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an order: a report of the venue."""

    ts_ns: int
    kind: str
    price: str
    qty: str
    fee_atoms: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """One decision and its reasons, as journalled.

    `kind` is order, exit or refusal; `verdict` the reason of the decision or the rule that refused. An exit has no
    expected value to show: it takes risk away, and the gate does not stand in its way. `stated` tells whose word the
    edge is where nobody measured it: the strategy's own or the settings'; empty where it was measured (the reasoned
    policy).
    """

    run_id: str
    number: int
    client_order_id: str
    symbol: str
    kind: str
    side: str
    is_maker: bool
    ts_ns: int
    verdict: str
    refused_by: str
    repeats: int
    stated: str
    price: str
    qty: str
    notional: str
    bid: str
    ask: str
    stop: str
    atr: str
    regime: str
    trend_t: float
    stress: float
    score: float
    confidence: float
    coverage: float
    agreement: float
    timeframes: float
    confirmed_bars: int
    alphas: dict[str, float | None]
    sources: tuple[SourceShare, ...]
    horizon_s: float
    samples: float
    deviation: float
    costs: tuple[CostLine, ...]
    value_bps: str
    needed_bps: str
    equity: str
    caps: tuple[CapLine, ...]
    bound: str
    size: float
    held: float
    outcomes: tuple[Outcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
