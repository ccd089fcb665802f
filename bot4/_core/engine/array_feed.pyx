# cython: language_level=3
"""Rows to events: what a backtest is fed by.

Ties of receive stamps go by the order in which the arrays were added. Bars are told at their close; what happened inside
is not known: the venue alone sees four prints of a quarter of the volume each: open, the extreme worse for the position
held (the low first where nothing is held), the other extreme, close.
Funding is settled on the position known of at its time, at the mark of its row or the mid, rounded against the account.
"""

from libc.stdint cimport INT64_MAX, int64_t
from libc.string cimport memset

import numpy as np

from bot4._core.account.funding cimport funding_pay
from bot4._core.account.money cimport money_clamp_64
from bot4._core.engine.lane cimport lane_apply_print, lane_mark_ticks
from bot4._core.engine.outlook cimport outlook_apply_funding
from bot4._core.engine.shard cimport shard_advance, shard_apply, shard_apply_rest, shard_publish
from bot4._core.types cimport (
    CONTRACT_SPOT, EVENT_BAR_FLOW, EVENT_BAR_PRICES, EVENT_DEPTH_BEGIN, EVENT_DEPTH_LEVEL, EVENT_QUOTE, EVENT_TIMER, EVENT_TRADE,
    FLAG_BAR_CLOSED, FLAG_BUYER_IS_MAKER, FLAG_FIRST, FLAG_LAST, FLAG_SNAPSHOT, Bar, money_t,
)

from bot4._core.array_dtypes import BAR_ROWS, FUNDING_PAID, FUNDING_ROWS, L2_ROWS, QUOTE_ROWS, TRADE_ROWS
from bot4._core.event_dtype import EVENT_DTYPE

_RATE_MAX_E8 = 100_000_000
_KINDS = {QUOTE_ROWS: ROWS_QUOTES, TRADE_ROWS: ROWS_TRADES, L2_ROWS: ROWS_L2, BAR_ROWS: ROWS_BARS,
          EVENT_DTYPE: ROWS_EVENTS, FUNDING_ROWS: ROWS_FUNDING}
cdef int64_t _CHUNK_ROWS = 1 << 18
cdef enum:
    _BAR_STAGES = 4          # prints before the bar itself


cdef inline int64_t _recv_ns(const Source* source, int64_t row) noexcept nogil:
    cdef const char* at = source.rows + row * source.row_bytes
    cdef const Event* event = <const Event*>at
    cdef const Bar* bar = <const Bar*>at
    if source.kind == ROWS_EVENTS:
        return event.recv_ns if event.recv_ns != 0 else event.venue_ns
    if source.kind == ROWS_FUNDING:
        return (<const FundingRow*>at).time_ns
    return bar.close_time_ns if source.kind == ROWS_BARS else (<const QuoteRow*>at).recv_ns


cdef inline int64_t _venue_ns(const Source* source) noexcept nogil:
    """The venue's stamp of the next row; its receive stamp where the venue's is not known."""
    cdef const char* at = source.rows + source.next_row * source.row_bytes
    cdef int64_t stamp_ns
    if source.next_row == source.count:
        return INT64_MAX
    if source.kind == ROWS_BARS:
        return source.recv_ns
    stamp_ns = (<const Event*>at).venue_ns if source.kind == ROWS_EVENTS else (<const QuoteRow*>at).venue_ns
    return stamp_ns if stamp_ns != 0 else source.recv_ns


cdef inline int64_t _next_stamp(const Source* source) noexcept nogil:
    cdef const Bar* bar
    if source.next_row >= source.count:
        return INT64_MAX
    if source.kind != ROWS_BARS or source.bar_stage >= _BAR_STAGES - 1:
        return _recv_ns(source, source.next_row)
    bar = <const Bar*>(source.rows + source.next_row * source.row_bytes)
    return bar.open_time_ns + (bar.close_time_ns - bar.open_time_ns) // (_BAR_STAGES - 1) * source.bar_stage


# -- rows to events ----------------------------------------------------------------------------------------------------

cdef inline void _open(Event* event, int kind, const Source* source, int64_t venue_ns, int64_t recv_ns) noexcept nogil:
    event.kind = kind
    event.side = 0
    event.flags = FLAG_FIRST | FLAG_LAST
    event.instrument = source.instrument
    event.reason = 0
    event.venue_ns = venue_ns
    event.recv_ns = recv_ns


cdef inline void _quote(ArrayFeedState* feed, Source* source) noexcept nogil:
    cdef const QuoteRow* row = <const QuoteRow*>source.rows + source.next_row
    cdef Event event
    _open(&event, EVENT_QUOTE, source, row.venue_ns, row.recv_ns)
    feed.update_ids[source.instrument] += 1
    event.body.quote.bid_price_ticks = row.bid_ticks
    event.body.quote.bid_qty_lots = row.bid_lots
    event.body.quote.ask_price_ticks = row.ask_ticks
    event.body.quote.ask_qty_lots = row.ask_lots
    event.body.quote.update_id = feed.update_ids[source.instrument]
    source.next_row += 1
    shard_apply(feed.shard, &event)


