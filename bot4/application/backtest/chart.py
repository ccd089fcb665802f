"""A chart over time as inline SVG: axes with round figures and times, lines thinned without losing what stands out."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POINTS = 800
_NS = 1_000_000_000
_DAY_NS = 86_400 * _NS
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 900, 230, 76, 12, 22, 26
_Y_STEPS, _X_STEPS = 5, 8
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200)
_STEPS_DAYS = (1, 2, 5, 7, 14)
_STEPS_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
# From here on ticks are months.
_MONTHS_FROM_DAYS = 110
STYLE = (
    "svg{background:#fafbfd;border:1px solid #e4e7ee;display:block;width:100%;height:auto}"
    "svg text{font-size:11px;fill:#5b6474}svg .g{stroke:#e4e7ee}svg polyline{fill:none;stroke-width:1.2;"
    "stroke-linejoin:round}svg .z{stroke:#aab2c0}"
)


class Line(NamedTuple):
    """Stamps, values, a colour, and a name for the legend; ``filled`` to the line of 0."""

    stamps_ns: NDArray[Any]
    values: NDArray[Any]
    colour: str
    name: str = ""
    filled: bool = False


class Marks(NamedTuple):
    """Triangles, upwards or downwards, and a name for the legend."""

    stamps_ns: NDArray[Any]
    values: NDArray[Any]
    colour: str
    name: str
    is_up: bool


class _Frame:
    """Where stamps and values lie on the paper."""

    def __init__(self, parts: Sequence[Line | Marks], ticks_wanted: int) -> None:
        there = [part for part in parts if len(part.stamps_ns)]
        self.left = min(int(part.stamps_ns[0]) for part in there)
        self.right = max(self.left + 1, *(int(part.stamps_ns[-1]) for part in there))
        low, high = min(float(part.values.min()) for part in there), max(float(part.values.max()) for part in there)
        if any(isinstance(part, Line) and part.filled for part in there):
            low, high = min(low, 0.0), max(high, 0.0)
        if high == low:
            low, high = low - (abs(low) or 1.0) / 100, high + (abs(high) or 1.0) / 100
        self.ticks = round_ticks(low, high, ticks_wanted)
        self.bottom, self.top = min(low, self.ticks[0]), max(high, self.ticks[-1])

    def across(self, stamps_ns: NDArray[Any]) -> NDArray[np.float64]:
        share = (np.asarray(stamps_ns, np.int64) - self.left) / (self.right - self.left)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def down(self, values: NDArray[Any]) -> NDArray[np.float64]:
        share = (self.top - np.asarray(values, np.float64)) / (self.top - self.bottom)
        return _TOP + share * (_HEIGHT - _TOP - _BOTTOM)


def chart(lines: Sequence[Line], marks: Sequence[Marks] = (), *, unit: str) -> str:
    """Draw lines, and marks on them, over time.

    Parameters
    ----------
    lines : sequence of Line
        In the order of time; one point at least in all of them.
    marks : sequence of Marks
        Drawn over them.
    unit : str
        Of the values, written at their axis.

    """
    parts: list[Line | Marks] = [*lines, *marks]
    frame = _Frame(parts, _Y_STEPS)
    drawn = [_grid(frame), *(_line(frame, line) for line in lines), *(_marks(frame, part) for part in marks)]
    named = [part for part in parts if part.name]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(drawn)}'
        f'<text x="6" y="14">{escape(unit)}</text>{_legend(named)}</svg>'
    )


def _grid(frame: _Frame) -> str:
    places = frame.down(np.array(frame.ticks))
    step = frame.ticks[1] - frame.ticks[0]
    rows = "".join(
        f'<line class="{"z" if value == 0 else "g"}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_figure(value, step)}</text>'
        for value, y in zip(frame.ticks, places.tolist(), strict=True)
    )
    times = time_ticks(frame.left, frame.right)
    columns = "".join(
        f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text x="{x:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{text}</text>'
        for (_, text), x in zip(times, frame.across(np.array([at for at, _ in times], np.int64)).tolist(), strict=True)
    )
    return rows + columns


def _line(frame: _Frame, line: Line) -> str:
    if len(line.stamps_ns) == 0:
        return ""
    kept = thinned(line.values)
    points = _points(frame.across(line.stamps_ns[kept]), frame.down(line.values[kept]))
    drawn = f'<polyline stroke="{line.colour}" points="{points}"/>'
    if not line.filled:
        return drawn
    zero = float(frame.down(np.zeros(1))[0])
    ends = frame.across(line.stamps_ns[[0, -1]]).tolist()
    area = f"{ends[0]:.1f},{zero:.1f} {points} {ends[1]:.1f},{zero:.1f}"
    return f'<polygon fill="{line.colour}" fill-opacity="0.15" points="{area}"/>{drawn}'


def _marks(frame: _Frame, marks: Marks) -> str:
    sign = 1 if marks.is_up else -1
    path = "".join(
        f"M{x:.1f},{y:.1f}l3.5,{6 * sign}h-7z"
        for x, y in zip(frame.across(marks.stamps_ns).tolist(), frame.down(marks.values).tolist(), strict=True)
    )
    return f'<path fill="{marks.colour}" fill-opacity="0.8" d="{path}"/>' if path else ""


def _legend(named: Sequence[Line | Marks]) -> str:
    parts, x = [], _WIDTH - _RIGHT
    for part in reversed(named):
        parts.append(f'<text x="{x}" y="14" text-anchor="end" style="fill:{part.colour}">{escape(part.name)}</text>')
        x -= 7 * len(part.name) + 18
    return "".join(parts)


def _points(across: NDArray[np.float64], down: NDArray[np.float64]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across.tolist(), down.tolist(), strict=True))


def thinned(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return which points are drawn: the lowest and the highest of each stretch, the first and the last.

    >>> thinned(np.arange(3)).tolist()
    [0, 1, 2]
    """
    count = len(values)
    if count <= 2 * POINTS:
        return np.arange(count)
    edges = np.linspace(0, count, POINTS + 1).astype(np.int64)
    kept = {0, count - 1}
    for first, last in pairwise(edges.tolist()):
        part = values[first:last]
        kept |= {first + int(part.argmin()), first + int(part.argmax())}
    return np.array(sorted(kept), np.int64)


