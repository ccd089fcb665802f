"""Who waits to lead: keeps a copy of the leader's journal, and takes the lease once it has run out."""

from __future__ import annotations

import math
import time
from threading import Event
from typing import TYPE_CHECKING

import psycopg

from bot4.adapters.failover.leadership import PostgresLeadership, fence_end
from bot4.adapters.failover.lease import Lease, make_tables
from bot4.domain.errors import Bot4Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot4.adapters.failover.leadership import LeaseTerms
    from bot4.adapters.failover.mirror_reader import MirrorReader

_RETRY_S = 0.25


class Standby:
    """Waits until the leader has failed.

    It takes over only a lease that nobody renewed for its whole length, by this process's own monotonic clock and over
    one unbroken connection: a database that comes back finds its leader first, and one whose clock is set makes no
    second leader. A lease that was given up is taken at once.

    Parameters
    ----------
    terms : LeaseTerms
    reader : MirrorReader
    last_epoch : int
        Of the data directory.
    recv_window_ms : int
        How long after its stamp a request may be taken by the venue.
    keep : callable
        Called at each look: keeps what makes a long run quick to go on with.
    can_trade : callable
        Asked before the lease is taken; raises where the venue cannot be reached from here, or trading was killed.
    say : callable
        Takes a line whenever things change.

    `wait` is called by one thread, `stop` by any.

    """

    def __init__(
        self,
        terms: LeaseTerms,
        reader: MirrorReader,
        *,
        last_epoch: int,
        recv_window_ms: int,
        keep: Callable[[], None],
        can_trade: Callable[[], object],
        say: Callable[[str], None],
    ) -> None:
        self._terms, self._reader = terms, reader
        self._last_epoch = last_epoch
        self._recv_window_ms = recv_window_ms
        self._keep = keep
        self._can_trade = can_trade
        self._say = say
        self._said = ""
        self._patience_s = terms.ttl_s
        self._stop = Event()

    def stop(self) -> None:
        """End the waiting."""
        self._stop.set()

    def wait(self) -> PostgresLeadership | None:
        """Return the leadership once it was taken, None where it was stopped before."""
        while not self._stop.is_set():
            try:
                with self._terms.connect() as connection:
                    make_tables(connection)
                    if (taken := self._follow(connection)) is not None:
                        return taken
            except psycopg.Error as error:
                self._tell(f"the database does not answer, nothing is taken over: {' '.join(str(error).split())}")
                self._stop.wait(_RETRY_S)
        return None

    def _follow(self, connection: psycopg.Connection[tuple[object, ...]]) -> PostgresLeadership | None:
        lease = Lease(connection, self._terms.name, self._terms.holder, self._terms.ttl_s)
        seen, since_s = "", time.monotonic()
        while not self._stop.is_set():
            self._reader.catch_up(connection)
            self._keep()
            row = lease.look()
            now_s = time.monotonic()
            if row is not None and row.expires_at != seen:
                seen, since_s = row.expires_at, now_s
            if row is None or row.is_released:
                self._tell("nobody leads: waiting for a leader")
            elif row.left_s > 0:
                self._tell(f"{row.holder} leads as epoch {row.epoch}, run {self._reader.run_id or 'not begun'}")
            elif row.left_s == -math.inf or now_s - since_s >= self._patience_s:
                fence_s = fence_end(min(now_s, since_s + self._terms.ttl_s), self._recv_window_ms)
                if (taken := self._take(lease, connection, fence_s)) is not None:
                    return taken
            self._stop.wait(self._terms.settings.mirror_interval_ms / 1_000)
        return None

    def _take(
        self, lease: Lease, connection: psycopg.Connection[tuple[object, ...]], fence_s: float
    ) -> PostgresLeadership | None:
        try:
            self._can_trade()
        except Bot4Error as error:
            self._tell(f"the leader has failed, and nothing is taken over: {error}")
            self._stop.wait(_RETRY_S)
            return None
        asked_s = time.monotonic()
        if (epoch := lease.take(self._last_epoch + 1)) is None:
            return None
        leadership = PostgresLeadership(self._terms, epoch, asked_s, fence_until_s=fence_s)
        try:
            self._reader.catch_up(connection)
            if self._reader.copy is not None:
                self._reader.copy.sync()
        except psycopg.Error:
            pass  # what is not copied the venue is asked for
        except BaseException:
            leadership.end(in_order=False)
            raise
        self._tell(f"took over as epoch {epoch}")
        return leadership

    def _tell(self, line: str) -> None:
        if line != self._said:
            self._said = line
            self._say(f"standby: {line}")
