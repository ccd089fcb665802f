# cython: language_level=3
"""Paper: the simulated venue inside the shard's loop (matching rules in paper_matching, assumptions in docs/paper.md).

Intents arrive, and reports come back, each after a modelled latency and in the order sent. Same seed, same events and
same intents give the same reports, bit for bit.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

import numpy as np

from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.sim.paper_matching import PaperReason

from bot4._core.account.contract cimport Contract, contract_is_in_range
from bot4._core.account.money cimport money_hash
from bot4._core.book.book_sync cimport (
    SYNC_APPLIED, SYNC_GAP, SYNC_SNAPSHOT, book_sync_apply, book_sync_is_applying, book_sync_is_live, book_sync_reset,
)
from bot4._core.book.depth_sync cimport DepthSync
from bot4._core.book.order_book cimport Book, BookView, OrderBook
from bot4._core.sim.delay_line cimport (
    delay_line_front, delay_line_hash, delay_line_init, delay_line_next_due, delay_line_pop, delay_line_push_after,
    delay_line_release, delay_line_room, delay_line_size,
)
from bot4._core.sim.displayed cimport displayed_hash, displayed_init, displayed_on_event, displayed_release
from bot4._core.sim.fill_model cimport FillModel, fill_state_hash
from bot4._core.sim.latency cimport Latency, latency_sample
from bot4._core.sim.paper_matching cimport (
    PAPER_BAD_ORDER, PAPER_IN_FLIGHT_FULL, PAPER_OK, PAPER_OUT_OF_RANGE, PAPER_WRONG_INSTRUMENT, PaperVenue, paper_arrive,
)
from bot4._core.sim.paper_passive cimport paper_on_print, paper_see_level
from bot4._core.sim.paper_queue cimport paper_queue_hash, paper_queue_on_market
from bot4._core.sim.paper_tape cimport PaperTape, paper_play
from bot4._core.sim.queue_position cimport QUEUE_TRADE_THROUGH
from bot4._core.sim.resting cimport RestingOrder, resting_hash, resting_init, resting_release
from bot4._core.sim.rng cimport rng_seed
from bot4._core.types cimport (
    ACTION_CANCEL_ALL, ACTION_PLACE, EVENT_AGG_TRADE, EVENT_DEPTH_BEGIN, EVENT_DEPTH_LEVEL, EVENT_GAP_MARK, EVENT_TRADE,
    FLAG_LAST, INTENT_POST_ONLY, ORDER_LIMIT, ORDER_MARKET, SIDE_SELL, TIF_FOK, TIF_GTC, Event, OrderIntent,
    aligned_zalloc, hash_mix, money_to_int,
)

cdef enum:
    _CHUNK_EVENTS = 256
cdef uint64_t _DICE_STREAM = 1 << 32     # beside the two streams of each instrument's latencies


cdef int paper_submit(PaperVenue* venue, const OrderIntent* intent, int64_t now_ns) noexcept nogil:
    cdef int reason = PAPER_OK
    cdef bint is_limit = intent.type == ORDER_LIMIT
    if intent.instrument != venue.instrument:
        reason = PAPER_WRONG_INSTRUMENT
    elif intent.action > ACTION_CANCEL_ALL:
        reason = PAPER_BAD_ORDER
    elif intent.action == ACTION_PLACE:
        if (
            intent.side > SIDE_SELL or intent.type > ORDER_MARKET or intent.tif > TIF_FOK or intent.qty_lots <= 0
            or (is_limit and intent.price_ticks <= 0)
            or (intent.flags & INTENT_POST_ONLY and not (is_limit and intent.tif == TIF_GTC))
        ):
            reason = PAPER_BAD_ORDER
        elif is_limit and not contract_is_in_range(&venue.spec, intent.price_ticks, intent.qty_lots):
            reason = PAPER_OUT_OF_RANGE
        elif delay_line_size(&venue.arrivals) >= venue.max_in_flight:
            reason = PAPER_IN_FLIGHT_FULL
    if reason == PAPER_OK and delay_line_room(&venue.arrivals) == 0:
        reason = PAPER_IN_FLIGHT_FULL
    if reason != PAPER_OK:
        venue.counts.refused += 1
        return reason
    delay_line_push_after(&venue.arrivals, intent, now_ns, _way_there(venue, intent))
    venue.counts.submitted += 1
    return PAPER_OK


cdef int64_t _way_there(PaperVenue* venue, const OrderIntent* intent) noexcept nogil:
    """Latency of an intent; a placed order was decided on a market that was some time old."""
    cdef bint is_cancel = intent.action != ACTION_PLACE
    if is_cancel and venue.fills.has_cancel_latency:
        return latency_sample(&venue.fills.cancel_latency, &venue.arrivals.rng)
    return latency_sample(&venue.arrivals.latency, &venue.arrivals.rng) + (
        0 if is_cancel else latency_sample(&venue.fills.data_latency, &venue.fills.dice)
    )


cdef int paper_on_event(
    PaperVenue* venue, const Event* market, const OrderBook* book, int64_t now_ns, Event* out, int capacity
) noexcept nogil:
    cdef bint is_mid_message = False
    cdef int64_t venue_ns = min(now_ns, venue.limit_ns)
    cdef int written = 0
    if market != NULL:
        displayed_on_event(&venue.displayed, market, book != NULL)
        if venue.fills.queue.kind != QUEUE_TRADE_THROUGH:
            paper_queue_on_market(&venue.fills, &venue.resting, market, book != NULL)
        # Half of a depth message is no book to trade on.
        if market.kind == EVENT_DEPTH_BEGIN or market.kind == EVENT_DEPTH_LEVEL:
            is_mid_message = book != NULL and not market.flags & FLAG_LAST
    if not is_mid_message:
        if delay_line_size(&venue.arrivals) > 0:
            paper_arrive(venue, book, venue_ns)
        if market != NULL and (market.kind == EVENT_TRADE or market.kind == EVENT_AGG_TRADE):
            paper_on_print(venue, market, venue_ns)
    while written < capacity and delay_line_size(&venue.reports) > 0 and delay_line_next_due(&venue.reports) <= now_ns:
        memcpy(&out[written], delay_line_front(&venue.reports), sizeof(Event))
        delay_line_pop(&venue.reports)
        written += 1
    return written


cdef int64_t paper_next_due(const PaperVenue* venue) noexcept nogil:
    cdef int64_t arrival_ns = delay_line_next_due(&venue.arrivals)
    cdef int64_t report_ns = delay_line_next_due(&venue.reports)
    # An arrival kept waiting for room can only go on once a report has left.
    if delay_line_room(&venue.reports) < venue.room_needed:
        return report_ns
    return arrival_ns if arrival_ns < report_ns and arrival_ns <= venue.limit_ns else report_ns


cdef void paper_halt(PaperVenue* venue, bint is_halted) noexcept nogil:
    venue.is_halted = is_halted


cdef uint64_t paper_hash(const PaperVenue* venue) noexcept nogil:
    cdef uint64_t digest = resting_hash(venue.history, &venue.resting)
    digest = displayed_hash(digest, &venue.displayed)
    digest = delay_line_hash(digest, &venue.arrivals)
    digest = delay_line_hash(digest, &venue.reports)
    digest = money_hash(money_hash(digest, venue.fees.maker_atoms), venue.fees.taker_atoms)
    digest = hash_mix(hash_mix(digest, <uint64_t>venue.position_lots), <uint64_t>venue.last_trade_id)
    if not venue.fills.is_default:
        digest = paper_queue_hash(fill_state_hash(digest, &venue.fills), &venue.resting)
    return hash_mix(hash_mix(digest, venue.print_kind), venue.is_halted)


cdef class Paper:
    """Owner of a paper venue for one instrument.

    Parameters
    ----------
    contract : Contract
        Grid, money scale and fee rates.
    seed : int
        Of the latencies; the instrument's index separates the venues of one session.
    instrument : int
        Index in the session's instrument table.
    submit_latency, report_latency : Latency, optional
        To the venue and back; log-normal with mu 3.9 and sigma 0.3 (milliseconds) where not given.
    fills : FillModel, optional
        Queue position, partial fills, own impact; trade-through fills of the whole chance where not given.
    max_open_orders, max_in_flight : int
        Resting orders, and placed orders on their way (as many cancels fit beside them); full is a refusal.
    max_levels : int
        Depth a taker can see and walk.
    max_taken_levels : int
        Levels a side of which own takes are remembered; when full, a walk ends before a level it could not remember.
    assumed_half_spread_ticks : int
        For data without book or quotes: trade at the last print plus or minus this, for at most that print's quantity.
        -1: never; orders are then rejected with PAPER_NO_MARKET.

    One thread: the shard's.

    >>> from bot4._core.account.contract import Contract
    >>> from bot4._core.book.order_book import Book
    >>> from bot4._core.sim.latency import Latency
    >>> book = Book()
    >>> _ = book.apply(1, 101, 5)   # 5 lots offered at 101
    >>> venue = Paper(Contract(0, tick_size="1", lot_size="1"), seed=1,
    ...               submit_latency=Latency.zero(), report_latency=Latency.zero())
    >>> venue.submit(order_id=7, side=0, type=1, qty_lots=3, now_ns=10).name   # buy 3 at market
    'PAPER_OK'
    >>> [(int(event["kind"]), int(event["c"])) for event in venue.step(10, book)]   # acknowledged, filled
    [(16, 3), (17, 3)]
    """

    def __cinit__(self):
        self.venue = <PaperVenue*>aligned_zalloc(sizeof(PaperVenue))
        if self.venue == NULL:
            raise MemoryError

    def __init__(
        self, contract: Contract, *, seed, instrument=0, submit_latency=None, report_latency=None,
        max_open_orders=256, max_in_flight=256, max_levels=256, max_taken_levels=256, assumed_half_spread_ticks=-1,
        FillModel fills=None,
    ):
        cdef PaperVenue* venue = self.venue
        cdef Latency submit = Latency.lognormal() if submit_latency is None else submit_latency
        cdef Latency report = Latency.lognormal() if report_latency is None else report_latency
        if venue.room_needed != 0:
            raise ValueError("a venue is made once")
        for name, value in dict(max_open_orders=max_open_orders, max_in_flight=max_in_flight, max_levels=max_levels,
                                max_taken_levels=max_taken_levels).items():
            if not 1 <= value <= 1 << 16:
                raise ValueError(f"{name} must be 1 to 65536, was {value}")
        if not -1 <= assumed_half_spread_ticks <= 1 << 40:
            raise ValueError(f"assumed_half_spread_ticks must be -1 to 2^40, was {assumed_half_spread_ticks}")
        venue.spec = contract.spec
        venue.instrument = instrument
        venue.max_in_flight = max_in_flight
        venue.limit_ns = INT64_MAX
        venue.fills = (fills if fills is not None else FillModel()).state
        rng_seed(&venue.fills.dice, seed, _DICE_STREAM + <uint64_t>instrument)
        venue.room_needed = max_levels + max_open_orders + 2
        if not (
            displayed_init(&venue.displayed, max_levels, max_taken_levels, assumed_half_spread_ticks)
            and resting_init(&venue.resting, max_open_orders)
            and delay_line_init(&venue.arrivals, 2 * max_in_flight, &submit.model, seed, 2 * <uint64_t>instrument)
            and delay_line_init(
                &venue.reports, 2 * venue.room_needed, &report.model, seed, 2 * <uint64_t>instrument + 1
            )
        ):
            raise MemoryError

    def __dealloc__(self):
        if self.venue != NULL:
            displayed_release(&self.venue.displayed)
            resting_release(&self.venue.resting)
            delay_line_release(&self.venue.arrivals)
            delay_line_release(&self.venue.reports)
            free(self.venue)

    def submit(
        self, *, now_ns: int, order_id: int = 0, action: int = ACTION_PLACE, side: int = 0, type: int = ORDER_LIMIT,
        tif: int = TIF_GTC, flags: int = 0, price_ticks: int = 0, qty_lots: int = 0,
    ) -> PaperReason:
        """Send an intent on its way; PAPER_OK, or why it was refused at once."""
        cdef OrderIntent intent = OrderIntent(
            order_id=order_id, instrument=self.venue.instrument, action=action, side=side, type=type, tif=tif,
            flags=flags, reason=0, price_ticks=price_ticks, qty_lots=qty_lots, ts_ns=now_ns, generation=0,
            trigger_ticks=0, score=0.0,
        )
        return PaperReason(paper_submit(self.venue, &intent, now_ns))

    cdef object _drain(self, const Event* market, const OrderBook* book, int64_t now_ns):
        """Reports of one market event (or of time passing), all of them."""
        cdef uint8_t[::1] raw
        cdef int written
        chunks = []
        while True:
            chunk = np.zeros(_CHUNK_EVENTS, dtype=EVENT_DTYPE)
            raw = chunk.view("u1")
            written = paper_on_event(self.venue, market, book, now_ns, <Event*>&raw[0], _CHUNK_EVENTS)
            chunks.append(chunk[:written])
            if written < _CHUNK_EVENTS:
                return np.concatenate(chunks)
            market = NULL

    def step(self, now_ns: int, book: BookView | None = None):
        """Let time pass: ndarray[EVENT_DTYPE] of the reports due by now."""
        return self._drain(NULL, book.book if book is not None else NULL, now_ns)

    def on_event(self, event, book: BookView | None = None, now_ns: int | None = None):
        """Tell the venue of one market event the book was already updated with; ndarray[EVENT_DTYPE] of reports due by now.

        Parameters
        ----------
        event : ndarray[EVENT_DTYPE], shape (1,)
        book : BookView, optional
            Without one the market is the last quote, or the last print with the assumed spread.
        now_ns : int, optional
            The event's receive stamp where not given.
        """
        cdef const uint8_t[::1] raw = event.view("u1")
        if raw.shape[0] != sizeof(Event):
            raise ValueError(f"event must hold one event of {sizeof(Event)} bytes, held {raw.shape[0]}")
        cdef const Event* market = <const Event*>&raw[0]
        return self._drain(market, book.book if book is not None else NULL, market.recv_ns if now_ns is None else now_ns)

    def follow(self, events, DepthSync sync not None, int64_t now_ns):
        """Take one whole message of the market as an engine's lane does: the book first, then what it means to orders.

        Parameters
        ----------
        events : ndarray[EVENT_DTYPE], shape (n,)
            One message.
        sync : DepthSync
            This venue's book; while it is not live the venue is halted.
        now_ns : int
            The venue's clock.

        Returns
        -------
        ndarray[EVENT_DTYPE]
            Reports due by now.
        """
        cdef const uint8_t[::1] raw = np.ascontiguousarray(events, dtype=EVENT_DTYPE).view("u1")
        cdef const Event* event
        cdef Py_ssize_t i
        cdef int verdict
        found = []
        for i in range(len(events)):
            event = <const Event*>&raw[i * sizeof(Event)]
            if event.kind == EVENT_DEPTH_BEGIN or event.kind == EVENT_DEPTH_LEVEL:
                verdict = book_sync_apply(sync.sync, event)
                if verdict == SYNC_APPLIED or verdict == SYNC_SNAPSHOT or verdict >= SYNC_GAP:
                    paper_halt(self.venue, verdict >= SYNC_GAP)
                if sync.sync.levels_left > 0:
                    if event.kind == EVENT_DEPTH_LEVEL and book_sync_is_applying(sync.sync):
                        paper_see_level(self.venue, event)
                    continue
            elif event.kind == EVENT_GAP_MARK:
                book_sync_reset(sync.sync)
                paper_halt(self.venue, True)
            found.append(self._drain(event, sync.sync.book if book_sync_is_live(sync.sync) else NULL, now_ns))
        return np.concatenate(found) if found else np.zeros(0, EVENT_DTYPE)

    def replay(self, events, intents, book: Book | None = None):
        """Run market events and intents, merged by time, and then until nothing is on its way.

        Each arrival and report happens at its own time: the book is that of the moment. An intent stamped with the time
        of an event is sent after it.

        Parameters
        ----------
        events : ndarray[EVENT_DTYPE], shape (n,), ``recv_ns`` not falling
        intents : ndarray[INTENT_DTYPE], shape (m,), ``ts_ns`` not falling
        book : Book, optional
            Updated here with the depth events (a snapshot clears it first).

        Returns
        -------
        (ndarray[EVENT_DTYPE], ndarray[uint8])
            All reports, and the PaperReason of each intent.
        """
        cdef const uint8_t[::1] event_raw = np.ascontiguousarray(events, dtype=EVENT_DTYPE).view("u1")
        cdef const uint8_t[::1] intent_raw = np.ascontiguousarray(intents, dtype=INTENT_DTYPE).view("u1")
        cdef uint8_t[::1] out_raw
        cdef uint8_t[::1] verdict_raw
        cdef PaperTape tape
        cdef int written
        verdicts = np.zeros(len(intents), dtype=np.uint8)
        verdict_raw = verdicts
        memset(&tape, 0, sizeof(tape))
        tape.event_count, tape.intent_count = len(events), len(intents)
        if tape.event_count:
            tape.events = <const Event*>&event_raw[0]
        if tape.intent_count:
            tape.intents, tape.verdicts = <const OrderIntent*>&intent_raw[0], &verdict_raw[0]
        if book is not None:
            tape.book = book.book
        reports = []
        while True:
            chunk = np.zeros(_CHUNK_EVENTS, dtype=EVENT_DTYPE)
            out_raw = chunk.view("u1")
            with nogil:
                written = paper_play(self.venue, &tape, <Event*>&out_raw[0], _CHUNK_EVENTS)
            reports.append(chunk[:written])
            if written < _CHUNK_EVENTS:
                return np.concatenate(reports), verdicts

    def halt(self, *, is_halted: bool) -> None:
        """While halted (a book that is not live), arriving orders are rejected with PAPER_NO_MARKET; cancels work."""
        paper_halt(self.venue, is_halted)

    def open_orders(self) -> list[tuple[int, int, int, int]]:
        """Resting orders as (order_id, side, price_ticks, qty_lots left), buys first, best price first."""
        cdef int side, i
        cdef const RestingOrder* order
        found = []
        for side in range(2):
            for i in range(self.venue.resting.count[side]):
                order = &self.venue.resting.sides[side][i]
                found.append((order.order_id, side, order.price_ticks, order.qty_lots))
        return found

    @property
    def counts(self) -> dict[str, int]:
        """What has happened so far, by name, with the fills by source of their liquidity."""
        return dict(self.venue.counts) | {"taken_memory_full": self.venue.displayed.taken_full}

    @property
    def fees_atoms(self) -> tuple[int, int]:
        """Fees charged so far to maker and taker fills, in atoms of the asset each fill pays in."""
        return money_to_int(self.venue.fees.maker_atoms), money_to_int(self.venue.fees.taker_atoms)

    @property
    def position_lots(self) -> int:
        """Net position at the venue; set it once to start from a position held before."""
        return self.venue.position_lots

    @position_lots.setter
    def position_lots(self, lots: int) -> None:
        self.venue.position_lots = lots

    @property
    def next_due_ns(self) -> int | None:
        """When the next arrival or report is due; None where nothing is on its way."""
        due_ns = paper_next_due(self.venue)
        return None if due_ns == INT64_MAX else due_ns

    @property
    def state_hash(self) -> int:
        """Hash of the venue's whole state and history."""
        return paper_hash(self.venue)
