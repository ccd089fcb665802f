# cython: language_level=3
"""Circuit breaker: closed, open, half-open, and a kill switch, in one atomic word.

Senders admit and readmit, one timer ticks, an operator kills and resets, from different threads and without a lock. An
order carries the word it was admitted with; `breaker_readmit` refuses it at the socket if anything tripped, killed or
reset the breaker in between, even if it closed again since. After `breaker_kill` returned no readmit succeeds until an
explicit reset, and no order admitted before the reset ever does.

What stays open: a gateway that was paused between its readmit and the write to the socket writes one order. The venue's
receive window is what bounds that; take the request's timestamp before the readmit.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from bot4._core.types cimport BOT4_ASSERT


cdef inline uint32_t _epoch(int64_t now_ns, int64_t slot_ns) noexcept nogil:
    return <uint32_t>(now_ns // slot_ns)


cdef inline bint _is_stale(const BreakerState* state, int64_t now_ns) noexcept nogil:
    cdef int64_t last_ns = breaker_get(&state.last_market_ns)
    return state.stale_ns != 0 and last_ns != 0 and now_ns > last_ns and now_ns - last_ns > state.stale_ns


cdef bint _cool_down(BreakerState* state, int64_t now_ns) noexcept nogil:
    """Open -> half-open where the cool-down is over and the reason neither latches nor still holds."""
    # Acquire: whoever opened stored its reopen time before the word, so a time read from here on is not an older one.
    cdef uint64_t seen = breaker_read_word(&state.word)
    if seen & BREAKER_KILLED or breaker_state_of(seen) != BREAKER_WORD_OPEN:
        return False
    if seen & BREAKER_LATCHED or now_ns < breaker_get(&state.reopen_ns) or _is_stale(state, now_ns):
        return False
    if not breaker_word_half_open(&state.word, seen, <int>state.probes):
        return False
    # What failed before the cool-down is no evidence against the probes.
    breaker_window_clear(state.error_slots)
    breaker_set(&state.latency_run, 0)
    breaker_set(&state.reject_run, 0)
    return True


cdef uint64_t breaker_admit_slow(BreakerState* state, int64_t now_ns) noexcept nogil:
    """Not plainly closed: perhaps a probe."""
    cdef uint64_t seen
    cdef uint64_t ticket
    _cool_down(state, now_ns)
    seen = breaker_read_word(&state.word)
    # Before the probe is taken: a timer that sees the probe must not see an older deadline.
    if breaker_state_of(seen) == BREAKER_WORD_HALF_OPEN and breaker_probes_left(seen) > 0:
        breaker_raise(&state.probe_deadline_ns, now_ns + state.probe_timeout_ns)
    ticket = breaker_word_probe(&state.word)
    if ticket == 0:
        breaker_add(&state.refused, 1)
    return ticket


cdef uint64_t breaker_refuse_exit(BreakerState* state) noexcept nogil:
    """Count a refused exit; 0."""
    breaker_add(&state.refused_exits, 1)
    return 0


cdef bint breaker_drop(BreakerState* state) noexcept nogil:
    """Count an order dropped at the socket; False."""
    breaker_add(&state.dropped, 1)
    return False


cdef bint breaker_trip(BreakerState* state, int reason, int64_t now_ns) noexcept nogil:
    """Open for `reason`, or raise an open breaker to it; True if the word changed. Any thread.

    The n-th trip inside the flood window doubles the cool-down n - 1 times up to its bound; the flood limit latches.
    """
    cdef uint64_t seen = breaker_read_word(&state.word)
    cdef bint opens = breaker_state_of(seen) != BREAKER_WORD_OPEN
    cdef uint32_t epoch = _epoch(now_ns, state.flood_slot_ns)
    cdef int64_t failures = 0
    cdef int64_t trips = 0
    cdef int64_t cooldown_ns = state.cooldown_ns
    cdef bint latch = (state.latch_reasons >> reason) & 1
    cdef bint flood
    cdef int changed
    BOT4_ASSERT(TRIP_NONE < reason < TRIP_KILL and now_ns >= 0)
    # What an open breaker already holds against orders is not one more trip.
    if seen & BREAKER_KILLED or (not opens and breaker_reason_of(seen) >= reason and not latch):
        return False
    breaker_window_sum(state.flood_slots, epoch, &failures, &trips)
    flood = opens and state.flood_limit != 0 and trips + 1 >= state.flood_limit
    while trips > 0 and cooldown_ns < state.cooldown_max_ns:
        cooldown_ns *= 2
        trips -= 1
    if cooldown_ns > state.cooldown_max_ns:
        cooldown_ns = state.cooldown_max_ns
    # Raised, never lowered, and before the word: see _cool_down.
    breaker_raise(&state.reopen_ns, now_ns + cooldown_ns)
    changed = breaker_word_trip(&state.word, reason, latch or flood)
    if changed:
        breaker_add(&state.trips[reason], 1)
    if changed == 1:
        breaker_window_add(state.flood_slots, epoch, 0)
        breaker_add(&state.floods, flood)
    return changed != 0


cdef void breaker_record_success(BreakerState* state, int64_t now_ns) noexcept nogil:
    """The venue took an order. Any thread."""
    breaker_window_add(state.error_slots, _epoch(now_ns, state.error_slot_ns), 0)
    breaker_set(&state.reject_run, 0)
    if breaker_word_succeed(&state.word, <int>state.probes, <int>state.successes):
        breaker_add(&state.closed, 1)


cdef void breaker_record_failure(BreakerState* state, int64_t now_ns) noexcept nogil:
    """A request failed: time-out, reset, 5xx, unknown outcome. While half-open one is enough to open again."""
    cdef uint32_t epoch = _epoch(now_ns, state.error_slot_ns)
    cdef int64_t failures = 0
    cdef int64_t samples = 0
    breaker_window_add(state.error_slots, epoch, 1)
    if breaker_state_of(breaker_read_word(&state.word)) == BREAKER_WORD_HALF_OPEN:
        breaker_trip(state, TRIP_PROBE, now_ns)
        return
    breaker_window_sum(state.error_slots, epoch, &failures, &samples)
    if state.error_ppm != 0 and samples >= state.min_samples and failures * 1000000 >= samples * state.error_ppm:
        breaker_trip(state, TRIP_ERROR_RATE, now_ns)


cdef void breaker_record_reject(BreakerState* state, int64_t now_ns) noexcept nogil:
    """The venue answered and refused: a sample that did not fail, and one more in the run of rejects."""
    cdef int64_t run = breaker_add(&state.reject_run, 1)
    breaker_window_add(state.error_slots, _epoch(now_ns, state.error_slot_ns), 0)
    if breaker_state_of(breaker_read_word(&state.word)) == BREAKER_WORD_HALF_OPEN:
        breaker_trip(state, TRIP_PROBE, now_ns)
    elif state.reject_run_limit != 0 and run >= state.reject_run_limit:
        breaker_trip(state, TRIP_REJECTS, now_ns)


cdef void breaker_record_latency(BreakerState* state, int64_t latency_ns, int64_t now_ns) noexcept nogil:
    """Time an order took to be answered; so many in a row at or above the limit trip."""
    if state.latency_limit_ns == 0:
        return
    if latency_ns < state.latency_limit_ns:
        breaker_set(&state.latency_run, 0)
    elif breaker_add(&state.latency_run, 1) >= state.latency_run_limit:
        breaker_trip(state, TRIP_LATENCY, now_ns)


cdef void breaker_record_loss(BreakerState* state, int64_t loss_atoms, int64_t now_ns) noexcept nogil:
    """A realised loss (negative: a profit), atoms. Trips where the result fell by the limit from its window's best.

    The window moves with breaker_tick; without ticks losses add up since the start, the safe side.
    """
    cdef int64_t pnl_atoms = breaker_add(&state.pnl_atoms, -loss_atoms)
    if state.max_loss_atoms != 0 and breaker_get(&state.loss_reference_atoms) - pnl_atoms >= state.max_loss_atoms:
        breaker_trip(state, TRIP_LOSS, now_ns)


cdef void breaker_record_journal_failure(BreakerState* state, int64_t now_ns) noexcept nogil:
    """The journal refused a record: nothing may go out that it could not account for."""
    breaker_trip(state, TRIP_JOURNAL, now_ns)


cdef void breaker_kill(BreakerState* state) noexcept nogil:
    """Stop every order until an explicit reset. Any thread, also a signal handler: no lock, no time, cannot fail."""
    breaker_word_kill(&state.word)
    breaker_add(&state.kills, 1)


cdef bint breaker_reset(BreakerState* state, uint64_t seen_word, int64_t now_ns) noexcept nogil:
    """Close and clear kill, latches and windows if the word is still `seen_word`, which the operator looked at."""
    cdef int slot
    if not breaker_word_reset(&state.word, seen_word):
        return False
    breaker_window_clear(state.error_slots)
    breaker_window_clear(state.flood_slots)
    breaker_set(&state.latency_run, 0)
    breaker_set(&state.reject_run, 0)
    for slot in range(BREAKER_SLOTS):
        breaker_set(&state.pnl_history[slot], breaker_get(&state.pnl_atoms))
    breaker_set(&state.loss_reference_atoms, breaker_get(&state.pnl_atoms))
    # Data that was stale may still be: the next tick judges it again.
    breaker_add(&state.resets, 1)
    return True


cdef void _rotate_loss(BreakerState* state, int64_t now_ns) noexcept nogil:
    """Sample the result at each slot of the loss window; its best sample is what losses are counted from."""
    cdef int64_t epoch = now_ns // state.loss_slot_ns
    cdef int64_t steps = epoch - state.loss_epoch
    cdef int64_t best
    cdef int64_t sample
    cdef int slot
    if steps <= 0:
        return
    state.loss_epoch = epoch
    if steps > BREAKER_SLOTS:
        steps = BREAKER_SLOTS
    while steps > 0:
        steps -= 1
        breaker_set(&state.pnl_history[(epoch - steps) & (BREAKER_SLOTS - 1)], breaker_get(&state.pnl_atoms))
    best = breaker_get(&state.pnl_history[0])
    for slot in range(1, BREAKER_SLOTS):
        sample = breaker_get(&state.pnl_history[slot])
        if sample > best:
            best = sample
    breaker_set(&state.loss_reference_atoms, best)


cdef void breaker_tick(BreakerState* state, int64_t now_ns) noexcept nogil:
    """The timer: staleness, cool-down, probes that never came back, the loss window. One thread."""
    cdef uint64_t seen
    BOT4_ASSERT(now_ns >= 0)
    _rotate_loss(state, now_ns)
    # No message yet: silence is counted from the first tick.
    if breaker_get(&state.last_market_ns) == 0:
        breaker_record_market(state, now_ns)
    if _is_stale(state, now_ns):
        breaker_trip(state, TRIP_STALE, now_ns)
    _cool_down(state, now_ns)
    seen = breaker_read_word(&state.word)
    if breaker_state_of(seen) == BREAKER_WORD_HALF_OPEN and not seen & BREAKER_KILLED:
        if (
            state.probes - breaker_probes_left(seen) > breaker_successes(seen)
            and now_ns >= breaker_get(&state.probe_deadline_ns)
        ):
            breaker_trip(state, TRIP_PROBE, now_ns)


cdef int breaker_action(const BreakerState* state) noexcept nogil:
    """What the engine has to do now, a set of BreakerAction bits; 0 while closed or half-open."""
    cdef uint64_t seen = breaker_read_word(&state.word)
    if seen & BREAKER_KILLED:
        return state.policy[<int>TRIP_KILL]
    return state.policy[breaker_reason_of(seen)] if breaker_state_of(seen) == BREAKER_WORD_OPEN else 0


cdef bint breaker_is_killed(const BreakerState* state) noexcept nogil:
    """Whether the kill bit is set."""
    return (breaker_read_word(&state.word) & BREAKER_KILLED) != 0
