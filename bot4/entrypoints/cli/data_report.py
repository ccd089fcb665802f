"""A data check's report on screen: lines that can be read, cut and searched; no line is wrapped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from bot4.dto.data_check import CheckReport, FileReport, InstrumentReport

SYMBOLS_MAX = 8
_PREFIXES = ((1, "s"), (60, "min"), (3600, "h"), (86_400, "d"))


def render(report: CheckReport, console: Console | None = None) -> None:
    """Print the report: files, instruments with their books, defects, and one closing line."""
    out = console or Console(highlight=False, soft_wrap=True)
    for file in report.files:
        _file(out, file)
    for instrument in report.instruments:
        _instrument(out, instrument)
    for defect in report.defects:
        out.print(Text(str(defect), style="red"))
    if unlisted := report.defects_total - _listed(report):
        out.print(Text(f"... and {unlisted:,} more defects (--list-max lists more)", style="red"))
    unchecked = sum(1 for file in report.files if file.error)
    count = len(report.files)
    files = f"{count:,} file{'s' if count != 1 else ''}"
    if report.is_clean:
        out.print(Text(f"{files}: clean", style="bold green"))
        return
    told = [f"{report.defects_total:,} defect{'s' if report.defects_total != 1 else ''}"]
    told += [f"{unchecked:,} could not be checked"] if unchecked else []
    out.print(Text(f"{files}: {', '.join(told)}", style="bold red"))


def _listed(report: CheckReport) -> int:
    return sum(defect.times for defect in report.defects)


def _file(out: Console, file: FileReport) -> None:
    out.print(Text(file.path, style="bold"))
    if file.format:
        unnamed = len(file.symbols) - SYMBOLS_MAX
        symbols = ", ".join(file.symbols[:SYMBOLS_MAX]) + (f" and {unnamed:,} more" if unnamed > 0 else "")
        where = " ".join(part for part in (file.venue, file.market) if part)
        out.print(Text(f"  {file.format} ({file.compression}), {where}{': ' + symbols if symbols else ''}"))
    if file.error:
        out.print(Text(f"  {file.error}", style="red"))
        return
    if file.instruments_found:
        out.print(Text(f"  rules of {file.instruments_found:,} instruments"))
    out.print(Text(f"  {file.lines:,} lines, {file.messages:,} messages{_span(file.first_ns, file.last_ns)}"))
    if file.defects:
        out.print(Text(f"  defects: {_counts(file.defects)}", style="red"))
    for note in file.notes:
        out.print(Text(f"  note: {note}", style="yellow"))


def _instrument(out: Console, entry: InstrumentReport) -> None:
    where = " ".join(part for part in (entry.venue, entry.market) if part)
    out.print(Text(f"{entry.symbol} ({where}), rules: {entry.rules}", style="bold"))
    out.print(Text(f"  {_counts(entry.messages) or 'no messages'}{_span(entry.first_ns, entry.last_ns)}"))
    counts = {
        "sequence gaps": entry.sequence_gaps,
        "trade id gaps": entry.trade_id_gaps,
        "missing bars": entry.missing_bars,
        "crossed": entry.crossed_books,
        "duplicates": entry.duplicates,
        "stamps backwards": entry.stamps_backwards,
        "off grid": entry.off_grid,
        "checksums verified": entry.checksums_verified,
        "checksums failed": entry.checksums_failed,
    }
    out.print(Text(f"  {_counts(counts)}"))
    for note in entry.notes:
        out.print(Text(f"  note: {note}", style="yellow"))
    if entry.book != "none":
        out.print(Text(f"  book: {entry.book}"))
    _book(out, entry)


def _book(out: Console, entry: InstrumentReport) -> None:
    """Print the final levels, bids left and asks right, best first."""
    rows = [
        (*(entry.bids[i] if i < len(entry.bids) else ("", "")), *(entry.asks[i] if i < len(entry.asks) else ("", "")))
        for i in range(max(len(entry.bids), len(entry.asks)))
    ]
    if not rows:
        return
    rows.insert(0, ("bid", "quantity", "ask", "quantity"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for bid, bid_qty, ask, ask_qty in rows:
        left = f"{bid_qty:>{widths[1]}}  {bid:>{widths[0]}}"
        out.print(Text(f"    {left} | {ask:>{widths[2]}}  {ask_qty:>{widths[3]}}"))


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _span(first_ns: int, last_ns: int) -> str:
    if not first_ns:
        return ""
    return f", {_stamp(first_ns)} to {_stamp(last_ns)} UTC ({_duration((last_ns - first_ns) / 1e9)})"


def _stamp(stamp_ns: int) -> str:
    moment = datetime.fromtimestamp(stamp_ns // 10**9, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{stamp_ns % 10**9 // 10**6:03d}"


def _duration(seconds: float) -> str:
    size, unit = next((pair for pair in reversed(_PREFIXES) if seconds >= pair[0]), _PREFIXES[0])
    return f"{seconds / size:.3g} {unit}"
