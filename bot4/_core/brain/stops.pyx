# cython: language_level=3
"""The way out of a position.

One guard an instrument. A long position is measured at the bid, a short one at the ask: what it could be closed at. All is
written for a long one; a short one is the same with every price negated. A stop moves towards the price only. A stop or
the time, once reached, stays reached until nothing is held, whatever the price does meanwhile.

The ladder says how much may still be held after each rung, so an exit that filled in part, or not at all, is asked for
again, and never for more. What the last rung leaves is the stops' business. One owner thread.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset

from bot4._core.brain.sizing cimport lots_down
from bot4._core.types cimport mul_wide

cdef int64_t PPM = 1_000_000


cdef inline int64_t _part_up(int64_t whole, int64_t parts, int64_t of) noexcept nogil:
    """whole x parts / of, rounded up; not negative."""
    return <int64_t>((mul_wide(whole, parts) + of - 1) // of)


cdef int64_t guard_distance(const GuardRules* rules, int64_t price_ticks, int64_t atr_ticks) noexcept nogil:
    cdef int64_t distance = _part_up(atr_ticks, rules.stop_atr_milli, 1000)
    cdef int64_t least = _part_up(price_ticks, rules.stop_min_ppm, PPM)
    return max(1, max(distance, least))


cdef void guard_apply(
    const GuardRules* rules, GuardState* state, int64_t lots, int64_t entry_ticks, int64_t atr_ticks, int64_t now_ns
) noexcept nogil:
    cdef int64_t sign = 1 if lots > 0 else -1
    cdef int64_t size = lots * sign
    if lots == state.lots:
        return
    if lots == 0:
        memset(state, 0, sizeof(GuardState))
        return
    if state.lots == 0 or (lots > 0) != (state.lots > 0):
        memset(state, 0, sizeof(GuardState))
        state.opened_ns = now_ns
        state.entry_ticks = entry_ticks
        state.best_ticks = entry_ticks
        state.risk_ticks = guard_distance(rules, entry_ticks, atr_ticks)
        state.stop_ticks = entry_ticks - sign * state.risk_ticks
    elif size > state.lots * sign:
        state.entry_ticks = entry_ticks          # the mean of all entries
    state.lots = lots
    state.largest_lots = max(state.largest_lots, size)


cdef inline int64_t _tightened(
    const GuardRules* rules, const GuardState* state, int64_t sign, int64_t atr_ticks
) noexcept nogil:
    """Signed stop: the tightest of the present one and every rule that applies."""
    cdef int64_t stop = sign * state.stop_ticks
    cdef int64_t best = sign * state.best_ticks
    cdef int64_t entry = sign * state.entry_ticks
    if rules.chandelier_milli > 0 and atr_ticks > 0:
        stop = max(stop, best - _part_up(atr_ticks, rules.chandelier_milli, 1000))
    if rules.trail_ppm > 0:
        stop = max(stop, best - _part_up(state.best_ticks, rules.trail_ppm, PPM))
    if rules.breakeven_milli > 0 and best - entry >= _part_up(state.risk_ticks, rules.breakeven_milli, 1000):
        stop = max(stop, entry)
    return stop


cdef int64_t _left_after(const GuardRules* rules, const GuardState* state) noexcept nogil:
    """What may be held after the rungs that were reached."""
    cdef int64_t share_ppm = 0
    cdef int i
    for i in range(state.rungs_done):
        share_ppm += rules.rungs[i].share_ppm
    if share_ppm >= PPM:
        return 0
    return state.largest_lots - <int64_t>(mul_wide(state.largest_lots, share_ppm) // PPM)


cdef int guard_check(
    const GuardRules* rules, GuardState* state, int64_t exit_ticks, int64_t atr_ticks, int64_t now_ns,
    int64_t* close_lots
) noexcept nogil:
    cdef int64_t sign = 1 if state.lots > 0 else -1
    cdef int64_t held = state.lots * sign, gain, base
    close_lots[0] = 0
    if held == 0:
        return GUARD_FLAT
    if sign * exit_ticks > sign * state.best_ticks:
        state.best_ticks = exit_ticks
    state.stop_ticks = sign * _tightened(rules, state, sign, atr_ticks)
    if state.exiting == 0:
        if sign * exit_ticks <= sign * state.stop_ticks:
            state.exiting = GUARD_STOP
        elif rules.hold_max_ns > 0 and now_ns - state.opened_ns >= rules.hold_max_ns:
            state.exiting = GUARD_TIME
    if state.exiting != 0:
        close_lots[0] = held                     # whole: what the venue's step leaves over is dust, not a position
        return state.exiting
    gain = sign * (exit_ticks - state.entry_ticks)
    base = atr_ticks if rules.is_dynamic and atr_ticks > 0 else state.risk_ticks
    while state.rungs_done < rules.rung_count and gain >= _part_up(
            base, rules.rungs[state.rungs_done].reward_milli, 1000):
        state.rungs_done += 1
    close_lots[0] = lots_down(max(0, held - _left_after(rules, state)), rules.qty_step_lots)
    return GUARD_TARGET if close_lots[0] > 0 else GUARD_HOLD
