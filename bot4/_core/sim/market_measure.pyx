# cython: language_level=3
"""MarketMeasure: one pass over a market, in the terms the order-flow generator is made of.

A level that grew was added to. A level that shrank by more than was printed there since the last depth message was
cancelled from. Both are net of what happened and unhappened between two messages: rates are those the feed's own
interval can show. Spread, mid and depth are read from the book after each whole depth message; where the book is not
live, nothing is counted.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

import numpy as np

from bot4._core.event_dtype import EVENT_DTYPE

from bot4._core.book.bits cimport high_bit
from bot4._core.book.book_side cimport LevelWalk, side_covers, walk_next, walk_start
from bot4._core.book.book_sync cimport book_sync_apply, book_sync_free, book_sync_is_live, book_sync_new
from bot4._core.book.order_book cimport OrderBook, book_best_price, book_is_two_sided, book_key
from bot4._core.types cimport (
    EVENT_AGG_TRADE, EVENT_DEPTH_BEGIN, EVENT_DEPTH_LEVEL, EVENT_TRADE, FLAG_BUYER_IS_MAKER, FLAG_LAST, FLAG_SNAPSHOT,
    SIDE_BUY, SIDE_SELL, Event, aligned_zalloc,
)
from bot4._core.wire.capture cimport CAPTURE_BAD, CAPTURE_MORE, CAPTURE_SKIPPED, capture_next
from bot4._core.wire.scan cimport Scanner, scan_frame

cdef enum:
    _EVENTS_MAX = 32_768
    _RECORDS_EVENT = 8          # at most, of one event
    _LEVELS_WALKED = 20_000

cdef int64_t _WINDOW_NS = 1_000_000_000
cdef int64_t _SILENCE_NS = 10_000_000_000    # a longer gap between messages is no market

RECORD_DTYPE = np.dtype([(name, np.int64) for name in ("kind", "stamp_ns", *"abcde", "reserved")])


cdef inline int _bucket(int64_t distance_ticks) noexcept nogil:
    cdef int bucket
    if distance_ticks <= 0:
        return 0
    bucket = high_bit(<uint64_t>distance_ticks) + 1
    return bucket if bucket < MEASURE_BUCKETS else MEASURE_BUCKETS - 1


cdef inline int64_t _distance(int side, int64_t best_ticks, int64_t price_ticks) noexcept nogil:
    return best_ticks - price_ticks if side == SIDE_BUY else price_ticks - best_ticks


cdef void _record(
    MeasureState* measure, int64_t kind, int64_t stamp_ns, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e
) noexcept nogil:
    cdef MeasureRecord* record = &measure.records[measure.record_count]
    measure.record_count += 1
    record.kind, record.stamp_ns = kind, stamp_ns
    record.a, record.b, record.c, record.d, record.e = a, b, c, d, e


cdef int64_t _level_lots(const OrderBook* book, int side, int64_t price_ticks) noexcept nogil:
    """Lots at a price near the touch; -1 beyond the book's window."""
    cdef int64_t key = book_key(side, price_ticks)
    if not side_covers(&book.sides[side], key):
        return -1
    return book.sides[side].qty_lots[<uint64_t>key & book.sides[side].mask]


cdef int64_t _take_printed(MeasureState* measure, int side, int64_t price_ticks) noexcept nogil:
    """Lots printed at a price of a book side since it was last told."""
    cdef PrintedLots* printed = measure.printed[side]
    cdef int64_t lots = 0
    cdef int i
    for i in range(measure.printed_count[side]):
        if printed[i].price_ticks == price_ticks and printed[i].venue_ns <= measure.depth_ns:
            lots += printed[i].qty_lots
            printed[i].qty_lots = 0
    return lots


cdef void _on_change(MeasureState* measure, int side, int64_t price_ticks, int64_t before, int64_t after) noexcept nogil:
    cdef int bucket = _bucket(_distance(side, measure.best_ticks[side], price_ticks))
    cdef int64_t change = after - before + _take_printed(measure, side, price_ticks)
    if change > 0:
        measure.totals.adds[bucket] += 1
        measure.totals.added_lots[bucket] += change
        measure.totals.add_sizes[64 * bucket + high_bit(<uint64_t>change) + 1] += 1
        measure.window_adds += 1
    elif change < 0:
        measure.totals.cancels[bucket] += 1
        measure.totals.cancelled_lots[bucket] -= change
        measure.window_cancels += 1


