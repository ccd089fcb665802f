# cython: language_level=3
"""The link: intents go out, reports come back, and neither side waits for the other's lock."""

from bot4._core.mem.intent_ring cimport SpscIntentRing
from bot4._core.mem.spsc_ring cimport SpscRing
from bot4._core.mem.waiter cimport Waiter

_LEAST_INTENTS = 4


cdef class VenueLink:
    """Rings between one shard and the one gateway that trades for it.

    Parameters
    ----------
    intents_capacity : int
        Intents that may wait for the gateway, a power of two from 4 on. An order is refused where it would leave fewer
        slots than there are working orders, for each may have to be cancelled.
    reports_capacity : int
        Reports that may wait for the shard, a power of two. A full ring makes the gateway wait (see
        `ShardRunner.push_reports`); no report is dropped.

    Thread-safety: the shard's thread pushes intents and takes reports, one gateway thread does the other half.

    >>> link = VenueLink(intents_capacity=8)
    >>> link.arm()      # nothing waits: an event loop may sleep on link.fileno()
    True
    >>> link.intents_waiter.withdraw()
    """

    def __cinit__(self, *, intents_capacity: int = 1_024, reports_capacity: int = 4_096):
        if intents_capacity < _LEAST_INTENTS:
            raise ValueError(f"intents_capacity must be at least {_LEAST_INTENTS}, was {intents_capacity}")
        self.intents = SpscIntentRing(intents_capacity)
        self.reports = SpscRing(reports_capacity)
        self.intents_waiter = Waiter("park")
        self.reports_room = Waiter("park")

    def take_intents(self, max_count: int = 256):
        """Return up to `max_count` intents, oldest first: ndarray[INTENT_DTYPE], a copy of its own."""
        return self.intents.pop(max_count)

    def fileno(self) -> int:
        """Return the eventfd that becomes readable when an intent comes after `arm` returned True."""
        return self.intents_waiter.fileno()

    def arm(self) -> bool:
        """Say that an event loop is about to sleep on `fileno`; False: there are intents, take them first."""
        return self.intents.arm(self.intents_waiter)

    def acknowledge(self) -> bool:
        """Take the wake-up that made `fileno` readable; call it first in the reader's callback."""
        return self.intents_waiter.acknowledge()

    def statistics(self) -> dict:
        """Return pushed, popped, rejected, held, high_water and capacity of both rings."""
        return {"intents": self.intents.statistics(), "reports": self.reports.statistics()}
