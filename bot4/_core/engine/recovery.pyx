# cython: language_level=3
"""Recovery: the state of orders, account, positions and risk from the journal, and snapshots of it.

What a shard has decided and heard is in its journal, so that orders, locks, balances, positions, known trades, risk
counts, latches and gates after record n are a function of records 1..n. Books and features are not in there: a shard
that comes back builds them from the market again, with its gates closed by GATE_START until it was reconciled.

A snapshot is that state after record n in one piece, with its hash. Load, then apply the records behind n: the hash is
that of applying all of them (tests/property/test_engine_recovery.py).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from bot4._core.journal.reader import JournalError

from bot4._core.account.ledger cimport LEDGER_OK, AssetBalance, OrderLock, ledger_hash, ledger_lock_order
from bot4._core.account.money cimport money_hash
from bot4._core.account.positions cimport Position, position_hash
from bot4._core.brain.gate cimport ENTRY_NO_REASONS, Reasons
from bot4._core.brain.portfolio cimport portfolio_apply_equity
from bot4._core.brain.stops cimport GuardState
from bot4._core.engine.control cimport (
    ALL_LANES,
    CONTROL_FLATTEN,
    CONTROL_GATE_CLOSE,
    CONTROL_GATE_OPEN,
    CONTROL_KILL,
    CONTROL_RESET,
)
from bot4._core.engine.decide cimport REASON_OPERATOR
from bot4._core.engine.desk cimport desk_close
from bot4._core.engine.lane_state cimport (
    GATE_OPERATOR,
    GATE_START,
    REFUSED_BY_ENTRY,
    REFUSED_BY_RISK,
    Lane,
    LaneCounters,
    Refusal,
    lane_open_gate,
)
from bot4._core.engine.orders cimport OrderTable, WorkingOrder, orders_add, orders_find
from bot4._core.engine.reports cimport reports_apply
from bot4._core.engine.shard cimport MarkRecord
from bot4._core.engine.trade_ids cimport trade_ids_hash, trade_ids_held, trade_ids_restore
from bot4._core.journal.crc32c cimport crc32c_update
from bot4._core.journal.record cimport (
    JOURNAL_CONTROL,
    JOURNAL_DROPPED,
    JOURNAL_INTENT,
    JOURNAL_MARK,
    JOURNAL_REASONS,
    JOURNAL_REFUSAL,
    JOURNAL_UPDATE,
)
from bot4._core.risk.circuit cimport breaker_is_killed, breaker_kill, breaker_read_word, breaker_reset
from bot4._core.risk.limits cimport (
    RiskState,
    risk_apply_equity,
    risk_apply_refused,
    risk_apply_sent,
)
from bot4._core.risk.state cimport risk_hash
from bot4._core.types cimport (
    ACTION_PLACE,
    EVENT_ORDER_ACK,
    EVENT_ORDER_TOTAL,
    Event,
    OrderIntent,
    aligned_zalloc,
    hash_mix,
    money_t,
)

cdef uint64_t MAGIC = 0x50414E5334544F42       # "BOT4SNAP"
cdef uint32_t VERSION = 1


class RecoveryError(JournalError):
    """A journal that does not fit the shard it is read into, or a snapshot that cannot be used."""


ctypedef struct SnapshotHeader:
    uint64_t magic
    uint32_t version
    uint32_t crc                # of everything behind this field
    uint64_t size
    uint64_t seq
    uint64_t state_hash
    uint64_t layout             # sizes of the structs inside: another build's memory is not read as this one's
    int64_t now_ns
    uint64_t marks
    uint64_t reports
    uint32_t epoch
    int32_t lane_count
    int32_t asset_count
    uint32_t is_killed


ctypedef struct LaneImage:
    Position position
    RiskState risk
    OrderTable orders
    LaneCounters counters
    int64_t last_intent_ns
    int64_t last_refusal_ns
    int64_t flatten_next_ns
    uint64_t trade_ids_added
    uint64_t trade_ids_forgotten
    uint64_t trade_ids_capacity
    uint32_t gate
    int32_t mismatch
    int32_t flatten_reason
    int32_t has_traded
    int32_t has_refused
    int32_t is_latched           # of the reasoned policy: the portfolio's drawdown, its peak, and the stop of what is held
    int64_t atr_ticks
    money_t peak_atoms
    GuardState guard


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
        elif code == CONTROL_FLATTEN:
            lane.flatten_reason = REASON_OPERATOR
            lane.flatten_next_ns = wall_ns


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
        if refusal.stage != REFUSED_BY_ENTRY or refusal.verdict == ENTRY_NO_REASONS:
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
        if lane.reasoned != NULL:
            portfolio_apply_equity(lane.reasoned.portfolio, lane.reasoned.lane, equity)
    elif kind == JOURNAL_REASONS:
        if length != sizeof(Reasons) or not 0 <= reasons.instrument < shard.lane_count:
            return RECOVERY_BAD_RECORD
        lane = &shard.lanes[reasons.instrument]
        if lane.reasoned != NULL and reasons.atr_ticks > 0:
            lane.reasoned.atr_ticks = reasons.atr_ticks     # for the stop of what is held, until bars tell anew
    return RECOVERY_OK


# -- the hash ----------------------------------------------------------------------------------------------------------

cdef uint64_t _order_hash(uint64_t digest, const WorkingOrder* order) noexcept nogil:
    digest = hash_mix(digest, order.order_id)
    digest = hash_mix(digest, <uint64_t>order.price_ticks)
    digest = hash_mix(digest, <uint64_t>order.qty_lots)
    digest = hash_mix(digest, <uint64_t>order.filled_lots)
    digest = hash_mix(digest, <uint64_t>order.sent_ns)
    digest = hash_mix(digest, <uint64_t>order.cancel_refused_ns)
    digest = hash_mix(digest, <uint64_t>order.lock.asset)
    digest = money_hash(digest, order.lock.remaining)
    return hash_mix(
        digest, <uint64_t>order.side << 32 | <uint64_t>order.is_acked << 3 | <uint64_t>order.cancel_pending << 2
        | <uint64_t>order.is_sent << 1 | order.is_unknown)


cdef uint64_t _lane_hash(uint64_t digest, const Lane* lane) noexcept nogil:
    cdef RiskState risk = lane.risk[0]
    cdef int i
    risk.reference_ticks = 0                      # of the market, not of the journal
    risk.reference_ns = 0
    digest = hash_mix(digest, risk_hash(&risk))
    digest = hash_mix(digest, position_hash(lane.position))
    digest = money_hash(digest, lane.position.realised)
    digest = hash_mix(digest, <uint64_t>lane.orders.count)
    for i in range(lane.orders.count):
        digest = _order_hash(digest, &lane.orders.orders[i])
    if lane.trade_ids != NULL:
        digest = hash_mix(digest, trade_ids_hash(lane.trade_ids))
    # A shard that comes back is held until it was reconciled, whatever its gate was.
    digest = hash_mix(digest, <uint64_t>(lane.gate & ~<uint32_t>GATE_START) << 32 | <uint64_t>lane.mismatch)
    digest = hash_mix(digest, lane.counters.intents)
    digest = hash_mix(digest, lane.counters.cancels)
    digest = hash_mix(digest, lane.counters.fills)
    digest = hash_mix(digest, lane.counters.refusals)
    digest = hash_mix(digest, lane.counters.dropped)
    digest = hash_mix(digest, <uint64_t>lane.decision.last_intent_ns)
    digest = hash_mix(digest, <uint64_t>lane.last_refusal_ns)
    return hash_mix(digest, <uint64_t>lane.decision.has_traded << 1 | lane.has_refused)


cdef uint64_t recovery_hash(const ShardState* shard) noexcept nogil:
    cdef uint64_t digest = hash_mix(ledger_hash(shard.shared.ledger), breaker_is_killed(shard.shared.breaker))
    cdef int i
    for i in range(shard.lane_count):
        digest = _lane_hash(digest, &shard.lanes[i])
    return digest


# -- snapshots ---------------------------------------------------------------------------------------------------------

cdef uint64_t _layout() noexcept nogil:
    cdef uint64_t digest = hash_mix(sizeof(SnapshotHeader), sizeof(LaneImage))
    digest = hash_mix(digest, sizeof(RiskState) << 32 | sizeof(OrderTable))
    return hash_mix(digest, sizeof(Position) << 32 | sizeof(AssetBalance))


cdef size_t _bytes(const ShardState* shard, bint at_most) noexcept nogil:
    cdef size_t size = sizeof(SnapshotHeader) + shard.shared.ledger.asset_count * sizeof(AssetBalance)
    cdef const Lane* lane
    cdef int i
    for i in range(shard.lane_count):
        lane = &shard.lanes[i]
        size += sizeof(LaneImage)
        if lane.trade_ids != NULL:
            size += (lane.trade_ids.capacity if at_most else trade_ids_held(lane.trade_ids)) * sizeof(int64_t)
    return size


cdef size_t recovery_size(const ShardState* shard) noexcept nogil:
    return _bytes(shard, False)


cdef size_t recovery_size_max(const ShardState* shard) noexcept nogil:
    return _bytes(shard, True)


cdef uint8_t* _save_lane(const Lane* lane, uint8_t* at) noexcept nogil:
    cdef LaneImage image                          # `at` need not be aligned for 128-bit money
    cdef size_t ids_bytes
    memset(&image, 0, sizeof(LaneImage))
    image.position = lane.position[0]
    image.risk = lane.risk[0]
    image.orders = lane.orders
    image.counters = lane.counters
    image.last_intent_ns = lane.decision.last_intent_ns
    image.has_traded = lane.decision.has_traded
    image.last_refusal_ns = lane.last_refusal_ns
    image.has_refused = lane.has_refused
    image.flatten_reason = lane.flatten_reason
    image.flatten_next_ns = lane.flatten_next_ns
    image.gate = lane.gate
    image.mismatch = lane.mismatch
    if lane.reasoned != NULL:
        image.guard = lane.reasoned.guard
        image.atr_ticks = lane.reasoned.atr_ticks
        image.is_latched = lane.reasoned.portfolio.is_latched
        image.peak_atoms = lane.reasoned.portfolio.holdings[lane.reasoned.lane].peak_atoms
    if lane.trade_ids != NULL:
        image.trade_ids_added = lane.trade_ids.added
        image.trade_ids_forgotten = lane.trade_ids.forgotten
        image.trade_ids_capacity = lane.trade_ids.capacity
    memcpy(at, &image, sizeof(LaneImage))
    at += sizeof(LaneImage)
    if lane.trade_ids != NULL:
        ids_bytes = trade_ids_held(lane.trade_ids) * sizeof(int64_t)
        memcpy(at, lane.trade_ids.arrivals, ids_bytes)
        at += ids_bytes
    return at


cdef size_t recovery_save(
    const ShardState* shard, uint64_t seq, uint32_t epoch, uint8_t* out, size_t capacity
) noexcept nogil:
    cdef SnapshotHeader header
    cdef size_t size = recovery_size(shard), sealed = 16
    cdef uint8_t* at = out + sizeof(SnapshotHeader)
    cdef int i
    if size > capacity:
        return 0
    memset(&header, 0, sizeof(SnapshotHeader))
    header.magic = MAGIC
    header.version = VERSION
    header.size = size
    header.seq = seq
    header.epoch = epoch
    header.state_hash = recovery_hash(shard)
    header.layout = _layout()
    header.now_ns = shard.now_ns
    header.marks = shard.marks
    header.reports = shard.reports
    header.lane_count = shard.lane_count
    header.asset_count = shard.shared.ledger.asset_count
    header.is_killed = breaker_is_killed(shard.shared.breaker)
    memcpy(at, shard.shared.ledger.balances, header.asset_count * sizeof(AssetBalance))
    at += header.asset_count * sizeof(AssetBalance)
    for i in range(shard.lane_count):
        at = _save_lane(&shard.lanes[i], at)
    memcpy(out, &header, sizeof(SnapshotHeader))
    header.crc = crc32c_update(0, out + sealed, size - sealed)
    memcpy(out, &header, sizeof(SnapshotHeader))
    return size


cdef const uint8_t* _load_lane(ShardState* shard, Lane* lane, const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Take one lane over; returns where the next begins, NULL where the bytes are not those of such a lane."""
    cdef LaneImage image
    cdef uint64_t held
    cdef int i
    if at + sizeof(LaneImage) > end:
        return NULL
    memcpy(&image, at, sizeof(LaneImage))
    at += sizeof(LaneImage)
    if (image.trade_ids_capacity != 0) != (lane.trade_ids != NULL):
        return NULL
    lane.position[0] = image.position
    lane.risk[0] = image.risk
    lane.risk.reference_ticks = 0
    lane.risk.reference_ns = 0
    lane.risk.max_reject_run = lane.limits.max_reject_run
    lane.risk.max_exit_reject_run = lane.limits.max_exit_reject_run
    lane.orders = image.orders
    lane.counters = image.counters
    lane.decision.last_intent_ns = image.last_intent_ns
    lane.decision.has_traded = image.has_traded
    lane.last_refusal_ns = image.last_refusal_ns
    lane.has_refused = image.has_refused
    lane.flatten_reason = image.flatten_reason
    lane.flatten_next_ns = image.flatten_next_ns
    lane.gate = image.gate
    lane.mismatch = image.mismatch
    if lane.reasoned != NULL:
        lane.reasoned.guard = image.guard
        lane.reasoned.atr_ticks = image.atr_ticks
        lane.reasoned.portfolio.is_latched |= image.is_latched
        lane.reasoned.portfolio.holdings[lane.reasoned.lane].peak_atoms = image.peak_atoms
    for i in range(lane.orders.count):
        shard.shared.owed += lane.paper == NULL and not lane.orders.orders[i].cancel_pending
    if lane.trade_ids != NULL:
        if image.trade_ids_capacity != lane.trade_ids.capacity:
            return NULL
        held = min(image.trade_ids_added, image.trade_ids_capacity)
        if at + held * sizeof(int64_t) > end:
            return NULL
        trade_ids_restore(lane.trade_ids, <const int64_t*>at, image.trade_ids_added, image.trade_ids_forgotten)
        at += held * sizeof(int64_t)
    return at


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
        cdef SnapshotHeader header
        cdef ShardState* shard = self.engine.state
        cdef const uint8_t* at
        cdef const uint8_t* end
        cdef int i
        if snapshot.shape[0] < <Py_ssize_t>sizeof(SnapshotHeader):
            raise RecoveryError(f"a snapshot has at least {sizeof(SnapshotHeader)} bytes, was {snapshot.shape[0]}")
        memcpy(&header, &snapshot[0], sizeof(SnapshotHeader))
        if header.magic != MAGIC or header.version != VERSION or header.layout != _layout():
            raise RecoveryError("the snapshot is of another version or build")
        if header.size != <uint64_t>snapshot.shape[0] or header.crc != crc32c_update(
                0, &snapshot[16], snapshot.shape[0] - 16):
            raise RecoveryError("the snapshot is damaged")
        if header.lane_count != shard.lane_count or header.asset_count != shard.shared.ledger.asset_count:
            raise RecoveryError("the snapshot is of other instruments")
        at = &snapshot[0] + sizeof(SnapshotHeader)
        end = &snapshot[0] + snapshot.shape[0]
        memcpy(shard.shared.ledger.balances, at, header.asset_count * sizeof(AssetBalance))
        at += header.asset_count * sizeof(AssetBalance)
        for i in range(shard.lane_count):
            at = _load_lane(shard, &shard.lanes[i], at, end)
            if at == NULL:
                raise RecoveryError("the snapshot is of other instruments")
        if header.is_killed:
            breaker_kill(shard.shared.breaker)
        shard.now_ns, shard.marks, shard.reports = header.now_ns, header.marks, header.reports
        if recovery_hash(shard) != header.state_hash:
            raise RecoveryError("the snapshot does not have the hash it was written with")
        self.seq, self.epoch = header.seq, header.epoch
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
        cdef size_t size = recovery_size(self.engine.state)
        cdef bytearray out = bytearray(size)
        cdef uint8_t[::1] view = out
        recovery_save(self.engine.state, seq, epoch, &view[0], size)
        return bytes(out)

    @property
    def state_hash(self) -> str:
        """Hash of all that a journal determines, 16 hexadecimal digits; the same for the engine that wrote it."""
        return f"{recovery_hash(self.engine.state):016x}"
