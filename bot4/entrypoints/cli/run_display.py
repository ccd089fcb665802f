"""What `bot4 run` shows while it runs: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bot4.entrypoints.embedding import QuietDisplay

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderableType, RenderResult

    from bot4.ports.display import Display
    from bot4.ports.run_view import LaneView, RunView

_LINE_EVERY_S = 10.0
_ECHO_WIDTH = 2
_CENTIME = Decimal("0.0001")
_SATOSHI = Decimal("0.00000001")
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
            equity = money_like(lane.equity, lane.equity)
            self._console.print(
                f"{_clock(view.engine_ns)} {kind}{lane.symbol} {lane.bid}/{lane.ask} position {lane.position:f} "
                f"equity {equity:f} {lane.equity_asset} orders {lane.orders} fills {lane.fills} "
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
    parts += [_market(view), _desk(view)]
    if view.connection is not None:
        parts.append(Text(f"{view.source}: {view.connection}", style="cyan"))
    parts.append(Text(_state(view), style="bold red" if _is_troubled(view) else "green"))
    parts.append(latency_table(view.latency_ns))
    if view.progress is not None:
        parts.append(_progress(view))
    title = f"bot4 {'paper' if view.is_paper else 'REAL ORDERS'} · {_clock(view.engine_ns)} · {view.source}"
    foot = f"{view.messages:,} messages · {view.events:,} events · {view.elapsed_s:.0f} s · Ctrl-C stops in order"
    return _Inset(Panel(Group(*parts), title=title, subtitle=foot, title_align="left", subtitle_align="left"))


class _Inset:
    """Leaves the last columns free: the ``^C`` that a terminal echoes must not break the last line, or one stays."""

    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._inner, options.update_width(max(1, options.max_width - _ECHO_WIDTH)))


def _market(view: RunView) -> RenderableType:
    table = plain_table("market", "bid", "ask", "position", "equity", expand=True)
    for lane in view.lanes:
        table.add_row(
            lane.symbol,
            f"{lane.bid}" if lane.bid else "-",
            f"{lane.ask}" if lane.ask else "-",
            f"{lane.position:f}",
            f"{money_like(lane.equity, lane.equity):f} {lane.equity_asset}",
        )
    return table


def _desk(view: RunView) -> RenderableType:
    table = plain_table("desk", "working", "orders", "fills", "refused", "score", "risk", "priced by", expand=True)
    for column in table.columns[-2:]:
        column.no_wrap = False  # words give way to figures
    for lane in view.lanes:
        table.add_row(
            lane.symbol,
            str(lane.working_orders),
            str(lane.orders),
            str(lane.fills),
            str(lane.refusals),
            "-" if math.isnan(lane.score) else f"{lane.score:+.2f}",
            _risk(lane),
            "waits for a snapshot" if lane.is_waiting_for_snapshot else lane.source,
        )
    return table


def latency_table(latency_ns: dict[str, dict[str, int]]) -> Table:
    """Return bot4's own time by stage."""
    table = plain_table("latency", "p50", "p99", "p99.9", "max", "samples")
    for stage, row in latency_ns.items():
        table.add_row(stage, _ns(row["p50"]), _ns(row["p99"]), _ns(row["p99_9"]), _ns(row["max"]), f"{row['count']:,}")
    return table


def plain_table(first: str, *others: str, expand: bool = False) -> Table:
    """Return a table without lines: names on the left, figures on the right."""
    table = Table(expand=expand, box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for title in others:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _progress(view: RunView) -> RenderableType:
    share = min(1.0, max(0.0, view.progress or 0.0))
    left = "" if share <= 0.0 else f" · {view.elapsed_s * (1 - share) / share:.0f} s left"
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(total=1.0, completed=share, width=50), f"{share:4.0%}{left}")
    return row


def _is_troubled(view: RunView) -> bool:
    return view.breaker != "closed" or view.journal_failed or any(lane.latches for lane in view.lanes)


def _state(view: RunView) -> str:
    return f"breaker {view.breaker}" + (" · JOURNAL FAILED: no new orders" if view.journal_failed else "")


def _risk(lane: LaneView) -> str:
    latched = [name for bit, name in _LATCH_NAMES.items() if lane.latches & bit]
    return f"latched: {', '.join(latched)}" if latched else "ok"


def money_like(size: Decimal, amount: Decimal) -> Decimal:
    """Return an amount with as many decimals as a size asks for: a coin's worth, or dollars'."""
    return amount.quantize(_CENTIME if abs(size) >= 100 else _SATOSHI)  # noqa: PLR2004 - where four decimals are enough


def _clock(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S") if ns else "-"


def _ns(value: int) -> str:
    if value < 10_000:  # noqa: PLR2004 - where microseconds read better
        return f"{value:,} ns"
    return f"{value / 1e3:,.0f} us" if value < 10_000_000 else f"{value / 1e6:,.0f} ms"  # noqa: PLR2004
