"""What `bot4 run` shows: a live view on a terminal, plain lines elsewhere, a summary at the end."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bot4.entrypoints.embedding import QuietDisplay

if TYPE_CHECKING:
    from rich.console import RenderableType

    from bot4.dto.summary import RunSummary
    from bot4.ports.display import Display
    from bot4.ports.run_view import LaneView, RunView

_LINE_EVERY_S = 10.0
_LATCH_NAMES = {1: "drawdown", 2: "rejects", 4: "exit rejects"}


class LineDisplay:
    """One line every ten seconds, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0

    def show(self, view: RunView) -> None:
        """Print a line where it is time for one."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _LINE_EVERY_S
        kind = "SYNTHETIC " if view.is_synthetic else ""
        if view.connection is not None:
            self._console.print(f"{view.source}: {view.connection}", highlight=False, soft_wrap=True)
        for lane in view.lanes:
            self._console.print(
                f"{_clock(view.engine_ns)} {kind}{lane.symbol} {lane.bid}/{lane.ask} position {lane.position:f} "
                f"equity {lane.equity:.4f} {lane.equity_asset} orders {lane.orders} fills {lane.fills} "
                f"breaker {view.breaker}",
                highlight=False,
                soft_wrap=True,
            )

    def say(self, message: str) -> None:
        """Print one line."""
        self._console.print(message, highlight=False)

    def close(self) -> None:
        """Nothing to leave behind."""


class LiveDisplay:
    """A view that redraws itself in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def show(self, view: RunView) -> None:
        """Redraw."""
        self._live.update(render(view), refresh=True)

    def say(self, message: str) -> None:
        """Print one line above the view."""
        self._live.console.print(message, highlight=False)

    def close(self) -> None:
        """Take the view off the screen."""
        self._live.stop()


def make_display(*, quiet: bool, to_stderr: bool) -> Display:
    """Return the display that fits: live on a terminal, lines elsewhere, nothing with ``--quiet``."""
    if quiet:
        return QuietDisplay()
    console = Console(stderr=to_stderr)
    return LiveDisplay(console) if console.is_terminal else LineDisplay(console)


def render(view: RunView) -> RenderableType:
    """Draw one view."""
    parts: list[RenderableType] = []
    if view.is_synthetic:
        parts.append(Text("SYNTHETIC MARKET - prices are made up", style="bold black on yellow"))
    lanes = Table(expand=True, box=None, header_style="dim")
    for title in ("instrument", "bid", "ask", "position", "equity", "working", "orders", "fills", "refused", "score"):
        lanes.add_column(title, justify="left" if title == "instrument" else "right", no_wrap=True)
    for lane in view.lanes:
        lanes.add_row(
            lane.symbol,
            f"{lane.bid}" if lane.bid else "-",
            f"{lane.ask}" if lane.ask else "-",
            f"{lane.position:f}",
            f"{lane.equity:.4f} {lane.equity_asset}",
            str(lane.working_orders),
            str(lane.orders),
            str(lane.fills),
            str(lane.refusals),
            f"{lane.score:+.2f}",
        )
    parts.append(lanes)
    if view.connection is not None:
        parts.append(Text(f"{view.source}: {view.connection}", style="cyan"))
    parts.append(Text(_state(view), style="bold red" if _is_troubled(view) else "green"))
    latency = Table(box=None, header_style="dim")
    for title in ("latency", "p50", "p99", "p99.9", "max", "samples"):
        latency.add_column(title, justify="left" if title == "latency" else "right")
    for stage, row in view.latency_ns.items():
        latency.add_row(
            stage, _ns(row["p50"]), _ns(row["p99"]), _ns(row["p99_9"]), _ns(row["max"]), f"{row['count']:,}"
        )
    parts.append(latency)
    if view.progress is not None:
        parts.append(_progress(view))
    title = f"bot4 paper · {view.source} · {_clock(view.engine_ns)}"
    foot = f"{view.messages:,} messages · {view.events:,} events · {view.elapsed_s:.0f} s · Ctrl-C stops in order"
    return Panel(Group(*parts), title=title, subtitle=foot, title_align="left", subtitle_align="left")


def _progress(view: RunView) -> RenderableType:
    share = min(1.0, max(0.0, view.progress or 0.0))
    left = "" if share <= 0.0 else f" · {view.elapsed_s * (1 - share) / share:.0f} s left"
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(total=1.0, completed=share, width=50), f"{share:4.0%}{left}")
    return row


def _is_troubled(view: RunView) -> bool:
    return view.breaker != "closed" or view.journal_failed or any(lane.latches for lane in view.lanes)


def _state(view: RunView) -> str:
    states = [f"breaker {view.breaker}"]
    states += [f"{lane.symbol} {_lane_state(lane)}" for lane in view.lanes]
    if view.journal_failed:
        states.append("JOURNAL FAILED: no new orders")
    return " · ".join(states)


def _lane_state(lane: LaneView) -> str:
    latched = [name for bit, name in _LATCH_NAMES.items() if lane.latches & bit]
    if latched:
        return f"latched: {', '.join(latched)}"
    if lane.is_waiting_for_snapshot:
        return "waits for a snapshot"
    return f"priced by {lane.source}, risk ok"


def _clock(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S") if ns else "-"


def _ns(value: int) -> str:
    if value < 10_000:  # noqa: PLR2004 - where microseconds read better
        return f"{value:,} ns"
    return f"{value / 1e3:,.0f} us" if value < 10_000_000 else f"{value / 1e6:,.0f} ms"  # noqa: PLR2004


def show_summary(summary: RunSummary, *, to_stderr: bool) -> None:
    """Print the end of a run."""
    console = Console(stderr=to_stderr, highlight=False, soft_wrap=True)
    kind = " on a SYNTHETIC market" if summary.is_synthetic else ""
    console.print(f"[bold]bot4 run {summary.run_id}[/] {summary.status}: {summary.source}{kind}")
    table = Table.grid(padding=(0, 2))
    change = float(summary.equity) - float(summary.equity_start)
    for label, value in (
        ("market time", f"{summary.market_span_s:,.1f} s in {summary.elapsed_s:,.1f} s"),
        ("messages", f"{summary.messages:,} ({summary.messages_per_s:,.0f}/s), {summary.events:,} events"),
        ("data", f"{summary.sequence_gaps} gaps, {summary.resyncs} resyncs, {summary.crossed_books} crossed books"),
        (
            "orders",
            f"{summary.orders} sent, {summary.cancels} cancels, {summary.fills} fills, {summary.refusals} refused",
        ),
        ("fees", ", ".join(f"{fees} {asset}" for asset, fees in summary.fees_by_asset.items()) or "none"),
        ("equity", f"{summary.equity} {summary.equity_asset} ({change:+,.4f})"),
        ("breaker", summary.breaker),
        ("state hash", summary.state_hash),
        ("journal", summary.journal),
        ("store", summary.store),
    ):
        table.add_row(f"[dim]{label}[/]", value)
    console.print(table)
    for note in summary.notes:
        console.print(f"[yellow]note[/] {note}")
