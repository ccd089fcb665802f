"""Checks Binance's public CSV dumps: rows, grid, ids, bars and stamps, a chunk at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.wire.csv_rows import CsvRows, verdict_name
from bot4.adapters.recordings.check_stream import note_off_step
from bot4.adapters.recordings.recording import RecordingFormat
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bot4.adapters.recordings.catalog import InstrumentCatalog
    from bot4.adapters.recordings.findings import Findings
    from bot4.adapters.recordings.recording import Recording
    from bot4.domain.instrument import Instrument
    from bot4.dto.data_check import InstrumentReport

_NAMES = {
    RecordingFormat.CSV_TRADES: "trade",
    RecordingFormat.CSV_AGG_TRADES: "aggTrade",
    RecordingFormat.CSV_KLINES: "kline",
}
_MONTH_NS = 28 * 86_400 * 10**9  # bars this long differ in length


@dataclass(slots=True)
class _Last:
    """The last row of one kind of dump of one instrument: the next file may continue it."""

    line: int = 0
    stamp_ns: int = 0
    row_id: int = -1
    covered: int = -1
    close_ns: int = -1
    interval_ns: int = 0
    is_fresh: bool = field(default=True)


class DumpCheck:
    """Checks dumps in the order given; those of one instrument and kind may continue each other. One thread."""

    def __init__(self, catalog: InstrumentCatalog, findings: Findings) -> None:
        self._catalog = catalog
        self._findings = findings
        self._lasts: dict[tuple[str, str, str], _Last] = {}

    def check(self, recording: Recording, progress: Callable[[], None]) -> None:
        """Check one dump; ConfigError where its instrument is not told or has no rules."""
        rules = self._rules(recording)
        market = recording.market.value if recording.market is not None else ""
        report = self._findings.instrument("binance", market, rules.symbol, rules)
        name = _NAMES[recording.format]
        last = self._lasts.setdefault((market, rules.symbol, name), _Last())
        last.is_fresh, last.line = True, 0
        rows = CsvRows(recording.format.code, f"{rules.tick_size:f}", f"{rules.lot_size:f}")
        for chunk in recording.chunks():
            first_line = rows.line_number + 1
            events, lines, rejects = rows.parse(chunk)
            for line, verdict in rejects:
                self._findings.refused(verdict_name(verdict), line, _row(chunk, line - first_line), report)
            if len(events):
                self._steps(events, lines, rules, report, name)
                check = self._bars if name == "kline" else self._trades
                check(events, lines, last, report, name)
            progress()
        note_off_step(report, rules)
        self._findings.file.lines = rows.line_number
        self._findings.file.skipped_lines = rows.counts["skipped"]

    def _rules(self, recording: Recording) -> Instrument:
        if recording.symbols:
            return self._catalog.require("binance", recording.market, recording.symbols[0])
        if (given := self._catalog.only_given()) is not None:
            return given
        raise ConfigError(
            f"{recording.path} does not tell its symbol by its name (as BTCUSDT-trades-2024-01-01.csv would): "
            "name a rules file of that one instrument with --instrument FILE"
        )

    def _steps(
        self, events: NDArray[Any], lines: NDArray[np.int64], rules: Instrument, report: InstrumentReport, name: str
    ) -> None:
        """Prices off the order step are defects; quantities off it are counted (see `StreamCheck`)."""
        prices, lots = events, events["b"]
        if name == "kline":
            prices, lines, lots = events[::2], lines[::2], events["a"][1::2]
        if rules.ticks_per_step > 1:
            for column in ("a", "b", "c", "d") if name == "kline" else ("a",):
                ticks = prices[column]
                self._each(
                    ticks % rules.ticks_per_step != 0, "off_grid", lines, report,
                    lambda i, ticks=ticks: f"price {rules.ticks_to_price(int(ticks[i]))} is not a multiple of {rules.price_step}",
                )  # fmt: skip
        if rules.lots_per_step > 1:
            report.off_step_quantities += int(np.count_nonzero(lots % rules.lots_per_step))

    def _count(self, events: NDArray[Any], report: InstrumentReport, name: str) -> None:
        count = len(events)
        self._findings.file.messages += count
        report.messages[name] = report.messages.get(name, 0) + count
        for stamp in (int(events["venue_ns"].min()), int(events["venue_ns"].max())):
            self._findings.span(self._findings.file, stamp)
            self._findings.span(report, stamp)

    def _continues(self, last: _Last, report: InstrumentReport, name: str, *, follows: bool) -> None:
        """At a file's first row: forget the file before where this one does not follow it."""
        if last.is_fresh and last.row_id >= 0 and not follows:
            report.notes.append(f"{name}: {self._findings.file.path} does not continue the file before it")
            last.row_id = last.covered = last.close_ns = -1
            last.stamp_ns = 0
        last.is_fresh = False

    def _trades(
        self, events: NDArray[Any], lines: NDArray[np.int64], last: _Last, report: InstrumentReport, name: str
    ) -> None:
        self._count(events, report, name)
        ids, stamps = events["c"], events["venue_ns"]
        self._continues(last, report, name, follows=int(ids[0]) == last.row_id + 1)
        before = np.concatenate(([last.row_id], np.maximum.accumulate(ids)[:-1]))
        before = np.maximum(before, last.row_id)
        has_before = before >= 0
        lines_before = np.concatenate(([last.line], lines[:-1]))
        # Refused rows between two good ones hold some of the ids that seem to be missing.
        missing = ids - before - 1 - (lines - lines_before - 1)
        self._each(
            has_before & (ids > before + 1) & (missing > 0), "trade_id_gap", lines, report,
            lambda i: f"{name} {ids[i]} after {before[i]}: {int(ids[i] - before[i] - 1):,} missing",
        )  # fmt: skip
        self._each(
            has_before & (ids <= before), "duplicate", lines, report, lambda i: f"{name} {ids[i]} after {before[i]}"
        )
        self._backwards(stamps, last.stamp_ns, lines, report, name)
        if name == "aggTrade":
            covered = np.concatenate(([last.covered], np.maximum.accumulate(events["e"])[:-1]))
            covered = np.maximum(covered, last.covered)
            self._each(
                has_before & (ids > before) & (events["d"] <= covered), "duplicate", lines, report,
                lambda i: f"trade {int(events['d'][i])} is in two aggTrades",
            )  # fmt: skip
            last.covered = max(last.covered, int(events["e"].max()))
        last.row_id, last.line = max(last.row_id, int(ids.max())), int(lines[-1])
        last.stamp_ns = int(stamps[-1])

    def _bars(
        self, events: NDArray[Any], lines: NDArray[np.int64], last: _Last, report: InstrumentReport, name: str
    ) -> None:
        flows, lines = events[1::2], lines[1::2]
        self._count(flows, report, name)
        opens, closes, intervals = flows["e"], flows["venue_ns"], flows["d"]
        self._continues(last, report, name, follows=int(opens[0]) == last.close_ns)
        last.interval_ns = last.interval_ns or int(intervals[0])
        opens_before = np.concatenate(([last.row_id], opens[:-1]))
        closes_before = np.concatenate(([last.close_ns], closes[:-1]))
        lines_before = np.concatenate(([last.line], lines[:-1]))
        has_before = opens_before >= 0
        missing = (opens - closes_before) // last.interval_ns
        self._each(
            has_before & (missing > lines - lines_before - 1), "missing_bar", lines, report,
            lambda i: f"{int(missing[i]):,} bars are not there before this one", missing,
        )  # fmt: skip
        self._each(
            has_before & (opens == opens_before), "duplicate", lines, report, lambda _: "the same open time as the bar before"
        )
        self._each(
            has_before & (opens < opens_before), "out_of_order", lines, report, lambda _: "opens before the bar before it"
        )
        if last.interval_ns < _MONTH_NS:
            self._each(
                intervals != last.interval_ns, "inconsistent_rows", lines, report,
                lambda i: f"a bar of {intervals[i] / 1e9:g} s among bars of {last.interval_ns / 1e9:g} s",
            )  # fmt: skip
        last.row_id, last.close_ns, last.line = int(opens[-1]), int(closes[-1]), int(lines[-1])

    def _backwards(
        self, stamps: NDArray[np.int64], last_ns: int, lines: NDArray[np.int64], report: InstrumentReport, name: str
    ) -> None:
        before = np.concatenate(([last_ns], stamps[:-1]))
        self._each(
            stamps < before, "venue_backwards", lines, report,
            lambda i: f"{name} stamp {(before[i] - stamps[i]) / 1e6:.3f} ms before the last",
        )  # fmt: skip

    def _each(
        self,
        found: NDArray[np.bool_],
        kind: str,
        lines: NDArray[np.int64],
        report: InstrumentReport,
        detail: Callable[[int], str],
        times: NDArray[np.int64] | None = None,
    ) -> None:
        for i in np.flatnonzero(found):
            self._findings.defect(kind, int(lines[i]), detail(int(i)), report, 1 if times is None else int(times[i]))


def _row(chunk: bytes, index: int) -> str:
    """The text of a chunk's line, for a message; only refused rows are looked up."""
    start = 0
    for _ in range(index):
        start = chunk.find(b"\n", start) + 1
    text = chunk[start : chunk.find(b"\n", start)][:100]
    return repr(text.decode("utf-8", "replace"))
