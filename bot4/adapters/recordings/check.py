"""`bot4 data check`: reads recordings without trading and tells what is wrong with them, and where."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot4.adapters.recordings.catalog import InstrumentCatalog
from bot4.adapters.recordings.check_capture import check_capture
from bot4.adapters.recordings.check_dump import DumpCheck
from bot4.adapters.recordings.check_frames import BinanceFrames, BookFrames
from bot4.adapters.recordings.check_labelled import check_labelled
from bot4.adapters.recordings.check_stream import StreamCheck
from bot4.adapters.recordings.check_table import TableCheck
from bot4.adapters.recordings.findings import LISTED_MAX, Findings
from bot4.adapters.recordings.ohlcv import is_ohlcv
from bot4.adapters.recordings.recognise import open_recording
from bot4.adapters.recordings.recording import RecordingFormat
from bot4.adapters.recordings.source import Source
from bot4.domain.errors import Bot4Error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bot4.adapters.recordings.recording import Recording
    from bot4.domain.instrument import Instrument, Market
    from bot4.dto.data_check import CheckReport
    from bot4.ports.book_reader import BookReader

    # Makes a venue's reader, given the rules known of that venue.
    ReaderMaker = Callable[[Sequence[Instrument]], BookReader]


def _bytes_of(entry: Recording | Source | Bot4Error) -> int:
    return 0 if isinstance(entry, Bot4Error) else entry.bytes_total


def _tell(progress: Callable[[int, int], None], done: int, recording: Recording, total: int) -> None:
    progress(done + recording.bytes_read, total)


class RecordingCheck:
    """One check over any number of files, in the order given. One thread; used once.

    Parameters
    ----------
    readers : mapping of str to callable
        Makes the reader of a venue with in-band snapshots, by venue.
    instrument_files : sequence of Path
        Rules named by the user.
    market : Market, optional
        Of files that do not say theirs.
    listed_max : int
        Defects listed with their place; all are counted.

    Raises
    ------
    NoInputError, DataError, ConfigError
        A rules file cannot be read.

    """

    def __init__(
        self,
        readers: Mapping[str, ReaderMaker],
        *,
        instrument_files: Sequence[Path] = (),
        market: Market | None = None,
        listed_max: int = LISTED_MAX,
    ) -> None:
        self._readers = readers
        self._market = market
        self._listed_max = listed_max
        self._is_refined = False
        self._catalog = InstrumentCatalog(instrument_files)
        self._start()

    def _start(self) -> None:
        self._findings = Findings(self._listed_max)
        self._streams: dict[Market, StreamCheck] = {}
        self._books: dict[str, BookFrames] = {}
        self._dumps = DumpCheck(self._catalog, self._findings)
        self._tables = TableCheck(self._catalog, self._findings, self._market)

    def run(
        self, paths: Sequence[Path], progress: Callable[[int, int], None] = lambda _done, _total: None
    ) -> CheckReport:
        """Check the files; one that cannot be checked is reported with its error, and the others go on.

        Parameters
        ----------
        paths : sequence of Path
            Files that continue each other (a snapshot file and its stream, one day after another) in that order.
        progress : callable
            Told the bytes done and the bytes there are, on disk.

        """
        self._pass(paths, progress)
        # Orders placed under an older, finer grid still rest: their frames are refused on today's grid and no book
        # could be built. A second pass counts on the grid they lie on; what is off the order step stays a defect.
        if finer := [rules for stream in self._streams.values() for rules in stream.finer.values()]:
            self._catalog.refine(finer)
            self._is_refined = True
            self._start()
            self._pass(paths, progress)
        self._findings.sort()
        return self._findings.report

    def _pass(self, paths: Sequence[Path], progress: Callable[[int, int], None]) -> None:
        opened = [(path, self._open(path)) for path in paths]
        total = sum(_bytes_of(entry) for _, entry in opened)
        done = 0
        for path, entry in opened:
            file = self._findings.open_file(str(path))
            if isinstance(entry, Bot4Error):
                file.error, file.exit_code = str(entry), entry.exit_code
                continue
            file.bytes = _bytes_of(entry)
            try:
                if isinstance(entry, Source):
                    file.compression = entry.compression
                    self._tables.check(path)
                else:
                    self._check(entry, partial(_tell, progress, done, entry, total))
            except Bot4Error as error:
                file.error, file.exit_code = str(error), error.exit_code
            done += file.bytes
            progress(done, total)
        for stream in self._streams.values():
            stream.close()
        for books in self._books.values():
            books.close()

    def _open(self, path: Path) -> Recording | Source | Bot4Error:
        """Recognise a recording; a plain table of bars is told by its source alone."""
        try:
            if is_ohlcv(path):
                return Source(path)
            recording = open_recording(path, market=self._market)
        except Bot4Error as error:
            return error
        if not self._is_refined:
            self._catalog.add_recorded(recording.instruments)
        return recording

    def _check(self, recording: Recording, progress: Callable[[], None]) -> None:
        file = self._findings.file
        file.format, file.compression, file.venue = (
            recording.format.value,
            recording.source.compression,
            recording.venue,
        )
        file.market = recording.market.value if recording.market is not None else ""
        file.symbols = list(recording.symbols)
        file.notes.extend(recording.notes)
        layout = recording.format
        if layout is RecordingFormat.RULES:
            file.instruments_found = len(recording.instruments)
            return
        if layout.is_csv_dump:
            self._dumps.check(recording, progress)
        elif layout.is_capture and recording.venue == "binance":
            frames = BinanceFrames(self._stream(recording), self._findings)
            check_capture(recording, frames, self._findings, progress)
        elif layout.is_capture:
            check_capture(recording, self._book_frames(recording.venue), self._findings, progress)
        else:
            check_labelled(recording, self._stream(recording), self._findings, progress)
        if recording.damage is not None:
            detail = str(recording.damage)
            self._findings.defect("damage", file.lines + 1, detail)

    def _stream(self, recording: Recording) -> StreamCheck:
        market = recording.market
        if market is None:
            raise ValueError(f"a Binance recording must have a market: {recording.path}")
        if market not in self._streams:
            self._streams[market] = StreamCheck(market, self._catalog, self._findings)
        return self._streams[market]

    def _book_frames(self, venue: str) -> BookFrames:
        if venue not in self._books:
            reader = self._readers[venue](self._catalog.of_venue(venue))
            self._books[venue] = BookFrames(reader, self._catalog, self._findings)
        return self._books[venue]