cdef inline void _trade(ArrayFeedState* feed, Source* source) noexcept nogil:
    cdef const TradeRow* row = <const TradeRow*>source.rows + source.next_row
    cdef Event event
    _open(&event, EVENT_TRADE, source, row.venue_ns, row.recv_ns)
    if row.taker_side == 1:
        event.flags |= FLAG_BUYER_IS_MAKER
    event.body.trade.price_ticks = row.price_ticks
    event.body.trade.qty_lots = row.qty_lots
    event.body.trade.trade_id = event.body.trade.first_id = event.body.trade.last_id = source.next_row
    source.next_row += 1
    shard_apply(feed.shard, &event)


cdef inline void _depth(ArrayFeedState* feed, Source* source) noexcept nogil:
    """All rows of one message, at the stamps of its first."""
    cdef const L2Row* row = <const L2Row*>source.rows + source.next_row
    cdef int64_t levels = 1, left = source.count - source.next_row, i
    cdef Event event
    while levels < left and not row[levels - 1].flags & FLAG_LAST:
        levels += 1
    _open(&event, EVENT_DEPTH_BEGIN, source, row.venue_ns, row.recv_ns)
    feed.update_ids[source.instrument] += 1
    event.flags = FLAG_FIRST | (row.flags & FLAG_SNAPSHOT)
    event.body.depth.first_id = event.body.depth.last_id = feed.update_ids[source.instrument]
    event.body.depth.prev_id = -1
    event.body.depth.level_count = levels
    event.body.depth.checksum = -1
    shard_apply(feed.shard, &event)
    event.kind = EVENT_DEPTH_LEVEL
    event.flags &= ~FLAG_FIRST
    for i in range(levels):
        if i == levels - 1:
            event.flags |= FLAG_LAST
        event.side = <unsigned char>row[i].side
        event.body.level.price_ticks = row[i].price_ticks
        event.body.level.qty_lots = row[i].qty_lots
        event.body.level.last_id = feed.update_ids[source.instrument]
        event.body.level.index = i
        shard_apply_rest(feed.shard, &event)
    source.next_row += levels


cdef void _bar_print(ArrayFeedState* feed, Source* source, int64_t price_ticks, int64_t lots) noexcept nogil:
    cdef Lane* lane = &feed.shard.lanes[source.instrument]
    cdef Event event
    _open(&event, EVENT_TRADE, source, source.recv_ns, source.recv_ns)
    event.body.trade.price_ticks = price_ticks
    event.body.trade.qty_lots = lots
    event.body.trade.trade_id = event.body.trade.first_id = event.body.trade.last_id = 0
    shard_advance(feed.shard, source.recv_ns)
    lane_apply_print(lane, &event, feed.shard.now_ns)


cdef void _bar(ArrayFeedState* feed, Source* source) noexcept nogil:
    """One stage of a bar; with the last print comes the bar itself."""
    cdef const Bar* bar = <const Bar*>source.rows + source.next_row
    cdef int stage = source.bar_stage
    cdef bint is_high_first = feed.shard.positions[source.instrument].lots < 0
    cdef int64_t lots = bar.volume_lots // _BAR_STAGES
    cdef Event event
    source.bar_stage = (stage + 1) % _BAR_STAGES
    if lots > 0:
        if stage == 0:
            _bar_print(feed, source, bar.open_ticks, lots)
        elif stage == _BAR_STAGES - 1:
            _bar_print(feed, source, bar.close_ticks, lots)
        else:
            _bar_print(feed, source, bar.high_ticks if (stage == 1) == is_high_first else bar.low_ticks, lots)
    if stage < _BAR_STAGES - 1:
        return
    source.next_row += 1
    _open(&event, EVENT_BAR_PRICES, source, bar.close_time_ns, bar.close_time_ns)
    event.flags = FLAG_FIRST | FLAG_BAR_CLOSED
    event.body.bar.open_ticks = bar.open_ticks
    event.body.bar.high_ticks = bar.high_ticks
    event.body.bar.low_ticks = bar.low_ticks
    event.body.bar.close_ticks = bar.close_ticks
    event.body.bar.open_time_ns = bar.open_time_ns
    shard_apply(feed.shard, &event)
    event.kind = EVENT_BAR_FLOW
    event.flags = FLAG_LAST | FLAG_BAR_CLOSED
    event.body.flow.volume_lots = bar.volume_lots
    event.body.flow.taker_buy_lots = bar.taker_buy_lots
    event.body.flow.trade_count = bar.trade_count
    event.body.flow.interval_ns = bar.close_time_ns - bar.open_time_ns
    event.body.flow.open_time_ns = bar.open_time_ns
    shard_apply(feed.shard, &event)


