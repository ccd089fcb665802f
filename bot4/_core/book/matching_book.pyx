# cython: language_level=3
"""One symbol's matching, seen from Python (contract in matching_book.pxd)."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free

import numpy as np

from bot4._core.book.book_side cimport side_levels
from bot4._core.book.matching cimport (
    MATCH_TRADE, MAX_ORDER_LOTS, MAX_ORDER_TICKS, STP_DECREMENT, STP_NONE, FillPlan, MatchStep, Taker, l3_best,
    l3_depth, l3_has_room, l3_hash, l3_init, l3_plan, l3_reduce, l3_release, l3_remove, l3_rest, matching_next,
    taker_limit_key,
)
from bot4._core.book.order_index cimport (
    NO_SLOT, index_find, index_init, index_insert, index_release, index_remove,
)
from bot4._core.book.order_pool cimport BookOrder, pool_give, pool_init, pool_release, pool_take, pool_used
from bot4._core.mem.record_buffer cimport borrow_records, checked_capacity
from bot4._core.types cimport TIF_FOK, TIF_GTC, aligned_zalloc

from cpython.buffer cimport PyBuffer_Release

WINDOW_TICKS = 1 << 15
FAR_CAPACITY = 1 << 15

OP_DTYPE = np.dtype(
    [
        ("kind", "u1"), ("side", "u1"), ("stp", "u1"), ("tif", "u1"), ("account", "i4"), ("trade_group", "i4"),
        ("reserved", "u4"), ("order_id", "u8"), ("price_ticks", "i8"), ("qty_lots", "i8"), ("iceberg_lots", "i8"),
    ]
)
EVENT_DTYPE = np.dtype(
    [
        ("sequence", "u8"), ("taker_id", "u8"), ("maker_id", "u8"), ("price_ticks", "i8"), ("lots", "i8"),
        ("taker_lots", "i8"), ("maker_left_lots", "i8"), ("kind", "i4"), ("account", "i4"),
    ]
)


cdef class MatchingBook:
    """One symbol's price-time book on its own: ids, events and self-trade prevention, no money.

    Parameters
    ----------
    max_orders : int
        Resting orders it can hold, a power of two from 8 to 2**20. A full book refuses the next.
    max_events : int
        Events kept until `take_events`, at least 64; `run` stops before an operation that might not fit.
    window_ticks, far_capacity : int
        Sizes of a side's window and far hash, powers of two; see docs/book.md.

    Notes
    -----
    For one thread. `run` releases the GIL and allocates nothing.

    >>> import numpy as np
    >>> book = MatchingBook(max_orders=8, max_events=64)
    >>> ops = np.zeros(2, OP_DTYPE)
    >>> ops["side"], ops["price_ticks"], ops["qty_lots"], ops["account"] = [0, 1], 100, [5, 3], [1, 2]
    >>> book.run(ops)
    2
    >>> [(int(e["kind"]), int(e["lots"])) for e in book.take_events()]
    [(0, 5), (1, 3)]
    >>> book.best_bid, book.best_ask
    (100, 0)
    """

    def __cinit__(self, *, max_orders=1 << 16, max_events=1 << 18, window_ticks=WINDOW_TICKS,
                  far_capacity=FAR_CAPACITY):
        cdef size_t capacity = checked_capacity(max_orders, 8)
        if capacity > 1 << 20:
            raise ValueError(f"max_orders must be at most 2**20, was {max_orders}")
        if not 64 <= max_events <= 1 << 26:
            raise ValueError(f"max_events must be from 64 to 2**26, was {max_events}")
        checked_capacity(window_ticks, 64)
        checked_capacity(far_capacity, 8)
        self.log_capacity = max_events
        self.log = <MatchEvent*>aligned_zalloc(<size_t>self.log_capacity * sizeof(MatchEvent))
        self.book = <L3Book*>aligned_zalloc(sizeof(L3Book))
        if self.log == NULL or self.book == NULL or not (
            pool_init(&self.pool, <uint32_t>capacity)
            and index_init(&self.index, capacity, True)
            and l3_init(self.book, &self.pool, window_ticks, far_capacity, 1 << 12)
        ):
            raise MemoryError(f"no memory for a book of {max_orders} orders")

    def __dealloc__(self):
        if self.book != NULL:
            l3_release(self.book)
        free(self.book)
        free(self.log)
        index_release(&self.index)
        pool_release(&self.pool)

    cdef int64_t run_ops(self, const MatchOp* ops, int64_t count) noexcept nogil:
        cdef int64_t i
        for i in range(count):
            # An operation trades with each resting part at most once, and rests or expires once.
            if self.log_capacity - self.log_count < 2 or (
                self.log_capacity - self.log_count < self.book.parts[0] + self.book.parts[1] + 2
                and self.log_capacity - self.log_count < _events_at_most(self.book, &ops[i])
            ):
                return i
            if ops[i].kind == OP_ADD:
                _add(self, &ops[i])
            else:
                _change(self, &ops[i])
        return count

    def run(self, ops):
        """Apply operations in order.

        Parameters
        ----------
        ops : ndarray[OP_DTYPE], shape (n,)
            The book numbers accepted OP_ADD rows from 1; OP_CANCEL and OP_AMEND name such a number.

        Returns
        -------
        int
            Rows applied: fewer than n where the events might not have fitted.
        """
        cdef Py_buffer view
        cdef int64_t applied, count = borrow_records(ops, &view, sizeof(MatchOp), False)
        cdef const MatchOp* rows = <const MatchOp*>view.buf
        with nogil:
            applied = self.run_ops(rows, count)
        PyBuffer_Release(&view)
        return applied

    def take_events(self):
        """Events since the last call, ndarray[EVENT_DTYPE]; the log is empty afterwards."""
        events = np.empty(self.log_count, EVENT_DTYPE)
        cdef Py_buffer view
        borrow_records(events, &view, sizeof(MatchEvent), True)
        cdef MatchEvent* rows = <MatchEvent*>view.buf
        cdef int64_t i
        for i in range(self.log_count):
            rows[i] = self.log[i]
        PyBuffer_Release(&view)
        self.log_count = 0
        return events

    def clear_events(self):
        """Forget the events; returns how many there were."""
        count = self.log_count
        self.log_count = 0
        return count

    def clear(self):
        """Cancel every order without an event and number from 1 again, as a new book would."""
        cdef uint32_t slot
        for slot in range(self.pool.capacity):
            if self.pool.orders[slot].level != NO_SLOT:
                l3_remove(self.book, slot)
                index_remove(&self.index, self.pool.orders[slot].order_id, 0)
                pool_give(&self.pool, slot)
        self.last_id = self.log_count = 0

    def depth(self, side, n=1 << 20):
        """Prices and shown lots of the best `n` levels of a side: two ndarray[int64]."""
        if side not in (0, 1):
            raise ValueError(f"side must be 0 or 1, was {side}")
        rows = min(n, side_levels(&self.book.sides[<int>side]))
        prices, lots = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        cdef int64_t[::1] p = prices, q = lots
        if rows:
            l3_depth(self.book, side, rows, &p[0], &q[0])
        return prices, lots

    def hash(self):
        """64-bit hash of every order in its place."""
        return l3_hash(self.book)

    @property
    def best_bid(self):
        """Best bid in ticks, 0 where there is none."""
        return l3_best(self.book, 0)

    @property
    def best_ask(self):
        """Best ask in ticks, 0 where there is none."""
        return l3_best(self.book, 1)

    @property
    def order_count(self):
        """Resting orders."""
        return pool_used(&self.pool)

    @property
    def update_id(self):
        """Changes of a level so far."""
        return self.book.update_id

    @property
    def last_id(self):
        """Number of the last order accepted."""
        return self.last_id


cdef int64_t _events_at_most(const L3Book* book, const MatchOp* op) noexcept nogil:
    """Bound on the events of one operation."""
    if op.kind != OP_ADD or op.side > 1:
        return 2
    return 2 + min(book.parts[1 - op.side], op.qty_lots if op.qty_lots > 0 else 0) + (
        book.orders[1 - op.side] if op.stp != STP_NONE else 0
    )


cdef inline MatchEvent* _event(MatchingBook self, int kind, uint64_t taker_id, int32_t account) noexcept nogil:
    cdef MatchEvent* event = &self.log[self.log_count]
    self.log_count += 1
    self.sequence += 1
    event.sequence = self.sequence
    event.taker_id = taker_id
    event.maker_id = 0
    event.price_ticks = event.lots = event.taker_lots = event.maker_left_lots = 0
    event.kind = kind
    event.account = account
    return event


cdef bint _is_sound(const MatchOp* op) noexcept nogil:
    return (
        op.side <= 1 and op.stp <= STP_DECREMENT and op.tif <= TIF_FOK
        and 0 < op.price_ticks <= MAX_ORDER_TICKS and 0 < op.qty_lots <= MAX_ORDER_LOTS
        and 0 <= op.iceberg_lots < op.qty_lots
    )


cdef void _match(MatchingBook self, Taker* taker, uint64_t taker_id) noexcept nogil:
    cdef MatchStep step
    cdef MatchEvent* event
    cdef const BookOrder* maker
    while matching_next(self.book, taker, &step):
        maker = &self.pool.orders[step.maker]
        event = _event(
            self, MATCH_EVENT_TRADE if step.kind == MATCH_TRADE else MATCH_EVENT_PREVENTED, taker_id, maker.account
        )
        event.maker_id = maker.order_id
        event.price_ticks = step.price_ticks
        event.lots = step.lots + step.maker_prevented_lots
        event.taker_lots = step.lots + step.taker_prevented_lots
        event.maker_left_lots = maker.open_lots
        if maker.open_lots == 0:
            index_remove(&self.index, maker.order_id, 0)
            pool_give(&self.pool, step.maker)


cdef void _add(MatchingBook self, const MatchOp* op) noexcept nogil:
    cdef Taker taker
    cdef FillPlan plan
    cdef BookOrder* order
    cdef MatchEvent* event
    cdef uint32_t slot
    cdef uint64_t order_id
    if not _is_sound(op) or (op.tif == TIF_GTC and (
        self.pool.free_count == 0 or not l3_has_room(self.book, op.side, op.price_ticks)
    )):
        _event(self, MATCH_EVENT_REFUSED, 0, op.account)
        return
    self.last_id += 1
    order_id = self.last_id
    taker.side = op.side
    taker.stp = op.stp
    taker.account = op.account
    taker.trade_group = op.trade_group
    taker.open_lots = op.qty_lots
    taker.limit_key = taker_limit_key(op.side, op.price_ticks)
    if op.tif == TIF_FOK:
        l3_plan(self.book, &taker, 0, 1, &plan)
        if plan.lots == op.qty_lots:
            _match(self, &taker, order_id)
    else:
        _match(self, &taker, order_id)
    if taker.open_lots == 0:
        return
    if op.tif != TIF_GTC:
        event = _event(self, MATCH_EVENT_EXPIRED, order_id, op.account)
        event.lots = taker.open_lots
        event.price_ticks = op.price_ticks
        return
    slot = pool_take(&self.pool)
    order = &self.pool.orders[slot]
    order.order_id = order_id
    order.price_ticks = op.price_ticks
    order.open_lots = taker.open_lots
    order.iceberg_lots = op.iceberg_lots
    order.account = op.account
    order.trade_group = op.trade_group
    order.side = op.side
    order.stp = op.stp
    l3_rest(self.book, slot)
    index_insert(&self.index, order_id, 0, slot)
    event = _event(self, MATCH_EVENT_RESTED, order_id, op.account)
    event.price_ticks = op.price_ticks
    event.lots = order.open_lots


cdef void _change(MatchingBook self, const MatchOp* op) noexcept nogil:
    """Cancel, or amend downwards."""
    cdef uint32_t slot = index_find(&self.index, op.order_id, 0)
    cdef BookOrder* order
    cdef MatchEvent* event
    if slot == NO_SLOT or op.kind > OP_AMEND or (
        op.kind == OP_AMEND and not 0 < op.qty_lots < self.pool.orders[slot].open_lots
    ):
        _event(self, MATCH_EVENT_REFUSED, op.order_id, op.account)
        return
    order = &self.pool.orders[slot]
    event = _event(self, MATCH_EVENT_CANCELED if op.kind == OP_CANCEL else MATCH_EVENT_AMENDED, op.order_id,
                   order.account)
    event.price_ticks = order.price_ticks
    if op.kind == OP_CANCEL:
        event.lots = order.open_lots
        l3_remove(self.book, slot)
        index_remove(&self.index, op.order_id, 0)
        pool_give(&self.pool, slot)
        return
    l3_reduce(self.book, slot, order.open_lots - op.qty_lots)
    event.lots = op.qty_lots
