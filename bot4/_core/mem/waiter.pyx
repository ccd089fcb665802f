# cython: language_level=3
"""Where threads, or an asyncio loop, wait for a ring: spin, yield or park."""

import math
import os

from libc.errno cimport errno
from libc.stdint cimport int64_t, uint64_t

_STRATEGIES = {"spin": WAIT_SPIN, "yield": WAIT_YIELD, "park": WAIT_PARK}
_MOST_LOOKS = 1 << 24


cdef int64_t timeout_ns_of(object timeout_s) except? -2:
    """Nanoseconds of a timeout in seconds; -1 (for ever) for None."""
    if timeout_s is None:
        return -1
    if not (timeout_s >= 0 and math.isfinite(timeout_s)):
        raise ValueError(f"timeout_s must be finite and not negative, or None, was {timeout_s}")
    return <int64_t>min(timeout_s * 1e9, 9e18)


cdef class Waiter:
    """A place to wait for a ring's record, or for room in it.

    Parameters
    ----------
    strategy : {"spin", "yield", "park"}
        spin: lowest latency, a whole core (it still yields once in `spins` looks, for with more threads than cores the
        one waited for may be off the core). yield: gives its core away at every look after the first `spins`. park:
        after `spins` and `yields` looks sleeps on an eventfd; costs the notifier one store-load barrier a notify.
    spins : int
        Looks with a pause in between before the first yield.
    yields : int
        Looks with a sched_yield in between before parking.

    Notes
    -----
    Thread-safety: any number of threads may wait on and notify one waiter; a notify wakes one sleeper.

    >>> from bot4._core.mem.spsc_ring import SpscRing
    >>> SpscRing(8).wait(Waiter("park"), timeout_s=0.001)
    False
    """

    def __cinit__(self, strategy: str = "park", *, spins: int = 256, yields: int = 16):
        if strategy not in _STRATEGIES:
            raise ValueError(f"strategy must be one of {', '.join(_STRATEGIES)}, was {strategy!r}")
        for name, looks in (("spins", spins), ("yields", yields)):
            if not 0 <= looks <= _MOST_LOOKS:
                raise ValueError(f"{name} must be from 0 to {_MOST_LOOKS}, was {looks}")
        self.waiter = waiter_new(_STRATEGIES[strategy], spins, yields)
        if self.waiter is NULL:
            raise OSError(errno, os.strerror(errno))

    def __dealloc__(self):
        waiter_free(self.waiter)

    def fileno(self) -> int:
        """Return the eventfd that becomes readable at a wake-up; for `loop.add_reader`. Raises unless it parks."""
        if self.waiter.fd < 0:
            raise ValueError("only a waiter that parks has a file descriptor")
        return self.waiter.fd

    def notify(self, uint64_t count=1) -> None:
        """Wake up to `count` sleepers; call after the push or pop."""
        waiter_notify_many(self.waiter, count)

    def announce(self) -> None:
        """Count this waiter as about to sleep on `fileno()`. Prefer a ring's `arm`, which looks at the ring as well."""
        self.fileno()
        waiter_announce(self.waiter)

    def withdraw(self) -> None:
        """Take an announcement back."""
        self.fileno()
        if not waiter_withdraw(self.waiter):
            with nogil:
                waiter_sleep(self.waiter, -1)   # a notifier was quicker: its token is there or on its way

    def acknowledge(self) -> bool:
        """Take the wake-up that made `fileno()` readable; False when there is none."""
        self.fileno()
        return waiter_take_token(self.waiter)

    def statistics(self) -> dict[str, int]:
        """Times a thread parked, wake-ups sent, and who sleeps now."""
        return {
            "parks": waiter_count(&self.waiter.parks),
            "wakes": waiter_count(&self.waiter.wakes),
            "sleepers": waiter_count(&self.waiter.sleepers),
        }
