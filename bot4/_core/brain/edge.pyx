# cython: language_level=3
"""What a score was worth so far, measured as the market goes on; O(1) amortised.

Each kept score waits for its horizon; then the log return of the mid over that time is its answer. The slope of answers on
scores goes through the origin (a score of 0 claims nothing), with a ridge prior and exponential forgetting:
``slope = (sum xy + w b) / (sum xx + w)``. Its error is that of a least-squares slope with the number of samples divided
by ``horizon / step``, as overlapping returns are not independent.

A score whose answer comes later than one and a half horizons fell into a silence and is not counted.
Source: ridge regression, Hoerl and Kennard (1970), as the posterior mean under a normal prior. One owner thread.
"""

from libc.math cimport isnan, sqrt
from libc.stdint cimport int64_t

from bot4._core.ta.elementary cimport log_ratio


cdef void _resolve(const EdgeRules* rules, EdgeState* state, int64_t now_ns, int64_t mid2_ticks) noexcept nogil:
    cdef PendingScore* oldest
    cdef double answer
    while state.count > 0:
        oldest = &state.pending[state.head]
        if now_ns - oldest.ts_ns < rules.horizon_ns:
            return
        if now_ns - oldest.ts_ns <= rules.horizon_ns + rules.horizon_ns // 2:
            answer = log_ratio(mid2_ticks, oldest.mid2_ticks)
            state.weight = state.weight * rules.keep + 1.0
            state.score_square = state.score_square * rules.keep + oldest.score * oldest.score
            state.product = state.product * rules.keep + oldest.score * answer
            state.return_square = state.return_square * rules.keep + answer * answer
            state.resolved += 1
        else:
            state.lapsed += 1
        state.head = (state.head + 1) & (PENDING_MAX - 1)
        state.count -= 1


cdef void edge_apply(
    const EdgeRules* rules, EdgeState* state, int64_t now_ns, int64_t mid2_ticks, double score
) noexcept nogil:
    cdef PendingScore* newest
    _resolve(rules, state, now_ns, mid2_ticks)
    if isnan(score) or (state.has_last and now_ns - state.last_ns < rules.step_ns):
        return
    state.last_ns = now_ns
    state.has_last = True
    if state.count == PENDING_MAX:
        state.lapsed += 1
        return
    newest = &state.pending[(state.head + state.count) & (PENDING_MAX - 1)]
    newest.ts_ns = now_ns
    newest.mid2_ticks = mid2_ticks
    newest.score = score
    state.count += 1


cdef void edge_read(const EdgeRules* rules, const EdgeState* state, Edge* out) noexcept nogil:
    cdef double overlap = <double>rules.horizon_ns / <double>rules.step_ns
    cdef double rest, squares = state.score_square + rules.prior_weight
    overlap = overlap if overlap > 1.0 else 1.0
    out.slope = out.error = out.deviation = 0.0
    out.samples = state.weight / overlap
    if squares > 0.0:
        out.slope = (state.product + rules.prior_weight * rules.prior_slope) / squares
    if state.weight <= 0.0:
        return
    rest = state.return_square - 2.0 * out.slope * state.product + out.slope * out.slope * state.score_square
    rest = rest / state.weight if rest > 0.0 else 0.0
    out.deviation = sqrt(rest)
    if squares > 0.0:
        out.error = sqrt(rest * overlap / squares)
