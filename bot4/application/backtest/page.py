"""Parts of a page that needs nothing else: tables, a style."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from bot4.application.backtest.chart import STYLE as CHART_STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

_NS = 1_000_000_000
STYLE = (
    "body{font:14px/1.4 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#1d2330}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}table{border-collapse:collapse}"
    "td,th{padding:.2em .9em .2em 0;text-align:left;vertical-align:top;border-bottom:1px solid #e4e7ee}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".w{background:#fff4d6;padding:.6em 1em;border-left:4px solid #d99a00}"
) + CHART_STYLE


def utc_text(stamp_ns: int) -> str:
    """Return a stamp as ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(stamp_ns / _NS, UTC).isoformat(timespec="milliseconds")


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = ()) -> str:
    """Lay out rows; all but the first column are figures."""
    top = "<tr>" + "".join(f"<th>{escape(text)}" for text in head) + "</tr>" if head else ""
    body = "".join(
        f"<tr><td>{escape(row[0])}" + "".join(f"<td class=n>{escape(text)}" for text in row[1:]) + "</tr>"
        for row in rows
    )
    return f"<table>{top}{body}</table>"


def amount_text(amount: float) -> str:
    """Return an amount that was measured, not counted: to the cent, or, below one, to the atom of a coin."""
    return f"{amount:.2f}" if abs(amount) >= 1.0 else f"{amount:.8f}"
