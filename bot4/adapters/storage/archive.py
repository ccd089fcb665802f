"""Market data on the disk: arrays that a backtest reads in place, captures as they were recorded, and their index."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Self

import numpy as np

from bot4.adapters.storage.archive_index import ArchiveIndex, Entry
from bot4.domain.errors import ConfigError, DataError, NoInputError, OutputError
from bot4.domain.instrument import Instrument, Market
from bot4.dto.holdings import Holding
from bot4.dto.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

    from numpy.typing import NDArray

    from bot4.ports.archive import CaptureSeen, Piece, TakenFile

INDEX_NAME = "index.sqlite"
CAPTURE = "capture"
_MARKETS = frozenset(market.value for market in Market)
# A table without them holds zeros there: that is no contradiction to one that has them.
_OPTIONAL = ("taker_buy_lots", "trade_count")


@dataclass(frozen=True, slots=True)
class Selection:
    """What a backtest runs over: rows of one instrument, or captures."""

    instrument: Instrument
    kind: str
    rows: NDArray[np.void] | None
    captures: tuple[Path, ...]
    notes: tuple[str, ...]


class MarketArchive:
    """A folder of market data. A context manager.

    Parameters
    ----------
    folder : Path
        Made where it is not there and `is_new` allows it.
    is_new : bool
        Whether it may be made.

    Raises
    ------
    NoInputError
        It is not there.
    OutputError
        It cannot be made.
    StoreError
        Its index cannot be read.

    """

    def __init__(self, folder: Path, *, is_new: bool = False) -> None:
        self.folder = folder
        if is_new:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"archive {folder} cannot be made: {error.strerror}") from None
        elif not (folder / INDEX_NAME).exists():
            raise NoInputError(f"there is no archive in {folder}: bot4 data import makes one")
        self.index = ArchiveIndex(folder / INDEX_NAME)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.index.close()

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.folder)

    # -- taking in -----------------------------------------------------------------------------------------------------

    def holding(self, digest: str) -> tuple[tuple[str, ...], int] | None:
        """Return the names and rows that a file of this content gave; None where none was taken in."""
        entries = self.index.entries(digest=digest)
        if not entries:
            return None
        names = tuple(f"{entry.market}/{entry.symbol}@{entry.kind}" for entry in entries)
        return names, max(entry.rows for entry in entries)

    def rules(self, instrument: Instrument) -> Instrument | None:
        """Return the rules that an instrument's rows here count in; None where there are none yet."""
        place = instrument.venue, instrument.market.value
        if all(
            (entry.venue, entry.market) != place or entry.kind == CAPTURE
            for entry in self.index.entries(instrument.symbol)
        ):
            return None
        return self.index.instrument(*place, instrument.symbol)

    def unknown_rows(self, instrument: Instrument, piece: Piece) -> NDArray[np.bool_]:
        """Mark the rows that are not here yet.

        Raises
        ------
        DataError
            A row that is here already says something else.
        ConfigError
            The instrument's rows here count in another grid.

        """
        held = self.rules(instrument)
        if held is not None and (held.tick_size, held.lot_size) != (instrument.tick_size, instrument.lot_size):
            raise ConfigError(
                f"the archive holds {instrument.symbol} in ticks of {held.tick_size} and lots of {held.lot_size}, these"
                f" are of {instrument.tick_size} and {instrument.lot_size}"
            )
        unknown = np.ones(len(piece.keys), np.bool_)
        for entry in self._entries(instrument, piece.kind):
            if entry.last_key < piece.keys[0] or entry.first_key > piece.keys[-1]:
                continue
            rows, keys = self._load(entry)
            places = np.minimum(np.searchsorted(keys, piece.keys), len(keys) - 1)
            known = keys[places] == piece.keys
            differs = ~_agree(piece.rows, rows[places]) & known
            if differs.any():
                row = int(differs.argmax())
                name = self.index.names()[entry.digest]
                raise DataError(f"row {row + 1} says something else than {name} did: {piece.rows[row]}")
            unknown &= ~known
        return unknown

    def add_rows(self, taken: TakenFile, instrument: Instrument, piece: Piece) -> int:
        """Keep rows that are not here yet; they are on the disk before the index names them. Returns how many."""
        first_ns, last_ns = piece.span
        stem = f"{np.datetime64(first_ns, 'ns').astype('datetime64[s]').item():%Y%m%dT%H%M%S}-{taken.digest[:12]}"
        folder = f"{instrument.venue}/{instrument.market.value}/{_safe(instrument.symbol)}/{piece.kind}"
        size = self._write(f"{folder}/{stem}.npy", lambda file: np.save(file, piece.rows))
        size += self._write(f"{folder}/{stem}.keys.npy", lambda file: np.save(file, piece.keys))
        gaps, missing = _gaps(piece.keys, _step(piece.rows))
        entry = Entry(
            venue=instrument.venue, market=instrument.market.value, symbol=instrument.symbol, kind=piece.kind,
            digest=taken.digest, file=f"{folder}/{stem}.npy", bytes=size, rows=len(piece.rows), first_ns=first_ns,
            last_ns=last_ns, first_key=int(piece.keys[0]), last_key=int(piece.keys[-1]), gaps=gaps, missing=missing,
        )  # fmt: skip
        self.index.add(taken, [entry], [instrument], has_rows=True)
        return len(piece.rows)

    def add_capture(self, taken: TakenFile, path: Path, instruments: Sequence[Instrument], seen: CaptureSeen) -> None:
        """Keep a capture as it is; `seen` has what was counted in it, and is repeated for each instrument."""
        target = f"captures/{taken.digest[:12]}-{path.name}"
        with path.open("rb") as source:
            size = self._write(target, lambda file: shutil.copyfileobj(source, file, 1 << 20))
        entries = [
            Entry(
                venue=item.venue, market=item.market.value, symbol=item.symbol, kind=CAPTURE, digest=taken.digest,
                file=target, bytes=size, rows=seen.messages, first_ns=seen.first_ns, last_ns=seen.last_ns, first_key=0,
                last_key=0, gaps=seen.gaps, missing=0,
            )
            for item in instruments
        ]  # fmt: skip
        self.index.add(taken, entries, instruments, has_rows=False)

    # -- looking up ----------------------------------------------------------------------------------------------------

    def holdings(self) -> list[Holding]:
        """Return what there is, a line for each instrument and kind."""
        names = self.index.names()
        found = []
        for key, group in groupby(self.index.entries(), attrgetter("venue", "market", "symbol", "kind")):
            entries = list(group)
            gaps, missing = self._gaps(entries)
            found.append(
                Holding(
                    *key,
                    first_ns=min(entry.first_ns for entry in entries),
                    last_ns=max(entry.last_ns for entry in entries),
                    rows=sum(entry.rows for entry in entries),
                    gaps=gaps,
                    missing=missing,
                    bytes=sum(entry.bytes for entry in entries),
                    sources=tuple(names[entry.digest] for entry in entries),
                )
            )
        return found

    def select(self, name: str, *, from_ns: int | None = None, to_ns: int | None = None) -> Selection:
        """Return what a name stands for: ``[MARKET/]SYMBOL[@KIND]``, of ``from_ns <= stamp < to_ns``.

        Rows of one file are read where they lie; of several, or of files that overlap, they are put together. Captures
        are taken whole.

        Raises
        ------
        NoInputError
            There is no such data, or none of that period.
        ConfigError
            The name stands for several.

        """
        market, symbol, kind = parts_of(name)
        found = [
            holding
            for holding in self.holdings()
            if holding.symbol == symbol and kind in ("", holding.kind) and market in ("", holding.market)
        ]
        if len(found) > 1:
            raise ConfigError(f"{name} stands for {', '.join(holding.name for holding in found)}: name one of them")
        if not found:
            held = ", ".join(sorted({holding.name for holding in self.holdings()})) or "nothing"
            raise NoInputError(f"there is no file {name}, and {self.folder} holds no such name; it holds {held}")
        instrument = self.index.instrument(found[0].venue, found[0].market, symbol)
        assert instrument is not None  # noqa: S101 - rows are added with their rules
        begin, end = from_ns or 0, to_ns if to_ns is not None else 2**63 - 1
        entries = [
            entry
            for entry in self._entries(instrument, found[0].kind)
            if entry.first_ns < end and entry.last_ns >= begin
        ]
        if found[0].kind == CAPTURE:
            return self._captures(name, instrument, entries, begin, end)
        rows, keys = self._rows(entries, begin, end)
        if len(rows) == 0:
            raise NoInputError(f"{self.folder} holds {name}, and nothing of that period")
        gaps, missing = _gaps(keys, _step(rows))
        notes = (f"{name}: {missing:,} rows are missing in {gaps:,} places of the period",) if gaps else ()
        return Selection(instrument, found[0].kind, rows, (), notes)

    def _captures(self, name: str, instrument: Instrument, entries: Sequence[Entry], begin: int, end: int) -> Selection:
        if not entries:
            raise NoInputError(f"{self.folder} holds {name}, and nothing of that period")
        is_cut = any(entry.first_ns < begin or entry.last_ns >= end for entry in entries)
        notes = (f"{name}: captures are taken whole, also before and after the period",) if is_cut else ()
        files = tuple(self.folder / entry.file for entry in _in_turn(entries))
        return Selection(instrument, CAPTURE, None, files, notes)

    def _rows(self, entries: Sequence[Entry], begin: int, end: int) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        parts = [self._part(entry, begin, end) for entry in entries]
        if not parts:
            return np.empty(0, Rows.BARS), np.empty(0, np.int64)
        if len(parts) == 1:
            return parts[0]
        rows, keys = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        if not (np.diff(keys) > 0).all():
            order = np.argsort(keys, kind="stable")
            rows, keys = rows[order], keys[order]
        return rows, keys

    def _part(self, entry: Entry, begin: int, end: int) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        rows, keys = self._load(entry)
        first, last = np.searchsorted(rows["open_ns" if rows.dtype == Rows.BARS else "venue_ns"], (begin, end))
        return rows[first:last], keys[first:last]

    def _entries(self, instrument: Instrument, kind: str) -> list[Entry]:
        return [
            entry
            for entry in self.index.entries(instrument.symbol)
            if (entry.venue, entry.market, entry.kind) == (instrument.venue, instrument.market.value, kind)
        ]

    def _load(self, entry: Entry) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        path = self.folder / entry.file
        try:
            rows = np.load(path, mmap_mode="r", allow_pickle=False)
            keys = np.load(path.with_suffix(".keys.npy"), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{path} of the archive cannot be read: {error}") from None
        if len(rows) != entry.rows or len(keys) != entry.rows:
            raise DataError(f"{path} holds {len(rows)} rows, the archive's index says {entry.rows}")
        return rows, keys

    def _gaps(self, entries: Sequence[Entry]) -> tuple[int, int]:
        """Count the places where rows are missing, and the rows: inside the files and between them."""
        gaps, missing = sum(entry.gaps for entry in entries), sum(entry.missing for entry in entries)
        if entries[0].kind == CAPTURE:
            return gaps, missing
        step = _step(self._load(entries[0])[0])
        if any(after.first_key <= before.last_key for before, after in pairwise(entries)):
            return _gaps(np.sort(np.concatenate([self._load(entry)[1] for entry in entries])), step)
        between = [after.first_key - before.last_key for before, after in pairwise(entries)]
        wide = [distance // step - 1 for distance in between]
        return gaps + sum(count > 0 for count in wide), missing + sum(wide)

    def _write(self, name: str, write: Callable[[BinaryIO], object]) -> int:
        """Write a file under its own name only when all of it is on the disk; returns its size."""
        path = self.folder / name
        fresh = path.with_name(path.name + ".new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            fresh.replace(path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise OutputError(f"{path} cannot be written: {error.strerror}") from None
        return size


def _agree(left: NDArray[np.void], right: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether rows say the same; what one of them does not tell is no contradiction."""
    agree = np.ones(len(left), np.bool_)
    for name in left.dtype.names or ():
        same = left[name] == right[name]
        agree &= same | (left[name] == 0) | (right[name] == 0) if name in _OPTIONAL else same
    return agree


def _gaps(keys: NDArray[np.int64], step: int) -> tuple[int, int]:
    missing = np.diff(keys) // step - 1
    return int((missing > 0).sum()), int(missing.sum())


def _in_turn(entries: Sequence[Entry]) -> list[Entry]:
    """Order captures by time, those of the same time (a snapshot and its stream) as they were imported."""
    groups: list[list[Entry]] = []
    until_ns = -1
    for entry in sorted(entries, key=attrgetter("first_ns")):
        if entry.first_ns > until_ns:
            groups.append([])
        groups[-1].append(entry)
        until_ns = max(until_ns, entry.last_ns)
    return [entry for group in groups for entry in sorted(group, key=attrgetter("number"))]


def _step(rows: NDArray[np.void]) -> int:
    """Return how far the keys of two rows lie apart where none is missing."""
    return int(rows["close_ns"][0] - rows["open_ns"][0]) if rows.dtype == Rows.BARS else 1


def parts_of(name: str) -> tuple[str, str, str]:
    """Return market, symbol and kind of a name; empty where it does not say."""
    whole, _, kind = name.partition("@")
    market, slash, symbol = whole.partition("/")
    return (market, symbol, kind) if slash and market in _MARKETS else ("", whole, kind)


def _safe(symbol: str) -> str:
    return symbol.replace("/", "-")
