"""The leader's side of the mirror: what its journal holds, copied to the database behind it.

The journal's own files are the buffer. Where the database is slow or away, the copy falls behind and the leader goes
on; what a standby then lacks it asks the venue for. Rows carry the epoch of who wrote them, and a term says from where
in the journal an epoch counts: what a leader of before still writes is in nobody's way.
"""

from __future__ import annotations

import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import psycopg

from bot4.adapters.failover.journal_tail import JournalTail, Place
from bot4.adapters.failover.lease import connect

if TYPE_CHECKING:
    from pathlib import Path

    from bot4.adapters.failover.journal_tail import Piece

BATCH_BYTES = 1 << 18
_BATCHES = 16  # that are copied at once
_COLUMNS = "name, epoch, segment, at, last_seq, bytes"
_WRITE = f"INSERT INTO bot4_journal_mirror ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"  # noqa: S608 - our own text
_COPY = f"COPY bot4_journal_mirror ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
_TYPES = ("text", "int8", "int4", "int8", "int8", "bytea")


def begin_term(
    connection: psycopg.Connection[tuple[Any, ...]], name: str, epoch: int, run_id: str, start: Place
) -> None:
    """Note from where on in a run's journal an epoch's rows count; rows of other runs are forgotten."""
    with connection.transaction():
        connection.execute(
            "INSERT INTO bot4_terms VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (name, epoch, run_id, start.segment, start.at),
        )
        others = "SELECT epoch FROM bot4_terms WHERE name = %s AND run_id <> %s AND epoch < %s"
        connection.execute(
            f"DELETE FROM bot4_journal_mirror WHERE name = %s AND epoch IN ({others})",  # noqa: S608 - our own text
            (name, name, run_id, epoch),
        )
        connection.execute(
            "DELETE FROM bot4_terms WHERE name = %s AND run_id <> %s AND epoch < %s", (name, run_id, epoch)
        )


def mirrored_end(connection: psycopg.Connection[tuple[Any, ...]], name: str, run_id: str) -> Place:
    """Return how far a run's journal is in the mirror, by the newest of its epochs."""
    row = connection.execute(
        """SELECT COALESCE(m.segment, t.segment), COALESCE(m.at + length(m.bytes), t.at)
             FROM bot4_terms t LEFT JOIN bot4_journal_mirror m ON m.name = t.name AND m.epoch = t.epoch
            WHERE t.name = %s AND t.run_id = %s ORDER BY t.epoch DESC, m.segment DESC, m.at DESC LIMIT 1""",
        (name, run_id),
    ).fetchone()
    return Place() if row is None else Place(*row)


class MirrorWriter:
    """Copies one journal, on a thread of its own.

    Parameters
    ----------
    url, name : str
        Database and lease.
    epoch : int
        Of the lease that is held.
    run_id : str
    journal : Path
        Of that run.
    start : Place
        Where the term begins.
    interval_s : float
        Between two looks at the journal.
    ttl_s : float
        How long a statement may take.

    """

    def __init__(  # noqa: PLR0917 - what a mirror is of
        self,
        url: str,
        name: str,
        epoch: int,
        run_id: str,
        journal: Path,
        start: Place,
        *,
        interval_s: float,
        ttl_s: float,
    ) -> None:
        self._url, self._name, self._epoch, self._run_id, self._start = url, name, epoch, run_id, start
        self._tail = JournalTail(journal, start)
        self._interval_s, self._ttl_s = interval_s, ttl_s
        self._waiting: list[Piece] = []
        self._is_again = False  # what waits was sent before, and may be there
        self._stop = Event()
        self.bytes = 0
        self.failures = 0
        self.behind_s = 0.0  # the longest a piece has waited for the database
        self._thread = Thread(target=self._copy, name="bot4-mirror", daemon=True)

    def start(self) -> None:
        """Begin to copy."""
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Copy what is left, for so long at most, and end; whether nothing is left."""
        self._stop.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._waiting

    def _copy(self) -> None:
        while True:
            try:
                with connect(self._url, self._ttl_s) as connection:
                    begin_term(connection, self._name, self._epoch, self._run_id, self._start)
                    self._copy_on(connection)
            except psycopg.Error:
                self.failures += 1
                self._stop.wait(0.25)
            if self._stop.is_set():
                return

    def _copy_on(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        while True:
            is_last = self._stop.is_set()
            read_s = time.monotonic()
            while self._waiting or self._read():
                self._write(connection)
                self._is_again = False
                self.bytes += sum(len(piece.data) for piece in self._waiting)
                self._waiting = []
                self.behind_s = max(self.behind_s, time.monotonic() - read_s)
                read_s = time.monotonic()
            if is_last:
                return
            self._stop.wait(self._interval_s)

    def _read(self) -> bool:
        """Take what the journal has beyond the last piece, some batches of it at most; whether there is any."""
        while len(self._waiting) < _BATCHES and (piece := self._tail.read(BATCH_BYTES)) is not None:
            self._waiting.append(piece)
        return bool(self._waiting)

    def _write(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        """Write what waits: a piece by one statement, many by COPY, what may be there already by one that minds it."""
        rows = [
            (self._name, self._epoch, piece.place.segment, piece.place.at, piece.last_seq, piece.data)
            for piece in self._waiting
        ]
        is_again, self._is_again = self._is_again, True
        with connection.cursor(binary=True) as cursor:
            if is_again or len(rows) == 1:
                cursor.executemany(_WRITE, rows)
                return
            with cursor.copy(_COPY) as copy:
                copy.set_types(_TYPES)
                for row in rows:
                    copy.write_row(row)
