"""Checks Binance's public CSV dumps: rows, grid, ids, bars and stamps, a chunk at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bot4._core.wire.csv_rows import CsvRows, verdict_name
from bot4.adapters.recordings.check_stream import note_off_step
from bot4.adapters.recordings.recording import RecordingFormat
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


@dataclass(frozen=True, slots=True)
class _Batch:
    """The rows of one chunk, one column each, with where they stand."""

    findings: Findings
    report: InstrumentReport
    rules: Instrument
    name: str
    events: NDArray[Any]
    lines: NDArray[np.int64]

    def each(
        self,
        found: NDArray[np.bool_],
        kind: str,
        detail: Callable[[int], str],
        times: NDArray[np.int64] | None = None,
    ) -> None:
        """Report a defect for every row that `found` marks."""
        for i in np.flatnonzero(found):
            count = 1 if times is None else int(times[i])
            self.findings.defect(kind, int(self.lines[i]), detail(int(i)), self.report, count)

    def count(self) -> None:
        """Count the rows and widen the spans."""
        stamps = self.events["venue_ns"]
        self.findings.file.messages += len(stamps)
        self.report.messages[self.name] = self.report.messages.get(self.name, 0) + len(stamps)
        for stamp in (int(stamps.min()), int(stamps.max())):
            self.findings.span(self.findings.file, stamp)
            self.findings.span(self.report, stamp)

    def prices(self, *columns: NDArray[np.int64]) -> None:
        """Prices off the order step are defects (see `StreamCheck`)."""
        per_step = self.rules.ticks_per_step
        if per_step == 1:
            return
        for ticks in columns:
            self.each(ticks % per_step != 0, "off_grid", partial(self._off_step, ticks))

    def quantities(self, lots: NDArray[np.int64]) -> None:
        """Quantities off the order step are older orders, and counted."""
        if self.rules.lots_per_step > 1:
            self.report.off_step_quantities += int(np.count_nonzero(lots % self.rules.lots_per_step))

    def _off_step(self, ticks: NDArray[np.int64], i: int) -> str:
        return f"price {self.rules.ticks_to_price(int(ticks[i]))} is not a multiple of {self.rules.price_step}"


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
            self._refused(chunk, first_line, rejects, report)
            if len(events):
                batch = _Batch(self._findings, report, rules, name, events, lines)
                (self._bars if name == "kline" else self._trades)(batch, last)
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

    def _refused(
        self, chunk: bytes, first_line: int, rejects: Sequence[tuple[int, int]], report: InstrumentReport
    ) -> None:
        texts = chunk.split(b"\n") if rejects else []
        for line, verdict in rejects:
            text = texts[line - first_line][:100].decode("utf-8", "replace")
            self._findings.refused(verdict_name(verdict), line, repr(text), report)

    def _continues(self, batch: _Batch, last: _Last, *, follows: bool) -> None:
        """At a file's first row: forget the file before where this one does not follow it."""
        if last.is_fresh and last.row_id >= 0 and not follows:
            batch.report.notes.append(f"{batch.name}: {self._findings.file.path} does not continue the file before it")
            last.row_id = last.covered = last.close_ns = -1
            last.stamp_ns = 0
        last.is_fresh = False

    def _trades(self, batch: _Batch, last: _Last) -> None:
        events, lines, name = batch.events, batch.lines, batch.name
        ids, stamps, last_ids = events["c"], events["venue_ns"], events["e"]
        batch.count()
        batch.prices(events["a"])
        batch.quantities(events["b"])
        self._continues(batch, last, follows=int(ids[0]) == last.row_id + 1)
        before = _largest_before(ids, last.row_id)
        # Refused rows between two good ones hold some of the ids that seem to be missing.
        missing = ids - before - 1 - (lines - _shifted(lines, last.line) - 1)
        batch.each(
            (before >= 0) & (ids > before + 1) & (missing > 0),
            "trade_id_gap",
            lambda i: f"{name} {ids[i]} after {before[i]}: {int(ids[i] - before[i] - 1):,} missing",
        )
        batch.each((before >= 0) & (ids <= before), "duplicate", lambda i: f"{name} {ids[i]} after {before[i]}")
        stamps_before = _shifted(stamps, last.stamp_ns)
        batch.each(
            stamps < stamps_before,
            "venue_backwards",
            lambda i: f"{name} stamp {(stamps_before[i] - stamps[i]) / 1e6:.3f} ms before the last",
        )
        if name == "aggTrade":
            doubled = (before >= 0) & (ids > before) & (events["d"] <= _largest_before(last_ids, last.covered))
            batch.each(doubled, "duplicate", lambda i: f"trade {int(events['d'][i])} is in two aggTrades")
            last.covered = max(last.covered, int(last_ids.max()))
        last.row_id, last.line = max(last.row_id, int(ids.max())), int(lines[-1])
        last.stamp_ns = int(stamps[-1])

    def _bars(self, both: _Batch, last: _Last) -> None:
        prices = both.events[::2]
        batch = replace(both, events=both.events[1::2], lines=both.lines[1::2])
        opens, closes, intervals = batch.events["e"], batch.events["venue_ns"], batch.events["d"]
        batch.count()
        batch.prices(*(prices[column] for column in "abcd"))
        batch.quantities(batch.events["a"])
        self._continues(batch, last, follows=int(opens[0]) == last.close_ns)
        interval_ns = last.interval_ns = last.interval_ns or int(intervals[0])
        before = _shifted(opens, last.row_id)
        missing = (opens - _shifted(closes, last.close_ns)) // interval_ns
        refused = batch.lines - _shifted(batch.lines, last.line) - 1
        batch.each(
            (before >= 0) & (missing > refused),
            "missing_bar",
            lambda i: f"{int(missing[i]):,} bars are not there before this one",
            missing,
        )
        batch.each(opens == before, "duplicate", lambda _: "the same open time as the bar before")
        batch.each(opens < before, "out_of_order", lambda _: "opens before the bar before it")
        if interval_ns < _MONTH_NS:
            batch.each(
                intervals != interval_ns,
                "inconsistent_rows",
                lambda i: f"a bar of {intervals[i] / 1e9:g} s among bars of {interval_ns / 1e9:g} s",
            )
        last.row_id, last.close_ns, last.line = int(opens[-1]), int(closes[-1]), int(batch.lines[-1])


def _shifted(column: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """Return what stands in the row before each row."""
    return np.concatenate((np.array([first], dtype=np.int64), column[:-1]))


def _largest_before(column: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """Return the largest value before each row."""
    return np.maximum.accumulate(_shifted(column, first))
