# cython: language_level=3
"""Recovery: the state of orders, account, positions and risk from the journal, and snapshots of it.

What a shard has decided and heard is in its journal, so that orders, locks, balances, positions, known trades, risk
counts, latches and gates after record n are a function of records 1..n. Books and features are not in there: a shard
that comes back builds them from the market again, with its gates closed by GATE_START until it was reconciled.

A snapshot is that state after record n in one piece, with its hash. Load, then apply the records behind n: the hash is
that of applying all of them (tests/property/test_engine_recovery.py).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from bot4._core.journal.reader import JournalError

from bot4._core.account.ledger cimport LEDGER_OK, OrderLock, ledger_credit, ledger_lock_order
from bot4._core.account.money cimport money_clamp_64, money_sub
from bot4._core.brain.gate cimport ENTRY_NO_REASONS, Reasons
from bot4._core.brain.portfolio cimport portfolio_apply_equity
from bot4._core.engine.control cimport (
    ALL_LANES,
    CONTROL_FLATTEN,
    CONTROL_FUNDING_PAID,
    CONTROL_GATE_CLOSE,
    CONTROL_GATE_OPEN,
    CONTROL_KILL,
    CONTROL_RESET,
    CONTROL_SETTLE,
    CONTROL_STRATEGY_END,
)
from bot4._core.engine.decide cimport REASON_OPERATOR, REASON_STRATEGY
from bot4._core.engine.desk cimport desk_close
from bot4._core.engine.lane_state cimport (
    GATE_OPERATOR,
    GATE_START,
    REFUSED_BY_ENTRY,
    REFUSED_BY_RISK,
    Lane,
    Refusal,
    lane_open_gate,
)
from bot4._core.engine.orders cimport WorkingOrder, orders_add, orders_find
from bot4._core.engine.reports cimport reports_apply
from bot4._core.engine.shard cimport MarkRecord
from bot4._core.engine.snapshot cimport (
    SNAPSHOT_DAMAGED,
    SNAPSHOT_OK,
    SNAPSHOT_OTHER_BUILD,
    SNAPSHOT_OTHER_HASH,
    SNAPSHOT_OTHER_INSTRUMENTS,
    SNAPSHOT_SHORT,
    snapshot_hash,
    snapshot_load,
    snapshot_save,
    snapshot_size,
)
from bot4._core.journal.record cimport (
    JOURNAL_CONTROL,
    JOURNAL_DROPPED,
    JOURNAL_INTENT,
    JOURNAL_MARK,
    JOURNAL_REASONS,
    JOURNAL_REFUSAL,
    JOURNAL_UPDATE,
)
from bot4._core.risk.circuit cimport breaker_kill, breaker_read_word, breaker_reset
from bot4._core.risk.limits cimport risk_apply_equity, risk_apply_refused, risk_apply_sent
from bot4._core.types cimport (
    ACTION_PLACE,
    EVENT_ORDER_ACK,
    EVENT_ORDER_TOTAL,
    Event,
    OrderIntent,
    aligned_zalloc,
    money_t,
)


class RecoveryError(JournalError):
    """A journal that does not fit the shard it is read into, or a snapshot that cannot be used."""


_SNAPSHOT_FAULTS = {
    SNAPSHOT_SHORT: "the snapshot has not even a header",
    SNAPSHOT_OTHER_BUILD: "the snapshot is of another version or build",
    SNAPSHOT_DAMAGED: "the snapshot is damaged",
    SNAPSHOT_OTHER_INSTRUMENTS: "the snapshot is of other instruments",
    SNAPSHOT_OTHER_HASH: "the snapshot does not have the hash it was written with",
}


# -- records -----------------------------------------------------------------------------------------------------------

cdef int _take_place(ShardState* shard, Lane* lane, const OrderIntent* intent, uint64_t seq) noexcept nogil:
    cdef WorkingOrder* order
    cdef OrderLock lock
    if intent.order_id != seq:
        return RECOVERY_WRONG_ORDER
    memset(&lock, 0, sizeof(OrderLock))
    if ledger_lock_order(shard.shared.ledger, &lock, lane.spec, intent.side, intent.price_ticks,
                         intent.qty_lots) != LEDGER_OK:
        return RECOVERY_UNPAID
    order = orders_add(&lane.orders, intent)
    if order == NULL:
        return RECOVERY_TABLE_FULL
    order.lock = lock
    shard.shared.owed += lane.paper == NULL
    risk_apply_sent(lane.limits, lane.risk, intent, intent.ts_ns)
    lane.counters.intents += 1
    lane.decision.last_intent_ns = intent.ts_ns
    lane.decision.has_traded = True
    return RECOVERY_OK


cdef int _take_intent(ShardState* shard, int kind, const OrderIntent* intent, uint64_t seq) noexcept nogil:
    cdef Lane* lane
    cdef WorkingOrder* order
    if intent.instrument >= shard.lane_count or intent.side > 1:
        return RECOVERY_BAD_RECORD
    lane = &shard.lanes[intent.instrument]
    if kind == JOURNAL_INTENT and intent.action == ACTION_PLACE:
        return _take_place(shard, lane, intent, seq)
    order = orders_find(&lane.orders, intent.order_id)
    if kind == JOURNAL_DROPPED:
        lane.counters.dropped += 1
        if order != NULL:
            desk_close(lane, order, False, 0)
        return RECOVERY_OK
    lane.counters.cancels += 1
    if order != NULL and not order.cancel_pending:
        order.cancel_pending = True
        order.cancel_reason = 0
        shard.shared.owed -= lane.paper == NULL
    return RECOVERY_OK


cdef void _take_control(ShardState* shard, const Event* event, int64_t wall_ns) noexcept nogil:
    """What a control event did to the state; the cancels and orders it made have records of their own."""
    cdef int64_t code = event.body.control.code, value = event.body.control.value
    cdef Lane* lane
    cdef int i
    if code == CONTROL_KILL:
        breaker_kill(shard.shared.breaker)
    elif code == CONTROL_RESET:
        breaker_reset(shard.shared.breaker, breaker_read_word(&shard.shared.breaker.word), wall_ns)
    for i in range(shard.lane_count):
        lane = &shard.lanes[i]
        if event.instrument != ALL_LANES and event.instrument != i:
            continue
        if code == CONTROL_GATE_OPEN:
            lane_open_gate(lane, value)
        elif code == CONTROL_GATE_CLOSE:
            lane.gate |= <uint32_t>value if value != 0 else GATE_OPERATOR
        elif code == CONTROL_FLATTEN or (code == CONTROL_STRATEGY_END and value != 0):
            lane.flatten_reason = REASON_OPERATOR if code == CONTROL_FLATTEN else REASON_STRATEGY
            lane.flatten_next_ns = wall_ns
        elif code == CONTROL_SETTLE or code == CONTROL_FUNDING_PAID:
            lane.counters.funding_atoms += event.body.control.reserved[2]
            ledger_credit(shard.shared.ledger, lane.spec.settle_asset, money_sub(0, event.body.control.reserved[2]))


cdef int recovery_apply(
    ShardState* shard, int kind, uint64_t seq, int64_t wall_ns, const uint8_t* payload, size_t length
) noexcept nogil:
    cdef const Event* event = <const Event*>payload
    cdef const Refusal* refusal = <const Refusal*>payload
    cdef const MarkRecord* mark = <const MarkRecord*>payload
    cdef const Reasons* reasons = <const Reasons*>payload
    cdef money_t equity
    cdef Lane* lane
    if wall_ns > shard.now_ns:
        shard.now_ns = wall_ns
    if kind == JOURNAL_INTENT or kind == JOURNAL_DROPPED:
        if length != sizeof(OrderIntent):
            return RECOVERY_BAD_RECORD
        return _take_intent(shard, kind, <const OrderIntent*>payload, seq)
    if kind == JOURNAL_UPDATE:
        if length != sizeof(Event) or event.instrument >= shard.lane_count:
            return RECOVERY_BAD_RECORD
        if not EVENT_ORDER_ACK <= event.kind <= EVENT_ORDER_TOTAL:
            return RECOVERY_BAD_RECORD
        shard.reports += 1
        reports_apply(&shard.lanes[event.instrument], event, wall_ns)
    elif kind == JOURNAL_CONTROL:
        if length != sizeof(Event):
            return RECOVERY_BAD_RECORD
        _take_control(shard, event, wall_ns)
    elif kind == JOURNAL_REFUSAL:
        if length != sizeof(Refusal) or refusal.intent.instrument >= shard.lane_count:
            return RECOVERY_BAD_RECORD
        lane = &shard.lanes[refusal.intent.instrument]
        lane.counters.refusals += 1
        # An entry that the policy itself refused is on record and makes no pause.
        if refusal.stage != REFUSED_BY_ENTRY or refusal.verdict == ENTRY_NO_REASONS or lane.claims != NULL:
            lane.has_refused = True
            lane.last_refusal_ns = wall_ns
        if refusal.stage == REFUSED_BY_RISK:
            risk_apply_refused(lane.risk, <int>refusal.verdict)
    elif kind == JOURNAL_MARK:
        if length != sizeof(MarkRecord) or not 0 <= mark.instrument < shard.lane_count:
            return RECOVERY_BAD_RECORD
        lane = &shard.lanes[mark.instrument]
        shard.marks += 1
        equity = (<money_t>mark.equity_high << 64) | <money_t>mark.equity_low
        risk_apply_equity(lane.limits, lane.risk, equity)
        lane.equity_atoms = money_clamp_64(equity)
        if lane.reasoned != NULL:
            portfolio_apply_equity(lane.reasoned.portfolio, lane.reasoned.lane, equity)
    elif kind == JOURNAL_REASONS:
        if length != sizeof(Reasons) or not 0 <= reasons.instrument < shard.lane_count:
            return RECOVERY_BAD_RECORD
        lane = &shard.lanes[reasons.instrument]
        if lane.reasoned != NULL and reasons.atr_ticks > 0:
            lane.reasoned.atr_ticks = reasons.atr_ticks     # for the stop of what is held, until bars tell anew
    return RECOVERY_OK


# -- Python ------------------------------------------------------------------------------------------------------------

cdef class Recovery:
    """Reads an engine's past into it, before anything runs it.

    Parameters
    ----------
    engine : Engine
        As it was when the journal began: the same instruments, assets and opening balances.

    One thread, before the shard runs. What is read back is neither written again nor sent.
    """

    def __cinit__(self, Engine engine not None):
        self.engine = engine
        self._scratch = <BreakerState*>aligned_zalloc(sizeof(BreakerState))
        if self._scratch == NULL:
            raise MemoryError("no memory for a breaker")

    def __dealloc__(self):
        free(self._scratch)

    def load(self, const uint8_t[::1] snapshot) -> None:
        """Take over a snapshot, into a fresh engine.

        Raises
        ------
        RecoveryError
            It is damaged, of another version, build or set of instruments. The engine must then be made anew.
        """
        cdef int verdict = snapshot_load(
            self.engine.state, &snapshot[0] if snapshot.shape[0] else NULL, snapshot.shape[0], &self.seq, &self.epoch)
        if verdict != SNAPSHOT_OK:
            raise RecoveryError(_SNAPSHOT_FAULTS[verdict])
        self._hold()

    def replay(self, records) -> int:
        """Apply the records of a journal behind those the state already holds; returns how many.

        Parameters
        ----------
        records : iterable of Record
            Oldest first; those up to `seq` are passed over.

        Raises
        ------
        RecoveryError
            A record does not fit: the engine did not begin as the journal did.
        """
        cdef int count = 0
        for record in records:
            if record.seq <= self.seq:
                continue
            self._apply(record.kind, record.seq, record.ts_wall_ns, record.payload)
            self.seq, self.epoch = record.seq, record.epoch
            count += 1
        self._hold()
        return count

    cdef int _apply(self, int kind, uint64_t seq, int64_t wall_ns, const uint8_t[::1] payload) except -1:
        cdef ShardState* shard = self.engine.state
        cdef BreakerState* breaker = shard.shared.breaker
        cdef const Event* event
        cdef int verdict
        cdef bint is_operator = False
        if kind == JOURNAL_CONTROL and payload.shape[0] == <Py_ssize_t>sizeof(Event):
            event = <const Event*>&payload[0]
            is_operator = event.body.control.code == CONTROL_KILL or event.body.control.code == CONTROL_RESET
        if not is_operator:
            # Latencies and rejects of the past are not those of the connection to come: only the operator's kill stays.
            memcpy(self._scratch, breaker, sizeof(BreakerState))
            shard.shared.breaker = self._scratch
        shard.shared.is_replaying = True
        verdict = recovery_apply(shard, kind, seq, wall_ns, &payload[0] if payload.shape[0] else NULL, payload.shape[0])
        shard.shared.is_replaying = False
        shard.shared.breaker = breaker
        if verdict != RECOVERY_OK:
            word = RecoveryVerdict(verdict).name.removeprefix("RECOVERY_").lower()
            raise RecoveryError(f"record {seq} does not fit this engine: {word}")
        return 0

    def _hold(self):
        """Close the gates of lanes whose venue is outside: nothing new before the venue was asked."""
        cdef int i
        for i in range(self.engine.state.lane_count):
            if self.engine.state.lanes[i].paper == NULL:
                self.engine.state.lanes[i].gate |= GATE_START

    def save(self, uint64_t seq, uint32_t epoch) -> bytes:
        """Return a snapshot of the engine after record `seq`; not while a runner runs it (`ShardRunner.snapshot`)."""
        cdef size_t size = snapshot_size(self.engine.state)
        cdef bytearray out = bytearray(size)
        cdef uint8_t[::1] view = out
        snapshot_save(self.engine.state, seq, epoch, &view[0], size)
        return bytes(out)

    @property
    def state_hash(self) -> str:
        """Hash of all that a journal determines, 16 hexadecimal digits; the same for the engine that wrote it."""
        return f"{snapshot_hash(self.engine.state):016x}"
