"""Parts of a page that needs nothing else: charts as inline SVG, tables, a style."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POINTS = 800
_NS = 1_000_000_000
_WIDTH, _HEIGHT, _MARGIN = 900, 200, 70
STYLE = (
    "body{font:14px/1.4 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#1d2330}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}table{border-collapse:collapse}"
    "td,th{padding:.2em .9em .2em 0;text-align:left;vertical-align:top;border-bottom:1px solid #e4e7ee}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".w{background:#fff4d6;padding:.6em 1em;border-left:4px solid #d99a00}"
    "svg{background:#fafbfd;border:1px solid #e4e7ee}text{font-size:11px;fill:#5b6474}"
)


def utc_text(stamp_ns: int) -> str:
    """Return a stamp as ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(stamp_ns / _NS, UTC).isoformat(timespec="milliseconds")


def chart(
    lines: Sequence[tuple[NDArray[Any], NDArray[Any], str]],
    dots: Sequence[tuple[NDArray[Any], NDArray[Any], str]] = (),
) -> str:
    """Draw lines and dots over time as SVG, thinned to what a screen shows."""
    lows = [(int(x.min()), float(y.min())) for x, y, _ in (*lines, *dots) if len(x)]
    highs = [(int(x.max()), float(y.max())) for x, y, _ in (*lines, *dots) if len(x)]
    left, bottom = min(x for x, _ in lows), min(y for _, y in lows)
    right, top = max(x for x, _ in highs), max(y for _, y in highs)
    wide, high = max(right - left, 1), (top - bottom) or 1.0

    def place(x: NDArray[Any], y: NDArray[Any]) -> list[tuple[float, float]]:
        step = max(1, len(x) // POINTS)
        across = _MARGIN + (x[::step] - left) / wide * (_WIDTH - _MARGIN - 10)
        down = 10 + (top - y[::step]) / high * (_HEIGHT - 30)
        return list(zip(across.round(1).tolist(), down.round(1).tolist(), strict=True))

    drawn = "".join(
        f'<polyline fill=none stroke="{colour}" points="{" ".join(f"{a},{b}" for a, b in place(x, y))}"/>'
        for x, y, colour in lines
    )
    drawn += "".join(f'<circle r=2 cx={a} cy={b} fill="{colour}"/>' for x, y, colour in dots for a, b in place(x, y))
    labels = (
        f"<text x=4 y=16>{top:,.6g}</text><text x=4 y={_HEIGHT - 22}>{bottom:,.6g}</text>"
        f"<text x={_MARGIN} y={_HEIGHT - 5}>{utc_text(left)}</text>"
        f"<text x={_WIDTH - 10} y={_HEIGHT - 5} text-anchor=end>{utc_text(right)}</text>"
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width=100%>{drawn}{labels}</svg>'


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = ()) -> str:
    """Lay out rows; all but the first column are figures."""
    top = "<tr>" + "".join(f"<th>{escape(text)}" for text in head) + "</tr>" if head else ""
    body = "".join(
        f"<tr><td>{escape(row[0])}" + "".join(f"<td class=n>{escape(text)}" for text in row[1:]) + "</tr>"
        for row in rows
    )
    return f"<table>{top}{body}</table>"