cdef inline void _events(ArrayFeedState* feed, Source* source) noexcept nogil:
    """One whole message of events."""
    cdef const Event* event = <const Event*>source.rows + source.next_row
    cdef int64_t left = source.count - source.next_row, i = 0
    while i < left:
        shard_apply(feed.shard, &event[i])
        i += 1
        if event[i - 1].flags & FLAG_LAST:
            break
    source.next_row += i


cdef void _funding(ArrayFeedState* feed, Source* source) noexcept nogil:
    """Pay, or be paid, for what is held; the gate takes the rate as the next one's."""
    cdef const FundingRow* row = <const FundingRow*>source.rows + source.next_row
    cdef FundingPaid* paid = &source.paid[source.next_row]
    cdef Lane* lane = &feed.shard.lanes[source.instrument]
    cdef int64_t lots
    cdef money_t unpaid
    cdef Event timer            # time goes on without the market: a silence with it and without ends the same
    source.next_row += 1
    _open(&timer, EVENT_TIMER, source, row.time_ns, row.time_ns)
    shard_apply(feed.shard, &timer)
    lots = lane.position.lots
    paid.instrument, paid.time_ns, paid.rate_e8, paid.position_lots = source.instrument, row.time_ns, row.rate_e8, lots
    paid.mark_ticks = row.mark_ticks if row.mark_ticks > 0 else lane_mark_ticks(lane)
    if source.next_row > 1:
        outlook_apply_funding(lane.reasoned, lane.claims, 10 * row.rate_e8, 2 * row.time_ns - (row - 1).time_ns)
    paid.atoms = <int64_t>funding_pay(feed.shard.shared.ledger, lane.spec, paid.mark_ticks, lots, row.rate_e8, &unpaid)
    paid.unpaid_atoms = money_clamp_64(unpaid)


# -- the loop ----------------------------------------------------------------------------------------------------------

cdef inline int _earliest(const ArrayFeedState* feed) noexcept nogil:
    cdef int i, first = 0
    for i in range(1, feed.source_count):
        if feed.sources[i].recv_ns < feed.sources[first].recv_ns:
            first = i
    return first


cdef inline void _set_limit(ArrayFeedState* feed, int instrument) noexcept nogil:
    """The venue of an instrument may go on until the venue's stamp of what we hear of it next."""
    cdef Lane* lane = &feed.shard.lanes[instrument]
    cdef const Source* following = NULL
    cdef int i
    for i in range(feed.source_count):
        if feed.sources[i].instrument == instrument and feed.sources[i].kind != ROWS_FUNDING and (
                following == NULL or feed.sources[i].recv_ns < following.recv_ns):
            following = &feed.sources[i]
    if lane.paper != NULL and following != NULL:
        lane.paper.limit_ns = _venue_ns(following)


cdef int _run(ArrayFeedState* feed, int64_t rows) noexcept nogil:
    """Take about `rows` rows more; 0 at the end of them all."""
    cdef int64_t until = feed.rows + rows, before
    cdef Source* source
    while feed.rows < until:
        source = &feed.sources[_earliest(feed)]
        if source.recv_ns == INT64_MAX:
            return 0
        before = source.next_row
        feed.last_ns = source.recv_ns
        if source.kind == ROWS_QUOTES:
            _quote(feed, source)
        elif source.kind == ROWS_L2:
            _depth(feed, source)
        elif source.kind == ROWS_TRADES:
            _trade(feed, source)
        elif source.kind == ROWS_BARS:
            _bar(feed, source)
        elif source.kind == ROWS_FUNDING:
            _funding(feed, source)
        else:
            _events(feed, source)
        source.recv_ns = _next_stamp(source)
        feed.rows += source.next_row - before
        feed.messages += source.next_row != before
        if feed.has_venue_clock:
            _set_limit(feed, source.instrument)
        if feed.shard.shared.strategy != NULL and feed.shard.shared.strategy.is_stopped:
            return 0
    return 1


