# cython: language_level=3
"""Snapshot + diff synchronisation of an order book, seen from Python (the kernel is book_sync.pyx)."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t

from bot4._core.book.book_sync cimport (
    SYNC_RULE_AUTO,
    SYNC_RULE_IN_BAND,
    book_sync_apply_many,
    book_sync_free,
    book_sync_is_live,
    book_sync_needs_snapshot,
    book_sync_new,
    book_sync_reset,
)
from bot4._core.book.diff_buffer cimport buffer_count
from bot4._core.book.order_book cimport book_truncate, book_view
from bot4._core.types cimport Event

from bot4._core.book.book_sync import SyncState
from bot4._core.book.order_book import FAR_CAPACITY, WINDOW_TICKS, BookView, check_power_of_two

BUFFER_MESSAGES = 1 << 12
BUFFER_LEVELS = 1 << 15


cdef class DepthSync:
    """Keeps the order book of one instrument equal to the venue's, or says that it is not.

    Parameters
    ----------
    rule : SyncRule
        How messages continue each other; SYNC_RULE_AUTO tells Binance spot from futures by FLAG_FUTURES.
    window_ticks, far_capacity : int
        Sizes of the book, see ``Book``. Where a level finds no room the book becomes INVALID (SYNC_FULL).
    buffer_messages, buffer_levels : int
        Powers of two: how much is kept while a snapshot is awaited. When full the oldest whole message is dropped
        and counted.

    One thread at a time may use it. Nothing of a half-applied message can be read: ``is_live`` is false and ``book``
    raises until its last event has come.

    >>> import numpy as np
    >>> from bot4._core.book.book_sync import SyncVerdict
    >>> from bot4._core.event_dtype import EVENT_DTYPE
    >>> sync = DepthSync()
    >>> sync.is_live, sync.needs_snapshot
    (False, True)
    >>> snapshot = np.zeros(3, EVENT_DTYPE)
    >>> snapshot["kind"] = 1, 2, 2                     # DEPTH_BEGIN, two DEPTH_LEVEL
    >>> snapshot["flags"] = 1 | 4, 4, 2 | 4            # FIRST, LAST; SNAPSHOT on all
    >>> snapshot["side"] = 0, 0, 1
    >>> snapshot[["a", "b", "c", "d"]] = [(160, 160, -1, 2), (61800, 5, 0, 0), (61801, 7, 0, 0)]
    >>> SyncVerdict(sync.apply(snapshot)).name
    'SYNC_SNAPSHOT'
    >>> sync.is_live, sync.last_id, sync.book.best_bid, sync.book.best_ask
    (True, 160, (61800, 5), (61801, 7))
    """

    def __cinit__(
        self,
        int rule = SYNC_RULE_AUTO,
        *,
        window_ticks: int = WINDOW_TICKS,
        far_capacity: int = FAR_CAPACITY,
        buffer_messages: int = BUFFER_MESSAGES,
        buffer_levels: int = BUFFER_LEVELS,
    ):
        if not SYNC_RULE_AUTO <= rule <= SYNC_RULE_IN_BAND:
            raise ValueError(f"rule must be a SyncRule, was {rule}")
        check_power_of_two("window_ticks", window_ticks, 64)
        check_power_of_two("far_capacity", far_capacity, 8)
        check_power_of_two("buffer_messages", buffer_messages, 1)
        check_power_of_two("buffer_levels", buffer_levels, 1)
        self.sync = book_sync_new(rule, window_ticks, far_capacity, buffer_messages, buffer_levels)
        if self.sync == NULL:
            raise MemoryError("no memory for a book and its buffer")

    def __dealloc__(self):
        book_sync_free(self.sync)

    def apply(self, events, verdicts=None) -> int:
        """Feed a batch of events without the GIL.

        Parameters
        ----------
        events : ndarray[EVENT_DTYPE], shape (n,), contiguous
        verdicts : ndarray[uint8], shape (n,), optional
            Filled with the SyncVerdict of each event.

        Returns
        -------
        int
            SyncVerdict of the last event; SYNC_IGNORED for an empty batch.
        """
        cdef Py_buffer taken, told
        cdef int verdict
        cdef int64_t count
        PyObject_GetBuffer(events, &taken, PyBUF_SIMPLE)
        try:
            if taken.itemsize != sizeof(Event):
                raise ValueError(f"events must have 64-byte items (EVENT_DTYPE), was {taken.itemsize}")
            count = taken.len // <Py_ssize_t>sizeof(Event)
            if verdicts is None:
                with nogil:
                    verdict = book_sync_apply_many(self.sync, <const Event*>taken.buf, count, NULL)
                return verdict
            PyObject_GetBuffer(verdicts, &told, PyBUF_SIMPLE | PyBUF_WRITABLE)
            try:
                if told.len != count or told.itemsize != 1:
                    raise ValueError(f"verdicts must be {count} bytes, was {told.len} of item size {told.itemsize}")
                with nogil:
                    verdict = book_sync_apply_many(
                        self.sync, <const Event*>taken.buf, count, <unsigned char*>told.buf
                    )
                return verdict
            finally:
                PyBuffer_Release(&told)
        finally:
            PyBuffer_Release(&taken)

    def reset(self) -> None:
        """Forget book and buffer, as after a reconnect: the next diffs are buffered until a new snapshot."""
        book_sync_reset(self.sync)

    def truncate(self, int64_t depth) -> None:
        """Keep the `depth` best levels a side of a live book, as Kraken demands after every update."""
        if depth < 1:
            raise ValueError(f"depth must be at least 1, was {depth}")
        if not self.sync.live:
            raise RuntimeError("only a live book can be truncated")
        book_truncate(self.sync.book, 0, depth)
        book_truncate(self.sync.book, 1, depth)

    @property
    def book(self) -> BookView:
        """The book, to be read: empty while INVALID, and raising inside a message."""
        return book_view(self.sync.book, self)

    @property
    def is_live(self) -> bool:
        """Whether the book equals the venue's as of `last_id`."""
        return bool(book_sync_is_live(self.sync))

    @property
    def needs_snapshot(self) -> bool:
        """Whether a (further) snapshot has to be fetched."""
        return bool(book_sync_needs_snapshot(self.sync))

    @property
    def state(self) -> SyncState:
        """Where the book's content comes from."""
        return SyncState(self.sync.state)

    @property
    def last_id(self) -> int:
        """Update id the book stands at; -1 when there is none."""
        return self.sync.last_id

    @property
    def generation(self) -> int:
        """How often the book was made INVALID: queue positions and levels remembered from before are void."""
        return self.sync.generation

    @property
    def last_stamps_ns(self) -> tuple[int, int]:
        """Venue and receive stamp of the last message applied."""
        return self.sync.venue_ns, self.sync.recv_ns

    @property
    def buffered_messages(self) -> int:
        """Whole diffs that wait for a snapshot."""
        return buffer_count(&self.sync.buffer)

    @property
    def counters(self) -> dict[str, int]:
        """What happened so far, by name (see SyncCounters in book_sync.pxd)."""
        return self.sync.counters
