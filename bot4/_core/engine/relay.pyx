# cython: language_level=3
"""A receiver for venues whose frames Python reads (contract in relay.pxd)."""

from libc.string cimport memcpy

from bot4._core.engine.feed cimport FEED_DELIVERED, FEED_EVENTS_MAX, feed_events
from bot4._core.engine.receiver cimport Receiver, SocketState, receiver_note_age
from bot4._core.engine.shard cimport shard_publish
from bot4._core.types cimport Event
from bot4._core.event_dtype import EVENT_DTYPE


cdef class Relay(Receiver):
    """A receiver that also takes events. Sockets added with ``is_raw`` hand every message over as a notice.

    The reading thread calls `deliver`, as everything else but `wake`.
    """

    def deliver(self, int place, events) -> bool:
        """Deliver the events of one whole message that came by a raw socket; False where the feed is stopped.

        Parameters
        ----------
        place : int
            The socket it came by.
        events : ndarray[EVENT_DTYPE], shape (n,)
            One message: stamped, of one instrument, at most 32,768 events.

        Raises
        ------
        ValueError
            Another type, none or too many.
        """
        cdef SocketState* socket = self._socket(place)
        if events.dtype != EVENT_DTYPE or events.ndim != 1 or not events.flags.c_contiguous:
            raise ValueError(f"events must be a contiguous one-dimensional array of EVENT_DTYPE, was {events.dtype}")
        cdef Py_ssize_t count = len(events)
        if not 0 < count <= FEED_EVENTS_MAX:
            raise ValueError(f"a message must be 1 to {<int>FEED_EVENTS_MAX} events, was {count}")
        cdef const unsigned char[::1] source = events.view("u1")
        cdef int verdict
        memcpy(self.state.feed.events, &source[0], count * sizeof(Event))
        self.feed._lock()
        try:
            with nogil:
                verdict = feed_events(self.state.feed, count)
                if self.state.feed.shard != NULL:
                    shard_publish(self.state.feed.shard)
        finally:
            self.feed._unlock()
        if verdict != FEED_DELIVERED:
            return False
        socket.useful += 1
        socket.last_useful_ns = self.state.feed.events[0].recv_ns
        receiver_note_age(self.state, self.state.feed.events, socket.last_useful_ns)
        return True
