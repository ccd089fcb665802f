"""Collects what a check finds, bounded: the first defects are kept with their place, all are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.dto.data_check import DEFECT_KINDS, CheckReport, Defect, FileReport, InstrumentReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bot4.domain.instrument import Instrument

LISTED_MAX = 10_000

_COUNTERS = {
    "sequence_gap": "sequence_gaps",
    "trade_id_gap": "trade_id_gaps",
    "missing_bar": "missing_bars",
    "checksum": "checksums_failed",
    "crossed": "crossed_books",
    "duplicate": "duplicates",
    "out_of_order": "duplicates",
    "recv_backwards": "stamps_backwards",
    "venue_backwards": "stamps_backwards",
    "off_grid": "off_grid",
}


class Findings:
    """The report under construction. One thread."""

    def __init__(self, listed_max: int = LISTED_MAX) -> None:
        self.report = CheckReport()
        self._listed_max = listed_max
        self._instruments: dict[tuple[str, str, str], InstrumentReport] = {}
        self.file = FileReport("")

    def open_file(self, path: str) -> FileReport:
        """Start the report of the next file."""
        self.file = FileReport(path)
        self.report.files.append(self.file)
        return self.file

    def instrument(self, venue: str, market: str, symbol: str, rules: Instrument | None = None) -> InstrumentReport:
        """Return the report of one instrument, made when first asked for."""
        key = (venue, market, symbol)
        if key not in self._instruments:
            entry = InstrumentReport(venue, market, symbol, rules.source if rules is not None else "none")
            self._instruments[key] = entry
            self.report.instruments.append(entry)
        return self._instruments[key]

    def defect(
        self, kind: str, line: int, detail: str, instrument: InstrumentReport | None = None, times: int = 1
    ) -> None:
        """Count a defect, and list it while there is room; `times` is how often the line has it.

        Damage is the reason of what else a file has, and comes last: it is always listed, and there is one a file.
        """
        if kind not in DEFECT_KINDS:
            raise ValueError(f"a defect must be one of DEFECT_KINDS, was {kind!r}")
        self.file.defects[kind] = self.file.defects.get(kind, 0) + times
        self.report.defects_total += times
        if instrument is not None and (counter := _COUNTERS.get(kind)) is not None:
            setattr(instrument, counter, getattr(instrument, counter) + times)
        if len(self.report.defects) < self._listed_max or kind == "damage":
            symbol = instrument.symbol if instrument is not None else ""
            self.report.defects.append(Defect(kind, self.file.path, line, symbol, detail, times))

    def sort(self) -> None:
        """Put the listed defects in the order of their places; kinds of one line stay in the order they were found."""
        at = {file.path: index for index, file in enumerate(self.report.files)}
        self.report.defects.sort(key=lambda defect: (at[defect.path], defect.line))

    def refused(self, reason: str, line: int, detail: str, instrument: InstrumentReport | None = None) -> None:
        """Count a refused frame or row by its reason."""
        self.file.refused[reason] = self.file.refused.get(reason, 0) + 1
        kind = "off_grid" if reason in ("off_tick", "off_lot") else "refused"
        self.defect(kind, line, f"{reason.replace('_', ' ')}{': ' + detail if detail else ''}", instrument)

    def message(self, kind: str, stamp_ns: int, instrument: InstrumentReport | None) -> None:
        """Count a message that was read."""
        self.file.messages += 1
        self.span(self.file, stamp_ns)
        if instrument is not None:
            instrument.messages[kind] = instrument.messages.get(kind, 0) + 1
            self.span(instrument, stamp_ns)

    def messages(self, kind: str, stamps_ns: NDArray[np.int64], instrument: InstrumentReport) -> None:
        """Count messages of one kind and instrument that were read; stamps of 0 are none."""
        self.file.messages += len(stamps_ns)
        instrument.messages[kind] = instrument.messages.get(kind, 0) + len(stamps_ns)
        if len(told := stamps_ns[stamps_ns > 0]):
            for stamp_ns in (int(told.min()), int(told.max())):
                self.span(self.file, stamp_ns)
                self.span(instrument, stamp_ns)

    @staticmethod
    def span(report: FileReport | InstrumentReport, stamp_ns: int) -> None:
        """Widen a report's span to a stamp; 0 is no stamp."""
        if stamp_ns > 0:
            report.first_ns = min(report.first_ns or stamp_ns, stamp_ns)
            report.last_ns = max(report.last_ns, stamp_ns)


def and_more(count: int) -> str:
    """Say how many others of its message share a defect's line with the one it names."""
    return f" (and {count - 1:,} more in this message)" if count > 1 else ""
