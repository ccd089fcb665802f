# cython: language_level=3
"""State of a lane, its hash, the gate's word, and the two things every part of a lane may do: journal, and close the gate."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from bot4._core.account.positions cimport position_hash
from bot4._core.book.order_book cimport book_hash
from bot4._core.brain.gate cimport ENTRY_NO_REASONS, ENTRY_PASS
from bot4._core.engine.control cimport CONTROL_GATE_CLOSE
from bot4._core.engine.decide cimport REASON_STRATEGY
from bot4._core.engine.orders cimport orders_hash
from bot4._core.engine.outlook cimport claims_judge, reasoned_hash
from bot4._core.engine.tape cimport tape_append
from bot4._core.engine.trade_ids cimport trade_ids_hash
from bot4._core.journal.record cimport JOURNAL_CONTROL
from bot4._core.journal.append cimport journal_append, journal_append_reserved, journal_sync
from bot4._core.risk.circuit cimport breaker_record_journal_failure
from bot4._core.risk.limits cimport risk_hash
from bot4._core.sim.paper cimport paper_hash
from bot4._core.ta.bank cimport bank_hash
from bot4._core.types cimport EVENT_CONTROL, INTENT_REDUCE_ONLY, SIDE_SELL, Event, OrderIntent, hash_mix


cdef void _lose_journal(LaneShared* shared, int64_t error, int64_t now_ns) noexcept nogil:
    """Nothing new is sent from here on: the first error stays, the breaker opens."""
    if shared.journal_errno == 0:
        shared.journal_errno = error
        breaker_record_journal_failure(shared.breaker, now_ns)


cdef void shared_journal(
    LaneShared* shared, int kind, const void* payload, unsigned int length, int64_t now_ns, bint is_new_order
) noexcept nogil:
    cdef int64_t seq
    if shared.tape != NULL:
        tape_append(shared.tape, kind, payload, length)
    if shared.is_replaying:
        return
    if shared.journal == NULL:
        shared.next_seq += 1
        return
    # A new order stops where the disk is full; what reduces risk, and what was reported, may use the reserve.
    if is_new_order:
        seq = journal_append(shared.journal, kind, payload, length, now_ns, now_ns)
    else:
        seq = journal_append_reserved(shared.journal, kind, payload, length, now_ns, now_ns)
    if seq >= 0 and is_new_order and shared.syncs_orders:
        seq = journal_sync(shared.journal)
    if seq < 0:
        _lose_journal(shared, -seq, now_ns)


cdef void shared_sync(LaneShared* shared, int64_t now_ns) noexcept nogil:
    cdef int error
    if shared.journal == NULL or shared.is_replaying:
        return
    error = journal_sync(shared.journal)
    if error < 0:
        _lose_journal(shared, -error, now_ns)


cdef void lane_mismatch(Lane* lane, int mismatch, int64_t now_ns) noexcept nogil:
    cdef Event closing
    if lane.mismatch == MISMATCH_NONE:
        lane.mismatch = mismatch
    if lane.gate & GATE_MISMATCH:
        return
    lane.gate |= GATE_MISMATCH
    memset(&closing, 0, sizeof(Event))
    closing.kind = EVENT_CONTROL
    closing.instrument = lane.instrument
    closing.reason = mismatch
    closing.recv_ns = now_ns
    closing.venue_ns = <int64_t>lane.shared.events
    closing.body.control.code = CONTROL_GATE_CLOSE
    closing.body.control.value = GATE_MISMATCH
    shared_journal(lane.shared, JOURNAL_CONTROL, &closing, sizeof(Event), now_ns, False)


cdef void lane_open_gate(Lane* lane, int64_t reasons) noexcept nogil:
    if lane.risk.unknown_orders[0] != 0 or lane.risk.unknown_orders[1] != 0:
        return
    lane.gate &= ~<uint32_t>(reasons if reasons != 0 else GATE_START | GATE_MISMATCH)
    if not lane.gate & GATE_MISMATCH:
        lane.mismatch = MISMATCH_NONE


cdef uint64_t lane_hash(const Lane* lane) noexcept nogil:
    cdef uint64_t digest = hash_mix(<uint64_t>lane.instrument, book_hash(lane.sync.book))
    digest = hash_mix(digest, <uint64_t>lane.sync.last_id)
    digest = hash_mix(digest, bank_hash(lane.bank))
    digest = hash_mix(digest, position_hash(lane.position))
    digest = hash_mix(digest, risk_hash(lane.risk))
    digest = hash_mix(digest, orders_hash(&lane.orders))
    digest = hash_mix(digest, paper_hash(lane.paper) if lane.paper != NULL else trade_ids_hash(lane.trade_ids))
    if lane.reasoned != NULL:
        digest = hash_mix(digest, reasoned_hash(lane.reasoned))
    digest = hash_mix(digest, lane.counters.intents)
    digest = hash_mix(digest, lane.counters.fills)
    digest = hash_mix(digest, lane.counters.refusals)
    digest = hash_mix(digest, <uint64_t>lane.gate << 32 | <uint64_t>lane.mismatch)
    # What the next decision waits for.
    digest = hash_mix(digest, lane.decision.has_traded)
    digest = hash_mix(digest, <uint64_t>lane.decision.last_intent_ns)
    digest = hash_mix(digest, lane.has_refused)
    digest = hash_mix(digest, <uint64_t>lane.last_refusal_ns)
    digest = hash_mix(digest, <uint64_t>lane.flatten_reason)
    digest = hash_mix(digest, <uint64_t>lane.flatten_next_ns)
    return hash_mix(digest, <uint64_t>lane.last_price_ticks)


cdef int lane_judge(Lane* lane, const OrderIntent* intent, int64_t now_ns) noexcept nogil:
    """EntryVerdict. Nobody adds risk past the gate: what there is for hands is stop, reduce and flatten."""
    cdef int64_t held = lane.position.lots if intent.side == SIDE_SELL else -lane.position.lots
    cdef bint is_exit = intent.flags & INTENT_REDUCE_ONLY or (
        intent.qty_lots <= held - lane.risk.open_lots[intent.side])
    if lane.reasoned != NULL:
        if lane.reasoned.has_reasons:
            return ENTRY_PASS                          # its own gate has seen it
        if not is_exit and (intent.reason != REASON_STRATEGY or lane.claims == NULL):
            return ENTRY_NO_REASONS
    if lane.claims == NULL:
        return ENTRY_PASS
    return claims_judge(lane.claims, lane.spec, &lane.top, intent, is_exit, now_ns)