cdef class ArrayFeed:
    """Feeds an engine from NumPy structured arrays, which are read where they lie.

    Parameters
    ----------
    engine : Engine
        Its lanes are the instruments, by index.
    venue_clock : bool
        Let the venue live by the rows' ``venue_ns`` (docs/backtest.md); else by ``recv_ns``, as paper trading does.

    One thread feeds; `stop` may be called by any.
    """

    def __cinit__(self, Engine engine, *, bint venue_clock=False):
        self.engine, self.state.shard, self.state.has_venue_clock = engine, engine.state, venue_clock
        self._arrays, self._paid = [], []

    def add(self, rows, int instrument=0) -> None:
        """Add an array of one of the dtypes, oldest first, of one instrument (events carry theirs themselves).

        Raises
        ------
        ValueError
            The dtype or the instrument is unknown, a stamp is before the one in front of it, L2 rows begin without a
            snapshot, or funding is of a spot market or beyond the whole position. The message names the row.
        """
        cdef Source* source = &self.state.sources[self.state.source_count]
        cdef const unsigned char[::1] raw
        cdef int64_t i, last_ns = 0, stamp_ns
        array = np.asarray(rows)
        kind = _KINDS.get(array.dtype)
        if kind is None:
            raise ValueError(f"rows are of no dtype of bot4.Rows: they were of {array.dtype}")
        if not array.flags.c_contiguous or array.ndim != 1:
            raise ValueError("rows must be a contiguous array of one dimension")
        if not 0 <= instrument < self.engine.state.lane_count:
            raise ValueError(f"instrument must be in 0..{self.engine.state.lane_count - 1}, was {instrument}")
        if self.state.source_count == SOURCES_MAX:
            raise ValueError(f"a run reads at most {SOURCES_MAX} arrays")
        memset(source, 0, sizeof(Source))
        source.kind, source.instrument = kind, instrument
        source.count, source.row_bytes = len(array), array.dtype.itemsize
        if source.count:
            raw = array.view("u1")
            source.rows = <const char*>&raw[0]
            with nogil:
                for i in range(source.count):
                    stamp_ns = _recv_ns(source, i)
                    if stamp_ns < last_ns and source.kind != ROWS_EVENTS:
                        break
                    last_ns = stamp_ns
                else:
                    i = -1
            if i >= 0:
                raise ValueError(f"row {i} was received at {stamp_ns}, before the row in front of it")
            if source.kind == ROWS_L2 and not (<const L2Row*>source.rows).flags & FLAG_SNAPSHOT:
                raise ValueError("L2 rows begin with a snapshot (flags 4): a book is not traded on before it is whole")
        if kind == ROWS_FUNDING:
            self._add_paid(source, array, instrument)
        source.recv_ns = _next_stamp(source)
        self.state.source_count += 1
        self._arrays.append(array)
        self._rows_total += source.count

    cdef _add_paid(self, Source* source, array, int instrument):
        """Room for what is paid at each settlement."""
        cdef unsigned char[::1] raw
        if self.engine.state.lanes[instrument].spec.kind == CONTRACT_SPOT:
            raise ValueError("a spot market has no funding")
        if np.abs(array["rate_e8"]).max(initial=0) > _RATE_MAX_E8 or (array["mark_ticks"] < 0).any():
            raise ValueError("a funding rate lies within -100 % and 100 %, and a mark is not below 0")
        paid = np.zeros(max(1, len(array)), FUNDING_PAID)
        raw = paid.view("u1")
        source.paid = <FundingPaid*>&raw[0]
        self._paid.append(paid[:len(array)])

    def funding(self):
        """Return what was paid at each settlement, of all instruments; ndarray[FUNDING_PAID], in the order of time."""
        paid = np.concatenate([np.zeros(0, FUNDING_PAID), *self._paid])
        return paid[np.argsort(paid["time_ns"], kind="stable")]

    def run(self, progress=None, *, bint hold_gil=False) -> None:
        """Feed everything, until the end, `stop`, or a strategy that failed.

        `progress` is called with the rows done and all rows, now and then. With `hold_gil` the loop keeps the
        interpreter, which each call of a strategy in Python would ask for.
        """
        cdef int more = 1, i
        if self.state.source_count == 0:
            raise ValueError("there is nothing to feed: add rows first")
        if self.state.has_venue_clock:
            for i in range(self.engine.state.lane_count):
                _set_limit(&self.state, i)
        if self.state.first_ns == 0:
            self.state.first_ns = self.state.sources[_earliest(&self.state)].recv_ns
        with self.engine._busy:
            while more and not self._stop:
                if hold_gil:
                    more = _run(&self.state, _CHUNK_ROWS)
                else:
                    with nogil:
                        more = _run(&self.state, _CHUNK_ROWS)
                if progress is not None:
                    progress(self.state.rows, self._rows_total)
            shard_publish(self.engine.state)
        if not more and self.state.has_venue_clock:
            for i in range(self.engine.state.lane_count):
                if self.engine.state.lanes[i].paper != NULL:
                    self.engine.state.lanes[i].paper.limit_ns = INT64_MAX

    def stop(self) -> None:
        """Make `run` return soon. Any thread may call."""
        self._stop = True

    @property
    def rows(self) -> int:
        """Rows taken so far."""
        return self.state.rows

    def counters(self) -> dict:
        """Return messages and rows taken, and the first and last receive stamp."""
        return {"messages": self.state.messages, "rows": self.state.rows, "first_ns": self.state.first_ns,
                "last_ns": self.state.last_ns}
