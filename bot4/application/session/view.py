"""What a screen shows of a run, read off its engine and its gateway."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot4.application.session.summary import breaker_text
from bot4.ports.run_view import LaneView, RunView

if TYPE_CHECKING:
    from bot4.application.assembly.assembly import Assembly
    from bot4.application.live.gateway import LiveGateway
    from bot4.domain.instrument import Instrument
    from bot4.ports.market_feed import MarketFeed


def run_view(
    view: dict[str, Any],
    *,
    source: MarketFeed,
    assembly: Assembly,
    gateway: LiveGateway | None,
    progress: float | None,
    elapsed_s: float,
) -> RunView:
    """Return the view of one moment; `view` is `Engine.view()`, `progress` the share of the run that is done."""
    return RunView(
        source=source.name,
        is_synthetic=source.is_synthetic,
        elapsed_s=elapsed_s,
        progress=progress,
        engine_ns=int(view["now_ns"]),
        messages=int(view["messages"]),
        events=int(view["events"]),
        breaker=breaker_text(assembly),
        journal_failed=bool(view["journal_errno"]),
        lanes=tuple(
            _lane(raw, instrument, assembly) for raw, instrument in zip(view["lanes"], source.instruments, strict=False)
        ),
        latency_ns=assembly.engine.stages.percentiles(),
        connection=_connection(source, gateway),
        is_paper=gateway is None,
    )


def _lane(raw: dict[str, Any], instrument: Instrument, assembly: Assembly) -> LaneView:
    decimals = assembly.account.decimals[assembly.asset(instrument.settle)]
    return LaneView(
        symbol=instrument.symbol,
        bid=instrument.ticks_to_price(raw["bid_ticks"]),
        ask=instrument.ticks_to_price(raw["ask_ticks"]),
        position=instrument.lots_to_qty(raw["position_lots"]),
        equity=Decimal(raw["equity_atoms"]).scaleb(-decimals),
        equity_asset=instrument.settle,
        working_orders=raw["working_orders"],
        orders=raw["intents"],
        fills=raw["fills"],
        refusals=raw["refusals"],
        score=float(raw["score"]),
        source=str(raw["source"]),
        is_waiting_for_snapshot=bool(raw["needs_snapshot"]),
        latches=raw["latches"],
    )


def _connection(source: MarketFeed, gateway: LiveGateway | None) -> str | None:
    if gateway is None:
        return source.connection
    status = gateway.status
    orders = f"REAL ORDERS, gate {status.gate}, {status.unsettled} open, {status.unknown} unknown"
    return f"{source.connection}; {orders}"
