"""The judges of captured frames: Binance through the scanner, venues with in-band snapshots through a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.recordings.check_stream import CLOCK_APART_NS, TOP_LEVELS, StreamCheck
from bot4.domain.errors import ConfigError
from bot4.dto.rules import instruments_from_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.recordings.catalog import InstrumentCatalog
    from bot4.adapters.recordings.findings import Findings
    from bot4.domain.instrument import Instrument
    from bot4.dto.data_check import InstrumentReport
    from bot4.ports.book_reader import BookReader, BookUpdate


class BinanceFrames:
    """Judges Binance frames with a `StreamCheck`."""

    def __init__(self, stream: StreamCheck, findings: Findings) -> None:
        self._stream = stream
        self._findings = findings

    def open_file(self, symbols: tuple[str, ...]) -> None:
        """Begin a new file."""
        self._stream.open_file(symbols)

    def frames(self, lines: Sequence[int], recv_ns: Sequence[int], payloads: Sequence[bytes]) -> None:
        """Judge websocket frames, and snapshots a recorder wrote among them."""
        self._stream.frames(lines, recv_ns, payloads)

    def reply(self, line: int, recv_ns: int, payload: bytes, symbol: str | None) -> None:
        """Judge a REST reply: a snapshot of the symbol its address names, or rules (read when the file was opened)."""
        if b'"lastUpdateId"' in payload[:64] and symbol:
            self._stream.frame(line, recv_ns, payload, self._stream.add(symbol))
        else:
            _other_reply(self._findings, recv_ns, payload)


class BookFrames:
    """Judges frames of a venue that sends its snapshots in the stream, by its `BookReader`.

    Checksums are verified, stamps and grids checked; levels are compared as exact decimals.
    """

    def __init__(self, reader: BookReader, catalog: InstrumentCatalog, findings: Findings) -> None:
        self._reader = reader
        self._catalog = catalog
        self._findings = findings
        self._rules: dict[str, Instrument | None] = {}
        self._reports: dict[str, InstrumentReport] = {}
        self._last_stamps: dict[tuple[str, str], int] = {}

    def open_file(self, symbols: tuple[str, ...]) -> None:
        """Begin a new file."""
        for symbol in symbols:
            self._report(symbol)
        self._last_stamps.clear()

    def frames(self, lines: Sequence[int], recv_ns: Sequence[int], payloads: Sequence[bytes]) -> None:
        """Judge websocket frames."""
        for line, stamp, payload in zip(lines, recv_ns, payloads, strict=True):
            self._frame(line, stamp, payload)

    def _frame(self, line: int, recv_ns: int, payload: bytes) -> None:
        try:
            message = self._reader.read(payload)
        except ValueError as error:
            self._findings.refused("malformed", line, str(error)[:120])
            return
        report = self._report(message.symbol) if message.symbol else None
        self._findings.message(message.kind, recv_ns, report)
        for update in message.updates:
            self._update(line, recv_ns, update)
        for trade in message.trades:
            self._grid(line, trade.symbol, ((trade.price, trade.qty),))

    def reply(self, line: int, recv_ns: int, payload: bytes, symbol: str | None) -> None:  # noqa: ARG002 - a FrameCheck
        """Judge a REST reply: rules, read when the file was opened."""
        _other_reply(self._findings, recv_ns, payload)

    def close(self) -> None:
        """Write the final books into their reports."""
        for symbol in self._reader.symbols():
            report = self._report(symbol)
            report.book = "live" if not report.checksums_failed else "not verified"
            report.bids, report.asks = self._reader.levels(symbol, TOP_LEVELS)
        for symbol, report in self._reports.items():
            if self._rules[symbol] is None:
                report.notes.append("no rules given: prices and quantities are not checked against a grid")
            if report.messages.get("book") and not report.checksums_verified + report.checksums_failed:
                report.notes.append("the messages carry no checksum")

    def _report(self, symbol: str) -> InstrumentReport:
        if symbol not in self._reports:
            rules = self._catalog.find(self._reader.venue, None, symbol)
            market = rules.market.value if rules is not None else ""
            self._rules[symbol] = rules
            self._reports[symbol] = self._findings.instrument(self._reader.venue, market, symbol, rules)
        return self._reports[symbol]

    def _update(self, line: int, recv_ns: int, update: BookUpdate) -> None:
        report = self._report(update.symbol)
        report.snapshots += update.is_snapshot
        if update.defect:
            self._findings.defect(update.defect, line, update.detail, report)
        if update.checksum_sent is not None and update.checksum_made is not None:
            if update.checksum_sent == update.checksum_made:
                report.checksums_verified += 1
            else:
                detail = f"venue {update.checksum_sent}, book {update.checksum_made}"
                self._findings.defect("checksum", line, detail, report)
        if update.is_crossed:
            self._findings.defect("crossed", line, "best bid at or above best ask after this message", report)
        self._grid(line, update.symbol, update.levels)
        self._stamp(line, recv_ns, update, report)

    def _stamp(self, line: int, recv_ns: int, update: BookUpdate, report: InstrumentReport) -> None:
        if update.venue_ns <= 0:
            return
        key = (update.symbol, "book")
        if update.venue_ns < self._last_stamps.get(key, 0):
            back = (self._last_stamps[key] - update.venue_ns) / 1e6
            self._findings.defect("venue_backwards", line, f"book stamp {back:.3f} ms before the last", report)
        self._last_stamps[key] = update.venue_ns
        if recv_ns > 0 and abs(recv_ns - update.venue_ns) > CLOCK_APART_NS:
            apart = (recv_ns - update.venue_ns) / 1e9
            self._findings.defect("clock", line, f"receive stamp {apart:+.3f} s from the venue's", report)

    def _grid(self, line: int, symbol: str, levels: tuple[tuple[str, str], ...]) -> None:
        report = self._report(symbol)
        if (rules := self._rules[symbol]) is None:
            return
        for price, qty in levels:
            try:
                rules.price_to_ticks(price)
                rules.qty_to_lots(qty)
            except ValueError as error:
                self._findings.defect("off_grid", line, str(error), report)


def _other_reply(findings: Findings, recv_ns: int, payload: bytes) -> None:
    try:
        findings.file.instruments_found += len(instruments_from_json(payload, "reply"))
    except ConfigError:
        findings.file.notes.append("a REST reply that is neither a snapshot nor instrument rules was passed over")
    findings.message("reply", recv_ns, None)
