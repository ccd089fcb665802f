"""State and functions of the circuit breaker; its word is one atomic (see include/bot4/breaker.h)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "bot4/breaker.h" nogil:
    const uint64_t BREAKER_WORD_CLOSED
    const uint64_t BREAKER_WORD_OPEN
    const uint64_t BREAKER_WORD_HALF_OPEN
    const uint64_t BREAKER_KILLED
    const uint64_t BREAKER_LATCHED
    const uint64_t BREAKER_GENERATION_ONE
    const int BREAKER_SLOTS
    uint64_t breaker_state_of(uint64_t word) noexcept
    int breaker_reason_of(uint64_t word) noexcept
    int breaker_probes_left(uint64_t word) noexcept
    int breaker_successes(uint64_t word) noexcept
    uint64_t breaker_word_admit(uint64_t* word) noexcept
    uint64_t breaker_word_probe(uint64_t* word) noexcept
    uint64_t breaker_word_admit_reduce(uint64_t* word, uint32_t exit_reasons) noexcept
    int breaker_word_readmit(uint64_t* word, uint64_t ticket, uint32_t exit_reasons) noexcept
    int breaker_word_trip(uint64_t* word, int reason, int latch) noexcept
    int breaker_word_half_open(uint64_t* word, uint64_t seen, int probes) noexcept
    int breaker_word_succeed(uint64_t* word, int probes, int needed) noexcept
    void breaker_word_kill(uint64_t* word) noexcept
    int breaker_word_reset(uint64_t* word, uint64_t seen) noexcept
    int64_t breaker_get(const int64_t* p) noexcept
    void breaker_set(int64_t* p, int64_t value) noexcept
    int64_t breaker_add(int64_t* p, int64_t by) noexcept
    uint64_t breaker_read_word(const uint64_t* p) noexcept
    void breaker_raise(int64_t* p, int64_t value) noexcept
    void breaker_window_add(uint64_t* slots, uint32_t epoch, int failed) noexcept
    void breaker_window_sum(const uint64_t* slots, uint32_t epoch, int64_t* failures, int64_t* samples) noexcept
    void breaker_window_clear(uint64_t* slots) noexcept


cpdef enum BreakerPhase:
    BREAKER_CLOSED = 1
    BREAKER_OPEN = 2
    BREAKER_HALF_OPEN = 3


# A higher reason is the stronger one: it replaces a lower one while open, never the other way round.
cpdef enum BreakerReason:
    TRIP_NONE = 0
    TRIP_LATENCY = 1
    TRIP_ERROR_RATE = 2
    TRIP_REJECTS = 3
    TRIP_PROBE = 4        # a half-open probe failed or never came back
    TRIP_STALE = 5        # no market data
    TRIP_MANUAL = 6
    TRIP_LOSS = 7
    TRIP_JOURNAL = 8
    TRIP_KILL = 9         # not a trip: the policy of the kill bit


# Policy of a reason, a set of bits.
cpdef enum BreakerAction:
    BREAKER_BLOCK_ENTRIES = 1
    BREAKER_BLOCK_EXITS = 2
    BREAKER_CANCEL_RESTING = 4
    BREAKER_FLATTEN = 8
    BREAKER_LATCH = 16    # stays open until an explicit reset


ctypedef struct BreakerState:
    uint64_t word
    uint64_t word_line[7]         # the word has its line to itself: senders read nothing else
    # Fixed once built.
    uint32_t exit_reasons         # bit set of the reasons that let exits pass
    uint32_t latch_reasons
    uint8_t policy[16]
    int64_t probes
    int64_t successes
    int64_t probe_timeout_ns
    int64_t cooldown_ns
    int64_t cooldown_max_ns
    int64_t error_ppm
    int64_t min_samples
    int64_t error_slot_ns
    int64_t flood_limit
    int64_t flood_slot_ns
    int64_t latency_limit_ns
    int64_t latency_run_limit
    int64_t reject_run_limit
    int64_t stale_ns
    int64_t max_loss_atoms
    int64_t loss_slot_ns
    uint64_t fixed_line[5]
    # Written by senders, shard and timer; relaxed atomics.
    int64_t last_market_ns
    int64_t reopen_ns
    int64_t probe_deadline_ns
    int64_t latency_run
    int64_t reject_run
    int64_t pnl_atoms
    int64_t loss_reference_atoms
    int64_t kills
    int64_t resets
    int64_t refused
    int64_t refused_exits
    int64_t dropped               # refused by readmit
    int64_t closed
    int64_t floods                # trips that latched because they were too many
    int64_t trips[16]
    uint64_t error_slots[8]
    uint64_t flood_slots[8]
    # Timer only.
    int64_t pnl_history[8]
    int64_t loss_epoch


cdef uint64_t breaker_admit_slow(BreakerState* state, int64_t now_ns) noexcept nogil
cdef uint64_t breaker_refuse_exit(BreakerState* state) noexcept nogil
cdef bint breaker_drop(BreakerState* state) noexcept nogil


cdef inline uint64_t breaker_admit(BreakerState* state, int64_t now_ns) noexcept nogil:
    """Word the order carries, or 0: refused. Any thread."""
    cdef uint64_t ticket = breaker_word_admit(&state.word)
    return ticket if ticket != 0 else breaker_admit_slow(state, now_ns)


cdef inline uint64_t breaker_admit_reduce(BreakerState* state) noexcept nogil:
    """As breaker_admit for a reduce-only order: open is no obstacle where the reason's policy lets exits pass."""
    cdef uint64_t ticket = breaker_word_admit_reduce(&state.word, state.exit_reasons)
    return ticket if ticket != 0 else breaker_refuse_exit(state)


cdef inline bint breaker_readmit(BreakerState* state, uint64_t generation) noexcept nogil:
    """Whether the order admitted with this word may still be written to the socket. Any thread, right before the write."""
    return breaker_word_readmit(&state.word, generation, state.exit_reasons) or breaker_drop(state)


cdef inline void breaker_record_market(BreakerState* state, int64_t now_ns) noexcept nogil:
    """A useful market message came. Of two threads that race the older stamp may win, by nanoseconds."""
    if now_ns > breaker_get(&state.last_market_ns):
        breaker_set(&state.last_market_ns, now_ns)


cdef void breaker_record_success(BreakerState* state, int64_t now_ns) noexcept nogil
cdef void breaker_record_failure(BreakerState* state, int64_t now_ns) noexcept nogil
cdef void breaker_record_reject(BreakerState* state, int64_t now_ns) noexcept nogil
cdef void breaker_record_latency(BreakerState* state, int64_t latency_ns, int64_t now_ns) noexcept nogil
cdef void breaker_record_loss(BreakerState* state, int64_t loss_atoms, int64_t now_ns) noexcept nogil
cdef void breaker_record_journal_failure(BreakerState* state, int64_t now_ns) noexcept nogil
cdef bint breaker_trip(BreakerState* state, int reason, int64_t now_ns) noexcept nogil
cdef void breaker_kill(BreakerState* state) noexcept nogil
cdef bint breaker_reset(BreakerState* state, uint64_t seen_word, int64_t now_ns) noexcept nogil
cdef void breaker_tick(BreakerState* state, int64_t now_ns) noexcept nogil
cdef int breaker_action(const BreakerState* state) noexcept nogil
cdef bint breaker_is_killed(const BreakerState* state) noexcept nogil
