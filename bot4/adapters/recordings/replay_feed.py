"""Recorded files as the source of a session: opened, recognised, and pushed through the compiled feed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot4.adapters.recordings.catalog import InstrumentCatalog
from bot4.adapters.recordings.mark_prices import MarkPrices
from bot4.adapters.recordings.merged import by_instrument, merged_chunks
from bot4.adapters.recordings.recognise import open_recording
from bot4.adapters.recordings.recording import RecordingFormat, RecordingSet
from bot4.domain.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from bot4._core.engine.feed import Feed
    from bot4.adapters.recordings.recording import Recording
    from bot4.domain.instrument import Instrument, Market

_US_DIGITS = 16
_PART_BYTES = 64 << 10


class ReplayFeed:
    """Recordings of one Binance market, chained in the order given; those of several instruments merged by time.

    Parameters
    ----------
    paths : sequence of Path
        Captures of raw frames and public CSV dumps; files of instrument rules may stand among them.
    instrument_files : sequence of Path
        Rules that win over recorded and bundled ones.
    instruments : sequence of Instrument
        Rules known from elsewhere, as recorded ones are.
    market : Market, optional
        Of files that do not say theirs.

    Raises
    ------
    NoInputError, DataError
        A file is missing, empty, unrecognised, of another venue, or of another market than the files before it.
    ConfigError
        An instrument has no rules.

    """

    is_synthetic = False
    is_endless = False
    is_live = False
    connection: str | None = None

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        instrument_files: Sequence[Path] = (),
        instruments: Sequence[Instrument] = (),
        market: Market | None = None,
    ) -> None:
        opened = [open_recording(path, market=market) for path in paths]
        catalog = InstrumentCatalog(instrument_files, instruments)
        for recording in opened:
            catalog.add_recorded(recording.instruments)
        playable = [recording for recording in opened if recording.format is not RecordingFormat.RULES]
        if not playable:
            raise DataError(f"{paths[0]} holds instrument rules and no market data: there is nothing to replay")
        for recording in playable:
            _require_playable(recording)
        self._market = _common_market(playable, market)
        self._set = RecordingSet(playable)
        self._chains = by_instrument(playable)
        symbols = list(dict.fromkeys(symbol for recording in playable for symbol in recording.symbols))
        if not symbols:
            given = catalog.only_given()
            if given is None:
                raise ConfigError(f"{playable[0].path} names no instrument: give its rules with --instrument FILE")
            symbols = [given.symbol]
        self.instruments: tuple[Instrument, ...] = tuple(
            catalog.require("binance", self._market, symbol) for symbol in symbols
        )
        self._marks: MarkPrices | None = None
        self._bytes_fed = 0
        self._lanes = {instrument.symbol: lane for lane, instrument in enumerate(self.instruments)}
        self.name = " + ".join(Path(path).name for path in paths)
        self.notes = tuple(dict.fromkeys(note for recording in playable for note in recording.notes))

    @property
    def has_book(self) -> bool:
        """Whether quotes or depth were seen in the part that was looked at."""
        return any(recording.has_depth or recording.has_quotes for recording in self._set.recordings)

    @property
    def tells_rates(self) -> bool:
        """Whether mark prices, which tell funding rates, were seen in the part that was looked at."""
        return any(recording.has_marks for recording in self._set.recordings)

    def keep_rates(self) -> MarkPrices:
        """Read funding rates along with the rest when it is run; they are in what is returned then."""
        self._marks = MarkPrices(self.instruments)
        return self._marks

    @property
    def bar_interval_ns(self) -> int | None:
        """Length of the bars where the input is nothing but bars."""
        if any(recording.format is not RecordingFormat.CSV_KLINES for recording in self._set.recordings):
            return None
        return _bar_interval_ns(self._set.recordings[0])

    @property
    def progress(self) -> float | None:
        """Share of the bytes on disk whose content was fed."""
        return self._bytes_fed / self._set.bytes_total if self._set.bytes_total else None

    @property
    def damage(self) -> str | None:
        """The first file that ended before its end, and where."""
        for recording in self._set.recordings:
            if recording.damage is not None:
                return f"{recording.path}: {recording.damage}"
        return None

    def run(self, feed: Feed) -> None:
        """Push every file through `feed`, until the end or until it is stopped.

        Raises
        ------
        DataError
            Not one message of the input could be read.

        """
        begun: set[Path] = set()
        is_merged = len(self._chains) > 1
        for recording, chunk in merged_chunks(self._chains) if is_merged else self._set.chunks():
            before, after = self._bytes_fed, self._set.bytes_read
            for part, end in _parts(chunk):
                if feed.is_stopped:
                    return
                if recording.format.is_csv_dump:
                    grid = self._grid(recording)
                    feed.rows(part, recording.format.code, grid, first_line=recording.path not in begun)
                else:
                    if self._marks is not None:
                        self._marks.take(bytes(part))
                    feed.lines(part, recording.format.code, default_instrument=self._only_lane(recording))
                begun.add(recording.path)
                self._bytes_fed = before + (after - before) * end // len(chunk)
        if feed.is_stopped:
            return
        counters = feed.counters()
        refused = sum(counters["rejected"].values())
        # A bad row of a dump is a message that was refused; a bad line of a capture never became one.
        if counters["messages"] == 0 or refused >= counters["messages"] + counters["rejected"].get("bad_line", 0):
            raise DataError(f"{self.name}: no message could be read ({refused} refused: {counters['rejected']})")

    def _only_lane(self, recording: Recording) -> int:
        """Return the lane of a snapshot without a symbol: its file's only instrument's; -1 where there are several."""
        if len(recording.symbols) == 1:
            return self._lanes[recording.symbols[0]]
        return 0 if len(self.instruments) == 1 else -1

    def _grid(self, recording: Recording) -> tuple[int, int, int, int, int]:
        symbol = recording.symbols[0] if recording.symbols else self.instruments[0].symbol
        lane = self._lanes[symbol]
        instrument = self.instruments[lane]
        return (*_step(instrument.tick_size), *_step(instrument.lot_size), lane)


def _step(step: Decimal) -> tuple[int, int]:
    """Mantissa and decimals of a step, as the compiled grid takes it."""
    exponent = step.normalize().as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    return int(step.scaleb(decimals)), decimals


def _require_playable(recording: Recording) -> None:
    if recording.venue != "binance":
        raise DataError(
            f"{recording.path} is a recording of {recording.venue}: `bot4 run` replays Binance recordings, "
            "`bot4 data check` reads this one"
        )
    if not (recording.format.is_capture or recording.format.is_csv_dump):
        raise DataError(
            f"{recording.path} ({recording.format.value}) can be checked by `bot4 data check`, not replayed"
        )


def _common_market(recordings: Sequence[Recording], market: Market | None) -> Market | None:
    if market is not None:
        return market
    found = {recording.market: recording for recording in recordings if recording.market is not None}
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise DataError(f"{first.path} is of {one.value} and {second.path} of {other.value}: a replay is of one market")
    return next(iter(found), None)


def _parts(chunk: bytes) -> Iterator[tuple[memoryview, int]]:
    """Yield whole lines of about 64 KiB and where they end, so that a paced feed can tell how far it is."""
    view, start = memoryview(chunk), 0
    while start < len(chunk):
        end = chunk.find(b"\n", start + _PART_BYTES) + 1 or len(chunk)
        yield view[start:end], end
        start = end


def _bar_interval_ns(recording: Recording) -> int:
    """Time from the open to the close stamp of the first bar, both inclusive."""
    head = next(iter(open_recording(recording.path).chunks()), b"")
    for line in head.splitlines()[:2]:
        columns = line.split(b",")
        if columns[0].isdigit() and len(columns) > 6 and columns[6].isdigit():  # noqa: PLR2004 - close_time's column
            unit_ns = 1_000 if len(columns[0]) >= _US_DIGITS else 1_000_000
            return (int(columns[6]) - int(columns[0]) + 1) * unit_ns
    raise DataError(f"{recording.path} begins with no bar")
