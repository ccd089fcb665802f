"""The lease of a process that leads: renewed while it trades, believed only as long as its own clock allows."""

from __future__ import annotations

import contextlib
import time
from threading import Event, Thread
from typing import TYPE_CHECKING

import psycopg

from bot4.adapters.failover.lease import Lease, connect

if TYPE_CHECKING:
    from collections.abc import Callable

#: Of a lease's length: how much earlier than the database the leader itself holds it for over.
MARGIN = 0.1
_ENDING_S = 60.0
_LOOK_S = 0.05


class LeaseKeeper:
    """Keeps one lease, on a thread of its own.

    A renewal counts from before it was asked for, by the monotonic clock, and ends a tenth of its length early: the
    leader stops before the database lets anybody else begin, whatever becomes of either wall clock.

    Parameters
    ----------
    url : str
        Of the database.
    name, holder : str
        See `Lease`.
    epoch : int
        Of the lease that was taken.
    taken_s : float
        Monotonic time before it was asked for.
    ttl_s, renew_s : float
        Its length, and the time between two renewals.
    unready_s : float
        How long the venue may be out of reach before the lease is given up; where nobody takes it, it is renewed
        once the venue is back.

    """

    def __init__(
        self,
        url: str,
        name: str,
        holder: str,
        epoch: int,
        taken_s: float,
        *,
        ttl_s: float,
        renew_s: float,
        unready_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._name, self._holder = url, name, holder
        self.epoch = epoch
        self._ttl_s, self._renew_s, self._unready_s = ttl_s, renew_s, unready_s
        self._monotonic = monotonic
        self._valid_until_s = taken_s + ttl_s * (1.0 - MARGIN)
        self._heard_s: float | None = None
        self._stop = Event()
        self._lost = False
        self.failures = 0
        self.why = ""
        self._thread = Thread(target=self._keep, name="bot4-lease", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def is_valid(self) -> bool:
        """Whether the lease is ours for certain, by the clock alone."""
        return not self._lost and self._monotonic() < self._valid_until_s

    @property
    def is_lost(self) -> bool:
        """Whether another process has taken it."""
        return self._lost

    def beat(self, *, is_ready: bool) -> None:
        """Take a sign of life of whoever trades; from the first one on, renewals need them."""
        if is_ready:
            self._heard_s = self._monotonic()
        elif self._heard_s is None:
            self._heard_s = self._monotonic()  # it has begun, and has this long to get ready

    def rest(self) -> None:
        """Expect no sign of life while a run is brought to its end."""
        self._heard_s = self._monotonic() + _ENDING_S

    def end(self, *, in_order: bool) -> None:
        """Stop renewing; a lease that ends in order is given back."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(self._ttl_s + 1.0)
        if in_order and not self._lost:
            with contextlib.suppress(psycopg.Error), connect(self._url, self._ttl_s) as connection:
                self._lease(connection).let_go(self.epoch, in_order=True)

    # -- its thread

    def _keep(self) -> None:
        while not self._stop.is_set() and not self._lost:
            try:
                with connect(self._url, self._ttl_s) as connection:
                    self._renew_on(self._lease(connection))
            except psycopg.Error as error:
                self.failures += 1
                self.why = " ".join(str(error).split())
                self._stop.wait(min(self._renew_s, 0.25))

    def _renew_on(self, lease: Lease) -> None:
        next_s = 0.0
        while not self._stop.is_set():
            asked_s = self._monotonic()
            if self._is_wanted():
                if asked_s >= next_s:
                    if not lease.renew(self.epoch):
                        self._lost = True
                        return
                    self._valid_until_s = asked_s + self._ttl_s * (1.0 - MARGIN)
                    next_s = asked_s + self._renew_s
            elif self.is_valid():
                self._valid_until_s = 0.0  # nothing is sent from here on; then the next one may begin
                lease.let_go(self.epoch, in_order=False)
                next_s = 0.0
            self._stop.wait(min(self._renew_s, _LOOK_S))

    def _is_wanted(self) -> bool:
        return self._heard_s is None or self._monotonic() - self._heard_s <= self._unready_s

    def _lease(self, connection: psycopg.Connection[tuple[object, ...]]) -> Lease:
        return Lease(connection, self._name, self._holder, self._ttl_s)
