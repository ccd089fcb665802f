"""Recordings of several instruments as one stream: line by line by their stamps, as one connection would tell them."""

from __future__ import annotations

from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from bot4._core.wire.capture import split_capture
from bot4.adapters.recordings.recording import RecordingFormat
from bot4.domain.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot4.adapters.recordings.recording import Recording

    Line = tuple[int, int, Recording, bytes]

_US_DIGITS = 16
# Of a row of a dump: the column of the time at which it is told.
_TIME_COLUMNS = {RecordingFormat.CSV_TRADES: 4, RecordingFormat.CSV_AGG_TRADES: 5, RecordingFormat.CSV_KLINES: 6}


def by_instrument(recordings: Sequence[Recording]) -> list[list[Recording]]:
    """Return chains of recordings, one for each instrument; a single one where they do not lie apart by symbol."""
    chains: dict[tuple[str, ...], list[Recording]] = {}
    for recording in recordings:
        chains.setdefault(recording.symbols, []).append(recording)
    symbols = [symbol for names in chains for symbol in names]
    if () in chains or len(set(symbols)) < len(symbols):
        return [list(recordings)]
    return list(chains.values())


def merged_chunks(chains: Sequence[Sequence[Recording]]) -> Iterator[tuple[Recording, bytes]]:
    """Yield whole lines by their stamps; of equal stamps those of the chain that was given first go first.

    Raises
    ------
    DataError
        A recording's lines have no stamps.

    """
    lines = merge(*(_chain(number, chain) for number, chain in enumerate(chains)), key=itemgetter(0, 1))
    for _, group in groupby(lines, key=lambda line: id(line[2])):
        run = list(group)
        yield run[0][2], b"".join(line for _, _, _, line in run)


def _chain(number: int, recordings: Sequence[Recording]) -> Iterator[Line]:
    """Yield stamp, number, recording and line; what has no stamp of its own stays behind the line before it."""
    last_ns = 0
    for recording in recordings:
        if recording.format is RecordingFormat.BARE:
            raise DataError(f"{recording.path}: frames without stamps are not merged with another instrument's")
        for chunk in recording.chunks():
            for stamp_ns, line in _lines(recording, chunk):
                last_ns = max(last_ns, stamp_ns)
                yield last_ns, number, recording, line


def _lines(recording: Recording, chunk: bytes) -> Iterator[tuple[int, bytes]]:
    if recording.format.is_capture:
        rows = split_capture(chunk, recording.format.code)
        ends = [row[1] for row in rows[1:]] + [len(chunk)]
        for row, end in zip(rows, ends, strict=True):
            yield row[2], chunk[row[1] : end]
        return
    column = _TIME_COLUMNS[recording.format]
    for line in chunk.splitlines(keepends=True):
        fields = line.split(b",", column + 1)
        text = fields[column].strip() if len(fields) > column else b""
        unit = 1_000 if len(text) >= _US_DIGITS else 1_000_000
        yield int(text) * unit if text.isdigit() else 0, line