cdef void _sample_depth(MeasureState* measure) noexcept nogil:
    cdef LevelWalk walk
    cdef int64_t key = 0
    cdef int64_t qty_lots = 0
    cdef int side, bucket, _i
    for side in range(2):
        walk_start(&walk, &measure.sync.book.sides[side])
        for _i in range(_LEVELS_WALKED):
            if not walk_next(&walk, &key, &qty_lots):
                break
            bucket = _bucket(measure.sync.book.sides[side].best_key - key)
            measure.totals.depth_lots[bucket] += qty_lots
            measure.totals.depth_levels[bucket] += 1
        measure.totals.depth_samples += 1


cdef void _end_window(MeasureState* measure, int64_t now_ns) noexcept nogil:
    if measure.window_end_ns != 0 and now_ns - measure.window_end_ns < _SILENCE_NS and measure.mid_half_ticks != 0:
        _record(
            measure, MEASURE_WINDOW, measure.window_end_ns, measure.mid_half_ticks, measure.window_moves,
            measure.window_takers, measure.window_adds, measure.window_cancels,
        )
        _sample_depth(measure)
    measure.window_end_ns = now_ns - now_ns % _WINDOW_NS + _WINDOW_NS
    measure.window_moves = measure.window_takers = measure.window_adds = measure.window_cancels = 0


cdef void _forget_market(MeasureState* measure) noexcept nogil:
    measure.mid_half_ticks = measure.window_end_ns = measure.spread_since_ns = 0
    measure.printed_count[0] = measure.printed_count[1] = 0


cdef void _drop_printed(MeasureState* measure) noexcept nogil:
    """Forget the prints that the last depth message shows."""
    cdef int side, i
    for side in range(2):
        i = 0
        while i < measure.printed_count[side]:
            if measure.printed[side][i].venue_ns <= measure.depth_ns:
                measure.printed_count[side] -= 1
                measure.printed[side][i] = measure.printed[side][measure.printed_count[side]]
            else:
                i += 1


cdef void _after_message(MeasureState* measure, int64_t now_ns) noexcept nogil:
    """The book after a whole depth message: spread, mid, and the prints that it must show by now."""
    cdef const OrderBook* book = measure.sync.book
    cdef int64_t bid, ask, mid, past_ns
    _drop_printed(measure)
    if not book_sync_is_live(measure.sync) or not book_is_two_sided(book):
        measure.totals.gaps += 1 if measure.mid_half_ticks != 0 else 0
        _forget_market(measure)
        return
    measure.totals.depth_messages += 1
    if now_ns >= measure.window_end_ns:
        _end_window(measure, now_ns)
    past_ns = now_ns - measure.spread_since_ns
    if measure.spread_since_ns != 0 and 0 < past_ns < _SILENCE_NS:
        measure.totals.spread_ns[min(measure.spread_ticks, <int64_t>MEASURE_SPREADS - 1)] += past_ns
        measure.totals.live_ns += past_ns
    bid, ask = book_best_price(book, SIDE_BUY), book_best_price(book, SIDE_SELL)
    mid = bid + ask
    if measure.mid_half_ticks != 0 and mid != measure.mid_half_ticks:
        _record(measure, MEASURE_MOVE, now_ns, mid - measure.mid_half_ticks, 0, 0, 0, 0)
        if -10_000_000 < mid - measure.mid_half_ticks < 10_000_000:   # its square, ten thousand times, fits
            measure.window_moves += (mid - measure.mid_half_ticks) * (mid - measure.mid_half_ticks)
    measure.mid_half_ticks = mid
    measure.spread_ticks, measure.spread_since_ns = ask - bid, now_ns


