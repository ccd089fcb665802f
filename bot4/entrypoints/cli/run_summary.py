"""What `bot4 run` shows at its end: what came of it, each instrument's part, bot4's own time by stage."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bot4.entrypoints.cli.run_display import latency_table, money_like, plain_table

if TYPE_CHECKING:
    from rich.table import Table

    from bot4.dto.summary import RunSummary

_LABEL_WIDTH = 13


def show_summary(summary: RunSummary, *, to_stderr: bool) -> None:
    """Print it; lines that can be cut and searched are not wrapped."""
    console = Console(stderr=to_stderr, highlight=False)
    source = summary.source.replace("synthetic", "SYNTHETIC", 1) if summary.is_synthetic else summary.source
    head = Text.assemble((f"bot4 run {summary.run_id}", "bold"), f" {summary.status}: {source}")
    console.print(head, soft_wrap=True)
    for label, value in _facts(summary):
        console.print(Text.assemble((label.ljust(_LABEL_WIDTH), "dim"), value), soft_wrap=True)
    console.print(_instruments(summary))
    if summary.latency_ns:
        console.print(latency_table(summary.latency_ns))
    for note in summary.notes:
        console.print(Text.assemble(("note", "yellow"), f" {note}"), soft_wrap=True)


def _amounts(by_asset: dict[str, str]) -> str:
    return ", ".join(f"{amount} {asset}" for asset, amount in by_asset.items()) or "none"


def _facts(summary: RunSummary) -> tuple[tuple[str, str], ...]:
    equity = Decimal(summary.equity)
    change = equity - Decimal(summary.equity_start)
    orders = f"{summary.orders} sent, {summary.cancels} cancels, {summary.fills} fills, {summary.refusals} refused"
    return (
        ("market time", f"{summary.market_span_s:,.1f} s in {summary.elapsed_s:,.1f} s"),
        ("messages", f"{summary.messages:,} ({summary.messages_per_s:,.0f}/s), {summary.events:,} events"),
        ("data", f"{summary.sequence_gaps} gaps, {summary.resyncs} resyncs, {summary.crossed_books} crossed"),
        ("orders", f"{orders}, {summary.open_orders_left} left open"),
        ("fees", _amounts(summary.fees_by_asset)),
        *([("funding", _amounts(summary.funding_by_asset))] if summary.funding_by_asset else []),
        ("equity", f"{summary.equity} {summary.equity_asset} ({money_like(equity, change):+f})"),
        ("breaker", summary.breaker),
        ("state hash", summary.state_hash),
        ("journal", summary.journal),
        ("store", summary.store),
    )


def _instruments(summary: RunSummary) -> Table:
    table = plain_table("instrument", "bid", "ask", "position", "orders", "fills", "rejects")
    for item in summary.instruments:
        table.add_row(
            item.symbol,
            item.best_bid.price if item.best_bid else "-",
            item.best_ask.price if item.best_ask else "-",
            item.position,
            str(item.orders),
            str(item.fills),
            str(item.rejects),
        )
    return table
