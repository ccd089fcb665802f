"""A process that leads: its lease, and the mirror of its journal."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from bot4._core.journal.record import JournalKind
from bot4.adapters.failover.journal_tail import Place, journal_end, seal_record
from bot4.adapters.failover.lease import FailoverError, Lease, connect, make_tables
from bot4.adapters.failover.lease_keeper import LeaseKeeper
from bot4.adapters.failover.mirror_writer import MirrorWriter, mirrored_end
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from bot4.config import FailoverSettings
    from bot4.dto.adopted import AdoptedRecord

# How far two monotonic clocks' seconds, and a server's stamp, may be apart: added to how long a fence lasts.
_CLOCK_S = 0.1
_STOP_S = 2.0
_INTENT = int(JournalKind.JOURNAL_INTENT)


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """What is led, by whom, and at which database."""

    url: str
    name: str
    holder: str
    settings: FailoverSettings

    @property
    def ttl_s(self) -> float:
        """How long the lease lasts."""
        return self.settings.ttl_ms / 1_000

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection; raises `psycopg.Error`."""
        return connect(self.url, self.ttl_s)


class PostgresLeadership:
    """The `Leadership` of a lease that was taken.

    Parameters
    ----------
    terms : LeaseTerms
    epoch : int
        Of the lease.
    taken_s : float
        Monotonic time before it was asked for.
    fence_until_s : float
        Monotonic time before which an earlier leader's requests may still be taken; 0 where there was none.

    """

    def __init__(self, terms: LeaseTerms, epoch: int, taken_s: float, *, fence_until_s: float = 0.0) -> None:
        self._terms = terms
        self.epoch = epoch
        self.fence_until_s = fence_until_s
        settings = terms.settings
        self._keeper = LeaseKeeper(
            terms.url,
            terms.name,
            terms.holder,
            epoch,
            taken_s,
            ttl_s=terms.ttl_s,
            renew_s=settings.renew_ms / 1_000,
            unready_s=settings.unready_ms / 1_000,
        )
        self._start = Place()
        self._mirror: MirrorWriter | None = None
        self._adopted = 0
        self._is_over = False
        self._keeper.start()

    def may_send(self) -> bool:
        """Whether the lease is ours for certain."""
        return self._keeper.is_valid()

    def why_closed(self) -> str | None:
        """Return why nothing may be opened, or None."""
        if self._keeper.is_valid():
            return None
        if self._keeper.is_lost:
            return "another process has taken the lease"
        return "the lease has run out" + (f": {self._keeper.why}" if self._keeper.why else "")

    def is_lost(self) -> bool:
        """Whether another process has taken it."""
        return self._keeper.is_lost

    def beat(self, *, is_ready: bool) -> None:
        """Take a sign of life."""
        self._keeper.beat(is_ready=is_ready)

    def rest(self) -> None:
        """Expect none while the run is brought to its end."""
        self._keeper.rest()

    def go_on(self, journal: Path) -> tuple[int, int]:
        """Find where the mirror of an earlier life's journal and its file agree; returns its last sequence and epoch.

        Raises
        ------
        FailoverError
            The database does not answer.

        """
        end, last_seq, last_epoch = journal_end(journal)
        try:
            with self._terms.connect() as connection:
                self._start = min(end, mirrored_end(connection, self._terms.name, journal.parent.name))
        except psycopg.Error as error:
            raise FailoverError(f"the database of the lease: {error}") from None
        return last_seq, last_epoch

    def write_adopted(self, journal: Path, records: Sequence[AdoptedRecord]) -> None:
        """Put records that were lost behind a journal's end, before it is opened again."""
        if not records:
            return
        end, _, _ = journal_end(journal)
        path = journal if end.segment == 0 else journal.with_name(f"{journal.name}.{end.segment}")
        with path.open("r+b") as file:
            file.truncate(end.at)
            file.seek(end.at)
            file.writelines(_sealed(records))
        self._adopted = sum(record.kind == _INTENT for record in records)

    def begin(self, run_id: str, journal: Path) -> None:
        """Begin to copy a run's journal."""
        interval_s = self._terms.settings.mirror_interval_ms / 1_000
        self._mirror = MirrorWriter(
            self._terms.url,
            self._terms.name,
            self.epoch,
            run_id,
            journal,
            self._start,
            interval_s=interval_s,
            ttl_s=self._terms.ttl_s,
        )
        self._mirror.start()

    def end(self, *, in_order: bool) -> None:
        """Copy what is left, and let go."""
        if self._is_over:
            return
        self._is_over = True
        if self._mirror is not None:
            self._mirror.stop(_STOP_S)
        with contextlib.suppress(psycopg.Error):
            self._keeper.end(in_order=in_order)

    @property
    def notes(self) -> tuple[str, ...]:
        """How it led."""
        mirror = self._mirror
        copied = "" if mirror is None else f", {mirror.bytes} bytes of journal copied"
        behind = "" if mirror is None else f", {mirror.behind_s:.3f} s behind at most"
        adopted = f", {self._adopted} orders found at the venue that the copy lacked" if self._adopted else ""
        took = "took over" if self.fence_until_s else "led"
        return (f"{took} as epoch {self.epoch} of {self._terms.name}{copied}{behind}{adopted}",)


def take_lease(terms: LeaseTerms, last_epoch: int, *, has_unfinished: bool) -> PostgresLeadership:
    """Take the lease of a leader that is started by hand.

    Parameters
    ----------
    terms : LeaseTerms
        What is to be led.
    last_epoch : int
        Of the data directory.
    has_unfinished : bool
        Whether a run of it has not ended.

    Raises
    ------
    FailoverError
        The database does not answer, or another process leads.
    ConfigError
        Another process has led since: what is in this data directory is not the newest.

    """
    try:
        with terms.connect() as connection:
            make_tables(connection)
            lease = Lease(connection, terms.name, terms.holder, terms.ttl_s)
            deadline = time.monotonic() + terms.ttl_s + 1.0
            while True:
                row = lease.look()
                if row is not None and row.epoch != last_epoch and (has_unfinished or not row.is_released):
                    if row.left_s > 0:
                        raise FailoverError(f"{row.holder} leads {terms.name}: start this one with --standby")
                    raise ConfigError(
                        f"{row.holder} has led {terms.name} since: start with --standby, which catches up"
                    )
                asked_s = time.monotonic()
                if (epoch := lease.take(last_epoch + 1)) is not None:
                    return PostgresLeadership(terms, epoch, asked_s)
                if time.monotonic() > deadline:
                    raise FailoverError(f"the lease of {terms.name} is held: start this one with --standby")
                time.sleep(0.05)
    except psycopg.Error as error:
        raise FailoverError(f"the database of the lease: {' '.join(str(error).split())}") from None


def fence_end(ended_s: float, recv_window_ms: int) -> float:
    """Return until when requests of the leader before may be taken: stamped before its lease ended, and not older."""
    return ended_s + recv_window_ms / 1_000 + _CLOCK_S


def _sealed(records: Iterable[AdoptedRecord]) -> Iterable[bytes]:
    for record in records:
        yield seal_record(
            seq=record.seq,
            epoch=record.epoch,
            kind=record.kind,
            mono_ns=record.wall_ns,
            wall_ns=record.wall_ns,
            payload=record.payload,
        )