cdef void _on_depth(MeasureState* measure, const Event* event, int64_t now_ns) noexcept nogil:
    cdef OrderBook* book = measure.sync.book
    cdef int side = event.side & 1
    cdef int64_t price_ticks = event.body.level.price_ticks
    cdef int64_t before = -1
    cdef bint counts = measure.mid_half_ticks != 0 and not event.flags & FLAG_SNAPSHOT
    if event.kind == EVENT_DEPTH_BEGIN:
        measure.depth_ns = event.venue_ns
        measure.best_ticks[0], measure.best_ticks[1] = book_best_price(book, SIDE_BUY), book_best_price(book, SIDE_SELL)
        if event.recv_ns != 0 and event.venue_ns != 0 and counts:
            _record(measure, MEASURE_LATENCY, now_ns, event.recv_ns - event.venue_ns, 0, 0, 0, 0)
    elif counts:
        before = _level_lots(book, side, price_ticks)
    book_sync_apply(measure.sync, event)
    if before >= 0:
        _on_change(measure, side, price_ticks, before, _level_lots(book, side, price_ticks))
    if event.flags & FLAG_LAST:
        _after_message(measure, now_ns)


cdef void measure_finish(MeasureState* measure) noexcept nogil:
    if measure.taker_ns != 0 and measure.taker_lots > 0:
        _record(
            measure, MEASURE_TAKER, measure.taker_ns, measure.taker_side, measure.taker_lots, measure.taker_prices, 0, 0
        )
        measure.window_takers += 1
    measure.taker_ns = measure.taker_lots = measure.taker_prices = 0


cdef void _remember_print(MeasureState* measure, int side, const Event* event) noexcept nogil:
    cdef PrintedLots* printed = measure.printed[side]
    cdef int count = measure.printed_count[side]
    cdef int i
    if event.venue_ns <= measure.depth_ns:
        measure.totals.prints_late += 1
        return
    for i in range(count):
        if printed[i].price_ticks == event.body.trade.price_ticks and printed[i].venue_ns == event.venue_ns:
            printed[i].qty_lots += event.body.trade.qty_lots
            return
    if count == MEASURE_PRINTS:
        measure.totals.prints_untracked += 1
        return
    printed[count].price_ticks, printed[count].qty_lots = event.body.trade.price_ticks, event.body.trade.qty_lots
    printed[count].venue_ns = event.venue_ns
    measure.printed_count[side] += 1


cdef void _on_print(MeasureState* measure, const Event* event, int64_t now_ns) noexcept nogil:
    cdef int taker_side = SIDE_SELL if event.flags & FLAG_BUYER_IS_MAKER else SIDE_BUY
    cdef int64_t price_ticks = event.body.trade.price_ticks
    if measure.print_kind == 0:
        measure.print_kind = event.kind
    if event.kind != measure.print_kind or measure.mid_half_ticks == 0:
        return
    measure.totals.prints += 1
    measure.totals.printed_lots += event.body.trade.qty_lots
    _remember_print(measure, 1 - taker_side, event)
    if event.venue_ns != measure.taker_ns or taker_side != measure.taker_side:
        measure_finish(measure)
        measure.taker_ns, measure.taker_side = event.venue_ns, taker_side
        if event.recv_ns != 0 and event.venue_ns != 0:
            _record(measure, MEASURE_LATENCY, now_ns, event.recv_ns - event.venue_ns, 1, 0, 0, 0)
    if measure.taker_prices == 0 or measure.taker_last_ticks != price_ticks:
        measure.taker_prices += 1
    measure.taker_last_ticks = price_ticks
    measure.taker_lots += event.body.trade.qty_lots


cdef void measure_event(MeasureState* measure, const Event* event) noexcept nogil:
    cdef int64_t now_ns = event.recv_ns if event.recv_ns != 0 else event.venue_ns
    if event.kind == EVENT_DEPTH_BEGIN or event.kind == EVENT_DEPTH_LEVEL:
        _on_depth(measure, event, now_ns)
    elif event.kind == EVENT_TRADE or event.kind == EVENT_AGG_TRADE:
        _on_print(measure, event, now_ns)


