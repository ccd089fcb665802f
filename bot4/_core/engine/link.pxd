"""What lies between a shard and the gateway of its external venue: one ring each way."""

from bot4._core.mem.intent_ring cimport SpscIntentRing
from bot4._core.mem.spsc_ring cimport SpscRing
from bot4._core.mem.waiter cimport Waiter


cdef class VenueLink:
    cdef readonly SpscIntentRing intents     # shard -> gateway
    cdef readonly Waiter intents_waiter      # the gateway sleeps here
    cdef readonly SpscRing reports           # gateway -> shard
    cdef readonly Waiter reports_room        # the gateway waits here for room
