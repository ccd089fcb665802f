# cython: language_level=3
"""The engine as Python sees it: put together once, then fed by one thread."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from threading import Lock

from bot4._core.account.ledger cimport Account
from bot4._core.account.positions cimport Positions
from bot4._core.book.depth_sync cimport DepthSync
from bot4._core.engine.control cimport ALL_LANES, CONTROL_CANCEL_ALL, CONTROL_STOP, control_event
from bot4._core.engine.decide cimport LinearPolicy
from bot4._core.engine.lane_state cimport GATE_START, Lane
from bot4._core.engine.link cimport VenueLink
from bot4._core.engine.orders cimport WORKING_MAX, WorkingOrder
from bot4._core.engine.reasoned_policy cimport ReasonedPolicy, StatedGate
from bot4._core.engine.shard cimport (
    LANES_MAX,
    ShardState,
    shard_apply,
    shard_apply_reports,
    shard_hash,
    shard_publish,
)
from bot4._core.engine.stages cimport StageTimes
from bot4._core.engine.strategy cimport StrategyHost, strategy_tell
from bot4._core.engine.strategy_call cimport CALL_STOP
from bot4._core.engine.tape cimport TapeKeeper
from bot4._core.engine.trade_ids cimport TradeIdSet
from bot4._core.engine.view cimport VIEW_HEAD_WORDS, VIEW_LANE_WORDS, View, view_set_lanes
from bot4._core.journal.stream cimport Journal
from bot4._core.mem.record_buffer cimport borrow_records
from bot4._core.risk.breaker cimport Breaker
from bot4._core.risk.limits cimport RiskGate
from bot4._core.sim.paper cimport Paper
from bot4._core.ta.bars cimport bars_start
from bot4._core.ta.features cimport Features
from bot4._core.types cimport EVENT_ORDER_ACK, EVENT_ORDER_TOTAL, EVENT_TIMER, Event, aligned_zalloc, money_from_int

from cpython.buffer cimport PyBuffer_Release

from bot4._core.engine.lane_state import BookSource, GateReason, Mismatch
from bot4._core.engine.shown import shown


cdef class Engine:
    """One shard: lanes, account, breaker, journal, clock.

    Parameters
    ----------
    positions : Positions
        One entry for each lane that will be added, in the same order.
    account : Account
    breaker : Breaker
    journal : Journal or None
        None keeps no record (benchmarks, doctests).
    link : VenueLink or None
        To the gateway of an external venue; needs a journal, as order ids are made from its sequence.
    tick_interval_ns : int
        Step in which silence is lived through.
    mark_interval_ns : int
        Time between two points of the equity curve.
    jump_ns : int
        A gap between two stamps beyond this is a clock jump: only its first part is lived through.
    sample_every : int
        Stage times are taken on one message in this many; a power of two.
    sync_orders : bool
        Have every new order on the disk (fdatasync, milliseconds) before it is sent; else it is written before.

    One thread at a time may call `apply`, `control`, `drain` or run a feed into it; `view` may be called by any.

    Raises
    ------
    ValueError
        An interval is not positive, `sample_every` is no power of two, or there is a link and no journal.
    """

    def __cinit__(
        self, Positions positions, Account account, Breaker breaker, Journal journal=None, *,
        int64_t tick_interval_ns=100_000_000, int64_t mark_interval_ns=1_000_000_000,
        int64_t jump_ns=60_000_000_000, uint64_t sample_every=16, VenueLink link=None, bint sync_orders=False,
    ):
        if min(tick_interval_ns, mark_interval_ns, jump_ns) <= 0:
            raise ValueError("tick_interval_ns, mark_interval_ns and jump_ns must be positive")
        if sample_every == 0 or sample_every & (sample_every - 1):
            raise ValueError(f"sample_every must be a power of two, was {sample_every}")
        if positions.count > LANES_MAX:
            raise ValueError(f"a shard has at most {LANES_MAX} instruments, was given {positions.count}")
        if link is not None and journal is None:
            raise ValueError("an external venue needs a journal: order ids are made from its sequence")
        self.symbols = []
        self._parts = []
        self._account = account
        self._positions = positions
        self._breaker = breaker
        self._journal = journal
        self._view = View()
        self.stages = StageTimes()
        self._busy = Lock()
        self.state = <ShardState*>aligned_zalloc(sizeof(ShardState))
        if self.state == NULL:
            raise MemoryError("no memory for a shard")
        self.state.lanes = <Lane*>aligned_zalloc(positions.count * sizeof(Lane))
        if self.state.lanes == NULL:
            raise MemoryError("no memory for the lanes of a shard")
        self.state.positions = positions.positions
        self.state.specs = positions.specs
        self.state.view = self._view.view
        self.state.tick_interval_ns = tick_interval_ns
        self.state.mark_interval_ns = mark_interval_ns
        self.state.jump_ns = jump_ns
        self.state.sample_mask = sample_every - 1
        self.state.shared.syncs_orders = sync_orders
        self.state.shared.ledger = &account.ledger
        self.state.shared.breaker = breaker.state
        self.state.shared.journal = NULL if journal is None else journal.stream
        self.state.shared.stages = &self.stages.stages
        self.state.shared.next_seq = 1     # as of a new journal
        self.link = link
        if link is not None:
            self.state.shared.intents = link.intents.ring
            self.state.shared.intents_capacity = link.intents.capacity
            self.state.shared.gateway = link.intents_waiter.waiter

    def __dealloc__(self):
        if self.state != NULL:
            free(self.state.lanes)
            free(self.state)

    def add_lane(
        self, str symbol, DepthSync sync not None, Features features not None, Paper paper, RiskGate gate not None,
        LinearPolicy policy not None, *, int64_t assumed_half_spread_ticks=0, bint plays_bars=False,
        position_ticklots_max=0, int trade_ids=65_536, ReasonedPolicy reasoned=None, StatedGate stated=None,
        int64_t own_bars_ns=0,
    ) -> int:
        """Add the next instrument; returns its index, which is the one events must carry.

        Parameters
        ----------
        symbol : str
        sync, features, paper, gate, policy
            Its parts; none may serve two lanes. Without a `paper` venue the lane trades on the external one behind the
            engine's link, and its gate stays closed until CONTROL_GATE_OPEN.
        assumed_half_spread_ticks : int
            Half the spread assumed around the last price where only prints or bars come; 0 assumes nothing and so
            does not trade on them.
        plays_bars : bool
            Where bars are the only market, the paper venue is told of a closed one as four prints.
        position_ticklots_max : int
            Position limit as price_ticks x qty_lots, turned into lots at the first touch; 0 leaves the gate's own.
        trade_ids : int
            Fills of an external venue that are remembered to tell a repeat, a power of two.
        reasoned : ReasonedPolicy or None
            Decides instead of `policy`, of which it takes thresholds, limits and the order grid.
        stated : StatedGate or None
            Judges what `policy`, a strategy or a person asks for.
        own_bars_ns : int
            Length of the bars of prints that a strategy is told of where the data has none; 0: it has.
        """
        cdef Lane* lane
        cdef TradeIdSet known
        cdef int term
        if self.state.lane_count == (<Positions>self._positions).count:
            raise ValueError(f"there are positions for {self.state.lane_count} instruments only")
        if paper is None and self.link is None:
            raise ValueError(f"{symbol} has neither a paper venue nor a link to an external one")
        parts = [part for part in (sync, features, paper, gate, reasoned, stated) if part is not None]
        if any(part is other for part in parts for other in self._parts):
            raise ValueError(f"a part of {symbol} serves another lane already")
        if gate.limits.max_open_orders > WORKING_MAX:
            raise ValueError(f"open orders must be limited to {WORKING_MAX}, the limit was {gate.limits.max_open_orders}")
        for term in range(policy.policy.term_count):
            if not features.has_place(policy.policy.terms[term].feature):
                raise ValueError(
                    f"the policy of {symbol} reads feature {policy.policy.terms[term].feature}, which is not computed")
        if gate.limits.instrument != self.state.lane_count:
            raise ValueError(
                f"{symbol} is instrument {self.state.lane_count}, its risk gate is that of {gate.limits.instrument}")
        if reasoned is not None and reasoned.reasoned.lane != self.state.lane_count:
            raise ValueError(f"{symbol} is instrument {self.state.lane_count}, its policy is that of {reasoned.reasoned.lane}")
        lane = &self.state.lanes[self.state.lane_count]
        lane.shared = &self.state.shared
        lane.sync = sync.sync
        lane.bank = features.bank
        if paper is not None:
            lane.paper = paper.venue
        else:
            known = TradeIdSet(trade_ids)
            lane.trade_ids = known.ids
            lane.gate = GATE_START
            parts.append(known)
        lane.limits = gate.limits
        lane.risk = gate.state
        lane.spec = &self.state.specs[self.state.lane_count]
        lane.position = &self.state.positions[self.state.lane_count]
        lane.instrument = self.state.lane_count
        lane.assumed_half_spread_ticks = assumed_half_spread_ticks
        lane.plays_bars = plays_bars
        lane.position_ticklots_max = money_from_int(position_ticklots_max)
        lane.touch_id = -1
        memcpy(&lane.policy, policy.policy, sizeof(lane.policy))
        if reasoned is not None:
            lane.reasoned = reasoned.reasoned
        if stated is not None:
            lane.claims = stated.claims
        if own_bars_ns:
            bars_start(&lane.own_bars, own_bars_ns)
        self._parts += parts
        self.symbols.append(symbol)
        self.state.lane_count += 1
        view_set_lanes(self._view.view, self.state.lane_count)
        return lane.instrument

    def set_strategy(self, StrategyHost host not None, *, bint features=True) -> None:
        """Let a strategy decide instead of the policies, before the first event; without `features` none are kept."""
        cdef int i
        if self.state.shared.events != 0:
            raise ValueError(f"a strategy is set before the first event, there were {self.state.shared.events}")
        with self._busy:
            self._parts.append(host)
            self.state.shared.strategy = host.hook
            for i in range(self.state.lane_count):
                self.state.lanes[i].is_featureless = not features

    def set_reference(self, int lane, int reference) -> None:
        """Let another lane's price be the reference of a lane's features, before the first event."""
        if self.state.shared.events or lane == reference or not 0 <= min(lane, reference) <= max(lane, reference) < self.state.lane_count:
            raise ValueError(f"lane {lane} of {self.state.lane_count} cannot have lane {reference} as its reference")
        self.state.lanes[lane].reference = &self.state.lanes[reference]

    def set_tape(self, TapeKeeper keeper not None, *, uint64_t records_before=0) -> None:
        """Keep orders, fills, ends, refusals and marks in memory, too, counted on from a journal's `records_before`."""
        with self._busy:
            self._parts.append(keeper)
            self.state.shared.tape, self.state.shared.next_seq = &keeper.tape, records_before + 1

    def apply(self, events) -> None:
        """Apply a contiguous array of 64-byte events, oldest first, without the GIL.

        Reports that stand together are taken together, as from their ring.
        """
        cdef Py_buffer view
        cdef Py_ssize_t count = borrow_records(events, &view, sizeof(Event), False), i = 0, end
        cdef Event* rows = <Event*>view.buf
        try:
            with self._busy, nogil:
                while i < count:
                    end = i
                    while end < count and EVENT_ORDER_ACK <= rows[end].kind <= EVENT_ORDER_TOTAL:
                        end += 1
                    if end > i:
                        shard_apply_reports(self.state, &rows[i], end - i)
                        i = end
                    else:
                        shard_apply(self.state, &rows[i])
                        i += 1
                shard_publish(self.state)
        finally:
            PyBuffer_Release(&view)

    def control(self, int code, *, int instrument=ALL_LANES, int64_t value=0, int side=0, int64_t qty_lots=0,
                int64_t tif=0, int64_t flags=0) -> None:
        """Apply one control event now, from the thread that feeds the engine. See `ControlCode`."""
        cdef Event event
        control_event(&event, code, instrument, value, side, qty_lots, tif, flags)
        with self._busy:
            shard_apply(self.state, &event)
            shard_publish(self.state)

    def drain(self, *, int64_t horizon_ns=120_000_000_000) -> int:
        """Stop deciding, cancel what works, and let time pass until the venue has answered; returns orders still open.

        Time is the engine's own: at most `horizon_ns` of it passes. An external venue answers in time of its own: of
        its orders only the cancels are sent, and its reports must be pushed and applied.
        """
        cdef Event tick
        cdef int64_t until
        cdef int i
        self.control(CONTROL_STOP)
        self.control(CONTROL_CANCEL_ALL)
        memset(&tick, 0, sizeof(Event))
        tick.kind = EVENT_TIMER
        until = self.state.now_ns + horizon_ns
        with self._busy:
            while self._paper_orders() and self.state.now_ns < until:
                tick.recv_ns = self.state.now_ns + self.state.tick_interval_ns
                self.state.market_ns = self.state.now_ns      # this silence is lived through, however long
                shard_apply(self.state, &tick)
            if self.state.shared.strategy != NULL and not self.state.shared.strategy.is_stopped:
                for i in range(self.state.lane_count):
                    strategy_tell(&self.state.lanes[i], CALL_STOP, NULL, self.state.now_ns)
                self.state.shared.strategy.is_stopped = True
            shard_publish(self.state)
        return self.working_orders

    @property
    def working_orders(self) -> int:
        """Orders the venue may still fill."""
        cdef int i, total = 0
        for i in range(self.state.lane_count):
            total += self.state.lanes[i].orders.count
        return total

    def _paper_orders(self):
        cdef int i, total = 0
        for i in range(self.state.lane_count):
            total += self.state.lanes[i].orders.count if self.state.lanes[i].paper != NULL else 0
        return total

    def remember_trades(self, int index, const int64_t[::1] trade_ids) -> None:
        """Take fills as applied already: those a restart finds in the journal. Before anything runs the shard."""
        cdef Lane* lane = self._lane(index)
        cdef TradeIdSet known
        if lane.trade_ids == NULL:
            raise ValueError(f"{self.symbols[index]} trades on paper, whose fills do not repeat")
        for part in self._parts:
            if isinstance(part, TradeIdSet):
                known = part
                if known.ids == lane.trade_ids:
                    with self._busy:
                        known.add_many(trade_ids)

    def orders(self, int index) -> list:
        """Return one lane's working orders, oldest first, as dicts; waits for whoever runs the shard."""
        cdef Lane* lane = self._lane(index)
        cdef WorkingOrder* order
        cdef int i
        found = []
        with self._busy:
            for i in range(lane.orders.count):
                order = &lane.orders.orders[i]
                found.append({
                    "order_id": order.order_id, "side": order.side, "price_ticks": order.price_ticks,
                    "qty_lots": order.qty_lots, "filled_lots": order.filled_lots, "sent_ns": order.sent_ns,
                    "is_sent": bool(order.is_sent), "is_acked": bool(order.is_acked),
                    "is_unknown": bool(order.is_unknown), "cancel_pending": bool(order.cancel_pending),
                })
        return found

    cdef Lane* _lane(self, int index) except NULL:
        if not 0 <= index < self.state.lane_count:
            raise IndexError(f"lane must be in 0..{self.state.lane_count - 1}, was {index}")
        return &self.state.lanes[index]

    @property
    def state_hash(self) -> str:
        """Hash of books, features, account, orders and venue: equal for equal input, 16 hexadecimal digits."""
        return f"{shard_hash(self.state):016x}"

    @property
    def now_ns(self) -> int:
        """The engine's clock: the latest stamp it has seen."""
        return self.state.now_ns

    def counters(self) -> dict:
        """Return the shard's totals: events, messages, controls, reports, marks, strays, clock_backs, clock_jumps."""
        return {
            "events": self.state.shared.events,
            "messages": self.state.messages,
            "controls": self.state.controls,
            "reports": self.state.reports,
            "marks": self.state.marks,
            "strays": self.state.strays,
            "clock_backs": self.state.clock_backs,
            "clock_jumps": self.state.clock_jumps,
            "journal_errno": self.state.shared.journal_errno,
        }

    def lane_counters(self, int index) -> dict:
        """Return one lane's totals, the source of its prices, and the reasons its gate is closed for (none: open)."""
        cdef Lane* lane = self._lane(index)
        counters = dict(lane.counters)
        counters["source"] = BookSource(lane.source).name.removeprefix("SOURCE_").lower()
        counters["needs_snapshot"] = bool(lane.needs_snapshot)
        counters["has_depth"] = bool(lane.has_depth)
        counters["gate"] = [reason.name.removeprefix("GATE_").lower() for reason in GateReason if lane.gate & reason]
        counters["mismatch"] = Mismatch(lane.mismatch).name.removeprefix("MISMATCH_").lower() if lane.mismatch else None
        return counters

    def top(self, int index) -> tuple:
        """Return bids and asks as one lane sees them, best first: two lists of (price_ticks, qty_lots), at most 5 each."""
        cdef Lane* lane = self._lane(index)
        cdef int i
        with self._busy:
            return (
                [(lane.top.bid_price_ticks[i], lane.top.bid_qty_lots[i]) for i in range(lane.top.bid_levels)],
                [(lane.top.ask_price_ticks[i], lane.top.ask_qty_lots[i]) for i in range(lane.top.ask_levels)],
            )

    def view(self) -> dict:
        """Return what the shard last showed: its clock and totals, and ``lanes``, a list of dicts of raw integers.

        Consistent in itself. Prices are in ticks, quantities in lots, equity in atoms of the settle asset.
        """
        return shown(self._view.words(), self.symbols, head_words=VIEW_HEAD_WORDS, lane_words=VIEW_LANE_WORDS)