def round_ticks(low: float, high: float, wanted: int) -> list[float]:
    """Return round values at equal steps, from below or at `low` to above or at `high`.

    >>> round_ticks(9_928.6, 10_000.0, 5)
    [9920.0, 9940.0, 9960.0, 9980.0, 10000.0]
    """
    rough = (high - low) / wanted
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _figure(value: float, step: float) -> str:
    return f"{value:,.{max(0, ceil(-log10(step) + (0 if log10(step) == floor(log10(step)) else 0.3)))}f}"


def time_ticks(left_ns: int, right_ns: int) -> list[tuple[int, str]]:
    """Return round times between two stamps and how they are written, UTC."""
    span_ns = right_ns - left_ns
    if span_ns > _MONTHS_FROM_DAYS * _DAY_NS:
        return _month_ticks(left_ns, right_ns)
    steps = [*(step * _NS for step in _STEPS_S), *(days * _DAY_NS for days in _STEPS_DAYS)]
    step = next((step for step in steps if span_ns <= step * _X_STEPS), steps[-1])
    shape = "%Y-%m-%d" if step >= _DAY_NS else "%H:%M:%S" if step < 60 * _NS else "%H:%M"
    found: list[tuple[int, str]] = []
    day = ""
    for stamp in range(-(-left_ns // step) * step, right_ns + 1, step):
        moment = datetime.fromtimestamp(stamp // _NS, UTC)
        # A new day is told by its name.
        is_new = step < _DAY_NS and moment.strftime("%m-%d") != day
        day = moment.strftime("%m-%d")
        found.append((stamp, moment.strftime(f"%m-%d {shape}" if is_new else shape)))
    return found


def _month_ticks(left_ns: int, right_ns: int) -> list[tuple[int, str]]:
    first, last = (datetime.fromtimestamp(stamp // _NS, UTC) for stamp in (left_ns, right_ns))
    months = (last.year - first.year) * 12 + last.month - first.month
    step = next((step for step in _STEPS_MONTHS if months <= step * _X_STEPS), _STEPS_MONTHS[-1])
    start = -(-(first.year * 12 + first.month - 1) // step) * step
    moments = [datetime(at // 12, at % 12 + 1, 1, tzinfo=UTC) for at in range(start, last.year * 12 + last.month, step)]
    stamps = [(int(moment.timestamp()) * _NS, moment.strftime("%Y-%m")) for moment in moments]
    return [(stamp, text) for stamp, text in stamps if left_ns <= stamp <= right_ns]
