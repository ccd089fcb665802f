"""The standby's side of the mirror: the leader's journal again, byte by byte, in a data directory of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bot4._core.journal.files import segment_path, sync_folder
from bot4.adapters.failover.journal_tail import JournalTail, Place
from bot4.domain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

_TERMS = "SELECT epoch, run_id, segment, at FROM bot4_terms WHERE name = %s ORDER BY epoch"
_ROWS = """
SELECT segment, at, bytes FROM bot4_journal_mirror
 WHERE name = %s AND epoch = %s AND (segment, at) >= (%s, %s) ORDER BY segment, at LIMIT 4
"""


class MirrorGapError(FatalError):
    """The mirror lacks a part of the journal: a standby of it would know less than it has to."""


class _Term(NamedTuple):
    epoch: int
    run_id: str
    start: Place


class JournalCopy:
    """A journal that is written as its leader wrote it.

    Parameters
    ----------
    folder : Path
        Of the run; made where it is not there.
    name : str
        Of the journal's first file.

    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / name
        tail = JournalTail(self.path)
        self.end = tail.to_end()
        self.last_epoch = tail.last_epoch
        self._cut()

    def append(self, place: Place, data: bytes) -> None:
        """Write what comes next."""
        if place != self.end and place != Place(self.end.segment + 1, 0):
            raise MirrorGapError(f"the mirror of {self.path.name} goes on at {place}, the copy ends at {self.end}")
        with self._segment(place.segment).open("r+b" if place.at else "w+b") as file:
            file.seek(place.at)
            file.write(data)
        self.end = Place(place.segment, place.at + len(data))

    def cut_back(self, place: Place) -> None:
        """Forget what lies behind a place, and what was made of it: another leader's journal goes on there."""
        for snapshot in self.folder.glob("*.snapshot*"):
            snapshot.unlink()
        self.end = place
        self._cut()

    def sync(self) -> None:
        """Wait until it is on the disk."""
        for segment in range(self.end.segment + 1):
            if self._segment(segment).exists():
                file = os.open(self._segment(segment), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(file)
                finally:
                    os.close(file)
        if self.path.exists():
            sync_folder(str(self.path))

    def _cut(self) -> None:
        if self._segment(self.end.segment).exists():
            os.truncate(self._segment(self.end.segment), self.end.at)
        behind = self.end.segment + 1
        while self._segment(behind).exists():
            self._segment(behind).unlink()
            behind += 1

    def _segment(self, segment: int) -> Path:
        return Path(segment_path(str(self.path), segment))


class MirrorReader:
    """Follows the mirror of one lease.

    Parameters
    ----------
    name : str
        Of the lease.
    runs : Path
        Where runs have their folders.
    journal_name : str
    on_cut : callable
        Told the run whose copy was cut back: tables made of it are wrong from there on.

    One thread. `copy` is the journal of the newest run, None before there is one.

    """

    def __init__(self, name: str, runs: Path, journal_name: str, on_cut: Callable[[str], None]) -> None:
        self._name, self._runs, self._journal_name, self._on_cut = name, runs, journal_name, on_cut
        self._known_epoch = 0  # of the term whose rows the copy was made of last
        self.copy: JournalCopy | None = None

    @property
    def run_id(self) -> str | None:
        """The run that is followed."""
        return None if self.copy is None else self.copy.folder.name

    def catch_up(self, connection: psycopg.Connection[tuple[Any, ...]]) -> int:
        """Copy all there is; returns how many bytes that were."""
        terms = [_Term(row[0], row[1], Place(row[2], row[3])) for row in connection.execute(_TERMS, (self._name,))]
        if not terms:
            return 0
        run_id = terms[-1].run_id
        if self.copy is None or self.run_id != run_id:
            self.copy = JournalCopy(self._runs / run_id, self._journal_name)
            self._known_epoch = self.copy.last_epoch
        mine = [term for term in terms if term.run_id == run_id]
        copied = 0
        for index, term in enumerate(mine):
            last = index + 1 == len(mine)
            if not last and mine[index + 1].epoch <= self._known_epoch:
                continue  # what was before is copied
            copied += self._copy_term(connection, term, None if last else mine[index + 1].start)
        return copied

    def _copy_term(self, connection: psycopg.Connection[tuple[Any, ...]], term: _Term, until: Place | None) -> int:
        copy = self.copy
        assert copy is not None  # noqa: S101 - `catch_up` has made it
        if term.epoch > self._known_epoch:
            if copy.end > term.start:
                copy.cut_back(term.start)
                self._on_cut(copy.folder.name)
            elif copy.end < term.start:
                raise MirrorGapError(f"epoch {term.epoch} begins at {term.start}, the mirror ends at {copy.end}")
            self._known_epoch = term.epoch
        copied = 0
        while until is None or copy.end < until:
            rows = connection.execute(
                _ROWS, (self._name, term.epoch, copy.end.segment, copy.end.at), binary=True
            ).fetchall()
            if not rows:
                break
            for segment, at, data in rows:
                place = Place(segment, at)
                if until is not None and place >= until:
                    break
                kept = data[: until.at - at] if until is not None and segment == until.segment else data
                copy.append(place, kept)
                copied += len(kept)
            else:
                continue
            break
        return copied
