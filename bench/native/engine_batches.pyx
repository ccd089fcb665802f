# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The decision pass as a lane makes it, timed in batches (see bench/latency/decision.py)."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from bot4._core.engine.decide cimport DECIDE_ORDER, DecisionState, Exposure, decide
from bot4._core.engine.engine cimport Engine
from bot4._core.engine.lane_state cimport Lane
from bot4._core.risk.circuit cimport breaker_admit
from bot4._core.risk.limits cimport risk_apply_reference, risk_check
from bot4._core.ta.bank cimport bank_on_top, bank_values
from bot4._core.types cimport OrderIntent

cdef extern from "x86intrin.h" nogil:
    uint64_t __rdtsc() noexcept
    void _mm_lfence() noexcept

cdef enum:
    BATCH = 64


cdef inline uint64_t ticks() noexcept nogil:
    # Fenced: what is timed neither starts before nor ends after the two readings.
    cdef uint64_t read
    _mm_lfence()
    read = __rdtsc()
    _mm_lfence()
    return read


def decision(Engine engine, int64_t[::1] batch_ticks, int64_t[::1] empty_ticks):
    """Touch -> features -> score -> size -> risk -> breaker, 64 times a batch; returns orders asked for and admitted.

    Nothing is sent or journalled, so every turn finds the same account.
    """
    cdef Lane* lane = &engine.state.lanes[0]
    cdef DecisionState state
    cdef Exposure exposure
    cdef OrderIntent intent
    cdef int64_t now_ns = engine.state.now_ns, asked = 0, admitted = 0
    cdef Py_ssize_t batch
    cdef uint64_t before
    cdef int i
    memset(&state, 0, sizeof(DecisionState))
    memset(&exposure, 0, sizeof(Exposure))
    with nogil:
        for batch in range(batch_ticks.shape[0]):
            before = ticks()
            empty_ticks[batch] = <int64_t>(ticks() - before)
            before = ticks()
            for i in range(BATCH):
                now_ns += 100_000
                lane.top.bid_qty_lots[0] = 1 + (i * 7919 + batch * 104729) % 100_000 + (i & 1) * 100_000_000
                risk_apply_reference(lane.risk, (lane.top.bid_price_ticks[0] + lane.top.ask_price_ticks[0]) // 2, now_ns)
                bank_on_top(lane.bank, &lane.top, now_ns)
                if decide(&lane.policy, &state, bank_values(lane.bank), &lane.top, &exposure, now_ns,
                          &intent) != DECIDE_ORDER:
                    continue
                asked += 1
                intent.instrument = lane.instrument
                if risk_check(lane.limits, lane.risk, &intent, now_ns) == 0:
                    intent.generation = breaker_admit(lane.shared.breaker, now_ns)
                    admitted += intent.generation != 0
            batch_ticks[batch] = <int64_t>(ticks() - before)
    return asked, admitted


def decide_only(Engine engine, int64_t count):
    """The pass from features to verdict, `count` times; returns the sum of the verdicts."""
    cdef Lane* lane = &engine.state.lanes[0]
    cdef DecisionState state
    cdef Exposure exposure
    cdef OrderIntent intent
    cdef int64_t i, total = 0
    memset(&state, 0, sizeof(DecisionState))
    memset(&exposure, 0, sizeof(Exposure))
    with nogil:
        for i in range(count):
            total += decide(&lane.policy, &state, bank_values(lane.bank), &lane.top, &exposure, i, &intent)
    return total