cdef class MarketMeasure:
    """Measures one instrument of a market.

    Parameters
    ----------
    scanner : Scanner, optional
        Knows the instruments; needed for `lines`.
    instrument : int
        Which of them.

    One thread. Memory is bounded: `lines` and `events` return early when the log of records is full; take the records
    and go on.
    """

    def __cinit__(self, Scanner scanner=None, *, int instrument=0):
        self.measure = <MeasureState*>aligned_zalloc(sizeof(MeasureState))
        self.events = <Event*>aligned_zalloc(_EVENTS_MAX * sizeof(Event))
        if self.measure == NULL or self.events == NULL:
            raise MemoryError
        self.measure.sync = book_sync_new(0, 1 << 17, 1 << 15, 1 << 12, 1 << 16)
        self.measure.records = <MeasureRecord*>aligned_zalloc(MEASURE_RECORDS * sizeof(MeasureRecord))
        for side in range(2):
            self.measure.printed[side] = <PrintedLots*>aligned_zalloc(MEASURE_PRINTS * sizeof(PrintedLots))
        if (
            self.measure.sync == NULL or self.measure.records == NULL or self.measure.printed[0] == NULL
            or self.measure.printed[1] == NULL
        ):
            raise MemoryError
        self.scanner = scanner
        self.instrument = instrument

    def __dealloc__(self):
        if self.measure != NULL:
            if self.measure.sync != NULL:
                book_sync_free(self.measure.sync)
            free(self.measure.records)
            free(self.measure.printed[0])
            free(self.measure.printed[1])
            free(self.measure)
        free(self.events)

    def lines(self, const unsigned char[::1] data, int capture_format, *, Py_ssize_t start=0) -> int:
        """Measure the whole lines of a capture from byte `start` on; returns the position after the last one used.

        Less than all of it where the log of records filled up.
        """
        cdef size_t position = start, size = 0, count = 0, i
        cdef const char* bytes_ = <const char*>&data[0] if data.shape[0] else NULL
        cdef const char* payload = NULL
        cdef int64_t recv_ns = 0
        cdef int verdict
        cdef Scanner scanner = self.scanner
        with nogil:
            while self.measure.record_count < MEASURE_RECORDS - 2 * _RECORDS_EVENT:
                verdict = capture_next(bytes_, data.shape[0], &position, capture_format, &recv_ns, &payload, &size)
                if verdict == CAPTURE_MORE:
                    break
                if verdict == CAPTURE_BAD:
                    self.bad_lines += 1
                if verdict == CAPTURE_BAD or verdict == CAPTURE_SKIPPED:
                    continue
                self.messages += 1
                scan_frame(scanner.state, payload, size, recv_ns, self.instrument, self.events, _EVENTS_MAX, &count)
                # One message of many prints gives one record; of many levels, a few.
                for i in range(count):
                    if self.events[i].instrument == self.instrument:
                        measure_event(self.measure, &self.events[i])
        return position

    def events_many(self, events) -> int:
        """Measure events, ndarray[EVENT_DTYPE]; returns how many were used, fewer where the log of records filled up."""
        cdef const uint8_t[::1] raw = np.ascontiguousarray(events, dtype=EVENT_DTYPE).view("u1")
        cdef Py_ssize_t count = len(events), i = 0
        cdef const Event* first = <const Event*>&raw[0] if count else NULL
        with nogil:
            while i < count and self.measure.record_count < MEASURE_RECORDS - _RECORDS_EVENT:
                measure_event(self.measure, &first[i])
                i += 1
        return i

    def take_records(self):
        """Return and remove the records, ndarray[RECORD_DTYPE]."""
        taken = np.zeros(self.measure.record_count, dtype=RECORD_DTYPE)
        cdef MeasureRecord[::1] view
        if self.measure.record_count:
            view = <MeasureRecord[:self.measure.record_count]>self.measure.records
            taken[:] = np.asarray(view).view(RECORD_DTYPE).reshape(-1)
        self.measure.record_count = 0
        return taken

    def finish(self) -> None:
        """Count the taker whose prints came last."""
        measure_finish(self.measure)

    def restart(self) -> None:
        """Forget what was counted, keep the book: what comes next is measured by itself."""
        memset(&self.measure.totals, 0, sizeof(MeasureTotals))
        self.measure.record_count = 0
        self.measure.taker_ns = self.measure.taker_lots = self.measure.taker_prices = 0
        self.measure.window_end_ns = self.measure.spread_since_ns = 0

    @property
    def is_live(self) -> bool:
        """Whether there is a book to measure."""
        return book_sync_is_live(self.measure.sync)

    @property
    def book_counters(self) -> dict:
        """What happened to the book: diffs applied, snapshots, gaps and their like."""
        return dict(self.measure.sync.counters)

    @property
    def totals(self) -> dict:
        """Sums so far; arrays as ndarray[int64]."""
        return {
            name: np.array(value, dtype=np.int64) if isinstance(value, list) else value
            for name, value in dict(self.measure.totals).items()
        }
