# cython: language_level=3
"""A shard's past in one piece: the state after a record of its journal, its hash, and the bytes of both.

Books and features are not in there: a shard that comes back builds them from the market again. The engine the bytes are
read into has the same instruments, assets and settings; what does not fit is refused, and the engine made anew.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from bot4._core.account.ledger cimport AssetBalance, ledger_hash
from bot4._core.account.money cimport money_hash
from bot4._core.account.positions cimport Position, position_hash
from bot4._core.brain.stops cimport GuardState
from bot4._core.engine.lane_state cimport GATE_START, Lane, LaneCounters
from bot4._core.engine.orders cimport OrderTable, WorkingOrder
from bot4._core.engine.trade_ids cimport trade_ids_hash, trade_ids_held, trade_ids_restore
from bot4._core.journal.crc32c cimport crc32c_update
from bot4._core.risk.circuit cimport breaker_is_killed, breaker_kill
from bot4._core.risk.limits cimport RiskState
from bot4._core.risk.state cimport risk_hash
from bot4._core.types cimport hash_mix, money_t

cdef uint64_t MAGIC = 0x50414E5334544F42       # "BOT4SNAP"
cdef uint32_t VERSION = 2
cdef size_t SEALED = 16                        # the checksum is of everything behind this byte


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
    int64_t equity_atoms         # at the last mark
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
    digest = hash_mix(digest, <uint64_t>lane.counters.funding_atoms)
    digest = hash_mix(digest, <uint64_t>lane.decision.last_intent_ns)
    digest = hash_mix(digest, <uint64_t>lane.last_refusal_ns)
    return hash_mix(digest, <uint64_t>lane.decision.has_traded << 1 | lane.has_refused)


cdef uint64_t snapshot_hash(const ShardState* shard) noexcept nogil:
    cdef uint64_t digest = hash_mix(ledger_hash(shard.shared.ledger), breaker_is_killed(shard.shared.breaker))
    cdef int i
    for i in range(shard.lane_count):
        digest = _lane_hash(digest, &shard.lanes[i])
    return digest


# -- snapshots ---------------------------------------------------------------------------------------------------------

cdef uint64_t _layout() noexcept nogil:
    cdef uint64_t digest = hash_mix(sizeof(SnapshotHeader), sizeof(LaneImage))
    digest = hash_mix(digest, sizeof(RiskState) << 32 | sizeof(OrderTable))
    digest = hash_mix(digest, sizeof(LaneCounters))
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


cdef size_t snapshot_size(const ShardState* shard) noexcept nogil:
    return _bytes(shard, False)


cdef size_t snapshot_size_max(const ShardState* shard) noexcept nogil:
    return _bytes(shard, True)


cdef uint8_t* _save_lane(const Lane* lane, uint8_t* at) noexcept nogil:
    cdef LaneImage image                          # `at` need not be aligned for 128-bit money
    cdef size_t ids_bytes
    memset(&image, 0, sizeof(LaneImage))
    image.position = lane.position[0]
    image.risk = lane.risk[0]
    image.orders = lane.orders
    image.counters = lane.counters
    image.equity_atoms = lane.equity_atoms
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


cdef size_t snapshot_save(
    const ShardState* shard, uint64_t seq, uint32_t epoch, uint8_t* out, size_t capacity
) noexcept nogil:
    cdef SnapshotHeader header
    cdef size_t size = snapshot_size(shard)
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
    header.state_hash = snapshot_hash(shard)
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
    header.crc = crc32c_update(0, out + SEALED, size - SEALED)
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
    lane.equity_atoms = image.equity_atoms
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


cdef int snapshot_load(
    ShardState* shard, const uint8_t* snapshot, size_t size, uint64_t* seq, uint32_t* epoch
) noexcept nogil:
    cdef SnapshotHeader header
    cdef const uint8_t* at = snapshot + sizeof(SnapshotHeader)
    cdef const uint8_t* end = snapshot + size
    cdef int i
    if size < sizeof(SnapshotHeader):
        return SNAPSHOT_SHORT
    memcpy(&header, snapshot, sizeof(SnapshotHeader))
    if header.magic != MAGIC or header.version != VERSION or header.layout != _layout():
        return SNAPSHOT_OTHER_BUILD
    if header.size != size or header.crc != crc32c_update(0, snapshot + SEALED, size - SEALED):
        return SNAPSHOT_DAMAGED
    if header.lane_count != shard.lane_count or header.asset_count != shard.shared.ledger.asset_count:
        return SNAPSHOT_OTHER_INSTRUMENTS
    memcpy(shard.shared.ledger.balances, at, header.asset_count * sizeof(AssetBalance))
    at += header.asset_count * sizeof(AssetBalance)
    for i in range(shard.lane_count):
        at = _load_lane(shard, &shard.lanes[i], at, end)
        if at == NULL:
            return SNAPSHOT_OTHER_INSTRUMENTS
    if header.is_killed:
        breaker_kill(shard.shared.breaker)
    shard.now_ns = header.now_ns
    shard.marks = header.marks
    shard.reports = header.reports
    if snapshot_hash(shard) != header.state_hash:
        return SNAPSHOT_OTHER_HASH
    seq[0] = header.seq
    epoch[0] = header.epoch
    return SNAPSHOT_OK
