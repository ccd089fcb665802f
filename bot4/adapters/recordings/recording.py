"""Recorded files, recognised by their content and streamed.

    recording = open_recording(Path("btcusdt_20240808.gz"))
    for chunk in recording.chunks():
        ...   # whole lines

Recognition reads the first megabytes only. What it cannot name is refused with a `DataError` that says what was seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from bot4.adapters.recordings.source import CHUNK_BYTES, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bot4.adapters.recordings.source import Damage
    from bot4.domain.instrument import Instrument, Market


class RecordingFormat(Enum):
    """The layouts read here; the value is what reports call them."""

    STAMPED = "frames with an integer stamp"
    CRYPTOFEED = "cryptofeed lines"
    BARE = "bare JSON frames"
    CSV_TRADES = "Binance trades CSV"
    CSV_AGG_TRADES = "Binance aggTrades CSV"
    CSV_KLINES = "Binance klines CSV"
    LABELLED_DEPTH = "binance-data-processor depth CSV"
    LABELLED_TRADES = "binance-data-processor trades CSV"
    LABELLED_SNAPSHOT = "binance-data-processor snapshot CSV"
    RULES = "instrument rules"

    @property
    def is_capture(self) -> bool:
        """Raw frames, one a line, for the capture splitter."""
        return self in _CAPTURES

    @property
    def is_csv_dump(self) -> bool:
        """A public Binance dump, for `CsvRows`."""
        return self in _DUMPS

    @property
    def code(self) -> int:
        """The number the compiled splitter (`CaptureFormat`) or row reader (`CsvKind`) knows this format by.

        Raises
        ------
        ValueError
            A format no compiled reader takes.

        """
        for family in (_CAPTURES, _DUMPS):
            if self in family:
                return family.index(self)
        raise ValueError(f"{self.value} has no compiled reader")


_CAPTURES = (RecordingFormat.STAMPED, RecordingFormat.CRYPTOFEED, RecordingFormat.BARE)
_DUMPS = (RecordingFormat.CSV_TRADES, RecordingFormat.CSV_AGG_TRADES, RecordingFormat.CSV_KLINES)


@dataclass(slots=True, kw_only=True)
class Recording:
    """One recognised file. One thread; `chunks` may be taken once.

    Attributes
    ----------
    format : RecordingFormat
        The layout.
    venue : str
        ``binance``, ``kraken`` or ``okx``.
    market : Market or None
        Told by the frames, the address or the name; None for venues that name markets in their symbols.
    tells_market : bool
        Whether its content tells the market; where it does not, the folder's name or an assumption stands.
    symbols : tuple of str
        Seen in the part that was looked at: more may follow.
    instruments : tuple of Instrument
        Rules found in the file (a recorded exchangeInfo).
    has_depth, has_snapshot, has_trades, has_quotes, has_bars, has_marks : bool
        Seen in the part that was looked at.
    notes : tuple of str
        What had to be assumed.

    """

    path: Path
    source: Source
    format: RecordingFormat
    venue: str
    market: Market | None = None
    tells_market: bool = True
    symbols: tuple[str, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    has_depth: bool = False
    has_snapshot: bool = False
    has_trades: bool = False
    has_quotes: bool = False
    has_bars: bool = False
    has_marks: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def bytes_total(self) -> int:
        """Bytes of the file on disk."""
        return self.source.bytes_total

    @property
    def bytes_read(self) -> int:
        """Bytes of the file taken so far."""
        return self.source.bytes_read

    @property
    def damage(self) -> Damage | None:
        """Why the stream ended early; known once `chunks` is exhausted."""
        return self.source.damage

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """Yield the content in pieces of about `size` bytes, each ending at a line end."""
        return self.source.chunks(size)


class RecordingSet:
    """Several recordings as one stream, in the order given.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one.

    """

    def __init__(self, recordings: Sequence[Recording]) -> None:
        if not recordings:
            raise ValueError("a recording set needs at least one recording")
        self.recordings = tuple(recordings)

    @property
    def bytes_total(self) -> int:
        """Bytes on disk of all files."""
        return sum(recording.bytes_total for recording in self.recordings)

    @property
    def bytes_read(self) -> int:
        """Bytes taken so far of all files."""
        return sum(recording.bytes_read for recording in self.recordings)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Rules found in any of the files."""
        return tuple(instrument for recording in self.recordings for instrument in recording.instruments)

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[tuple[Recording, bytes]]:
        """Yield (recording, whole lines) of one file after another."""
        for recording in self.recordings:
            for chunk in recording.chunks(size):
                yield recording, chunk
