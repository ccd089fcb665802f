"""The summary of a run: what `--json` writes, what the store keeps, what the last screen shows."""

from __future__ import annotations

from typing import Any

import msgspec


class Touch(msgspec.Struct, frozen=True, kw_only=True):
    """A best price and its quantity, exact decimals as text."""

    price: str
    qty: str


class InstrumentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument's part of a run. Amounts are exact decimals as text."""

    symbol: str
    market: str
    book_source: str
    sequence_gaps: int
    resyncs: int
    crossed_books: int
    best_bid: Touch | None
    best_ask: Touch | None
    depth_messages: int
    quotes: int
    trades: int
    bars: int
    decisions: int
    orders: int
    cancels: int
    fills: int
    refusals: int
    rejects: int
    dropped: int
    position: str
    realised: str
    fees: str
    fee_asset: str
    equity: str
    equity_asset: str


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run.

    Totals over all instruments; ``best_bid``, ``best_ask``, ``fees`` and ``equity`` are those of the first instrument,
    ``instruments`` has each one's, and ``fees_by_asset`` what was paid in all assets (a spot buy may pay in the base).
    ``funding_by_asset`` is what was paid at settlements of perpetuals, below 0 where it was received.
    ``latency_ns`` is bot4's own time by stage, nanoseconds, from a sample of the messages. ``status`` is ``finished``
    (input ended or time was up), ``interrupted``, or ``failed``.
    """

    run_id: str
    version: str
    build_mode: str
    status: str
    failure: str | None
    source: str
    is_synthetic: bool
    seed: int
    started_utc: str
    elapsed_s: float
    market_span_s: float
    messages: int
    events: int
    ignored: int
    rejected: dict[str, int]
    sequence_gaps: int
    resyncs: int
    crossed_books: int
    clock_backs: int
    clock_jumps: int
    best_bid: Touch | None
    best_ask: Touch | None
    orders: int
    cancels: int
    fills: int
    refusals: int
    open_orders_left: int
    fees: str
    fees_by_asset: dict[str, str]
    funding_by_asset: dict[str, str]
    equity: str
    equity_start: str
    equity_asset: str
    breaker: str
    state_hash: str
    events_per_s: float
    messages_per_s: float
    latency_ns: dict[str, dict[str, int]]
    notes: list[str]
    instruments: list[InstrumentSummary]
    journal: str
    store: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
