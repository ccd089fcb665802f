"""Files into the archive: checked first, refused with their defects or taken as they are; nothing is mended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bot4.adapters.recordings.catalog import InstrumentCatalog
from bot4.adapters.recordings.check import RecordingCheck
from bot4.adapters.recordings.ohlcv import FORMAT, OffGridError, read_ohlcv
from bot4.adapters.recordings.pieces import bars_piece, dump_piece
from bot4.adapters.recordings.recognise import open_recording
from bot4.adapters.recordings.recording import RecordingFormat
from bot4.domain.errors import Bot4Error, ConfigError, DataError, NoInputError
from bot4.domain.instrument import Market
from bot4.dto.holdings import ImportedFile, ImportReport
from bot4.ports.archive import CaptureSeen, TakenFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bot4.adapters.recordings.check import ReaderMaker
    from bot4.adapters.recordings.recording import Recording
    from bot4.domain.instrument import Instrument
    from bot4.dto.data_check import FileReport
    from bot4.ports.archive import ArchiveWriter, Piece

# Rows are missing, or lie between two steps of today's grid: what is there is right all the same.
_BEARABLE = frozenset({"missing_bar", "trade_id_gap", "off_grid"})
_HOLES = ("missing_bar", "trade_id_gap", "sequence_gap")
_HASH_BYTES = 1 << 20
_FINEST = Decimal("1E-8")


class Taking:
    """One import of any number of files. One thread; used once.

    Parameters
    ----------
    archive : ArchiveWriter
        Where they go.
    readers : mapping of str to callable
        Readers of venues with in-band snapshots, for the check.
    instrument_files : sequence of Path
        Rules that win over recorded and bundled ones.
    market : Market, optional
        Of files that do not say theirs.
    now_utc : str
        Now, ISO 8601.

    """

    def __init__(
        self,
        archive: ArchiveWriter,
        readers: Mapping[str, ReaderMaker],
        *,
        instrument_files: Sequence[Path] = (),
        market: Market | None = None,
        now_utc: str,
    ) -> None:
        self._archive = archive
        self._market = market
        self._now_utc = now_utc
        self._catalog = InstrumentCatalog(instrument_files)
        self._check = RecordingCheck(readers, instrument_files=instrument_files, market=market, listed_max=0)

    def run(
        self, paths: Sequence[Path], progress: Callable[[int, int], None] = lambda _done, _total: None
    ) -> ImportReport:
        """Take the files in, those that continue each other in that order; a refused one does not stop the others.

        Parameters
        ----------
        paths : sequence of Path
            Captures, Binance dumps, plain tables of bars, instrument rules.
        progress : callable
            Told the bytes done and the bytes there are: each file is read twice, to check it and to take it in.

        """
        known = {path: file for path in paths if (file := self._known(path)) is not None}
        unknown = [path for path in paths if path not in known]
        total = 2 * sum(path.stat().st_size for path in unknown if path.is_file())
        found = self._check.run(unknown, lambda done, _: progress(done, total))
        checks = dict(zip(unknown, found.files, strict=True))
        report = ImportReport(self._archive.name)
        done = total // 2
        for path in paths:
            if path in known:
                report.files.append(known[path])
                continue
            report.files.append(self._take(path, checks[path]))
            done += path.stat().st_size if path.is_file() else 0
            progress(done, total)
        return report

    def _known(self, path: Path) -> ImportedFile | None:
        """Return what is said of a file whose very content was taken in before: it is not read again."""
        try:
            held = self._archive.holding(_digest(path))
        except NoInputError:
            return None  # the check says what is wrong with it
        if held is None:
            return None
        names, rows = held
        return ImportedFile(str(path), "known", list(names), rows)

    def _take(self, path: Path, checked: FileReport) -> ImportedFile:
        file = ImportedFile(str(path), defects=dict(checked.defects), notes=list(checked.notes))
        try:
            if checked.error:
                file.exit_code, file.error, file.outcome = checked.exit_code, checked.error, "refused"
            elif checked.format == FORMAT:
                self._bars(path, file)
            else:
                self._recording(path, file, checked)
        except Bot4Error as error:
            file.exit_code, file.error, file.outcome = error.exit_code, str(error), "refused"
        return file

    def _bars(self, path: Path, file: ImportedFile) -> None:
        instrument = self._catalog.require("binance", self._market or Market.SPOT, path.name.partition(".")[0])
        _refuse_unbearable(path, file)
        taken = self._import(path, FORMAT, file)
        instrument, piece = self._counted(instrument, lambda rules: bars_piece(read_ohlcv(path, rules).rows), file)
        self._rows(taken, instrument, piece, file)

    def _recording(self, path: Path, file: ImportedFile, checked: FileReport) -> None:
        recording = open_recording(path, market=self._market)
        self._catalog.add_recorded(recording.instruments)
        if recording.format is RecordingFormat.RULES or (recording.instruments and not recording.symbols):
            file.outcome = "rules"
            return
        taken = self._import(path, recording.format.value, file)
        if recording.format.is_capture:
            self._capture(taken, path, recording, file, checked)
            return
        if not recording.format.is_csv_dump:
            raise DataError(f"{path} ({recording.format.value}) can be checked by `bot4 data check`, not imported")
        _refuse_unbearable(path, file)
        instrument, piece = self._counted(
            self._instrument(recording), lambda rules: dump_piece(open_recording(path), rules, lambda: None), file
        )
        self._rows(taken, instrument, piece, file)

    def _counted(
        self, instrument: Instrument, read: Callable[[Instrument], Piece], file: ImportedFile
    ) -> tuple[Instrument, Piece]:
        """Read rows on the grid they lie on: the archive's, or the rules', or a finer one where rules have changed.

        What venues wrote under older rules may lie between two of today's steps. Orders still move by those.
        """
        held = self._archive.rules(instrument)
        counted = held or instrument
        while True:
            try:
                piece = read(counted)
            except OffGridError as error:
                finer = None if held is not None else _finer(counted, error.grid)
                if finer is None:
                    raise
                counted = finer
            else:
                break
        if counted != (held or instrument):
            file.notes.append(
                f"{counted.symbol} is counted in ticks of {counted.tick_size} and lots of {counted.lot_size}: finer"
                " than the rules, it was written under older ones"
            )
        return counted, piece

    def _capture(
        self, taken: TakenFile, path: Path, recording: Recording, file: ImportedFile, checked: FileReport
    ) -> None:
        market = recording.market if recording.venue == "binance" else None
        if not recording.symbols:
            raise DataError(f"{path} names no instrument")
        instruments = [self._catalog.require(recording.venue, market, symbol) for symbol in recording.symbols]
        file.names = [f"{item.market.value}/{item.symbol}@capture" for item in instruments]
        file.rows = checked.messages
        if self._archive.holding(taken.digest) is not None:  # twice in this import
            file.outcome = "known"
            return
        gaps = sum(checked.defects.get(kind, 0) for kind in _HOLES)
        seen = CaptureSeen(checked.messages, checked.first_ns, checked.last_ns, gaps)
        self._archive.add_capture(taken, path, instruments, seen)
        file.rows_new = checked.messages

    def _rows(self, taken: TakenFile, instrument: Instrument, piece: Piece, file: ImportedFile) -> None:
        file.names, file.rows = [f"{instrument.market.value}/{instrument.symbol}@{piece.kind}"], len(piece.keys)
        unknown = self._archive.unknown_rows(instrument, piece)
        if unknown.any():
            new = piece if unknown.all() else piece.only(unknown)
            file.rows_new = self._archive.add_rows(taken, instrument, new)
        if not file.rows_new:
            file.outcome = "known"

    def _instrument(self, recording: Recording) -> Instrument:
        if recording.symbols:
            return self._catalog.require("binance", recording.market, recording.symbols[0])
        if (given := self._catalog.only_given()) is not None:
            return given
        raise ConfigError(
            f"{recording.path} does not tell its symbol by its name: name its rules with --instrument FILE"
        )

    def _import(self, path: Path, layout: str, file: ImportedFile) -> TakenFile:
        defects = json.dumps(file.defects)
        return TakenFile(_digest(path), path.name, str(path.resolve()), self._now_utc, layout, defects)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source:
            while part := source.read(_HASH_BYTES):
                digest.update(part)
    except OSError as error:
        raise NoInputError(f"{path} cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def _refuse_unbearable(path: Path, file: ImportedFile) -> None:
    """Raise a DataError where rows could only be kept by mending them."""
    if unbearable := {kind: count for kind, count in file.defects.items() if kind not in _BEARABLE}:
        told = ", ".join(f"{kind} {count:,}" for kind, count in unbearable.items())
        raise DataError(f"{path} has defects that would have to be mended: {told}; see bot4 data check")


def _finer(rules: Instrument, grid: str) -> Instrument | None:
    """Return rules with one more decimal of a grid; None beyond those a venue writes."""
    size = getattr(rules, grid).scaleb(-1)
    return None if size < _FINEST else replace(rules, **{grid: size})
