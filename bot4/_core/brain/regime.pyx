# cython: language_level=3
"""Market regime, O(1) a bar.

*Rule.* The trend is the t statistic of an exponentially weighted mean return: with weight alpha the mean of independent
returns has the variance ``alpha / (2 - alpha)`` of one return. The stress is the ratio of a fast to a slow running
deviation. Both have a threshold to enter and a lower one to leave, so that a value on the border does not flicker.

*Hidden Markov.* States with Gaussian returns; the fit is bot4.quant.regime_fit's, off the hot path, and each state is
labelled there. Here the filter: predict by the transitions, weigh by the likelihoods, normalise. Likelihoods are taken
relative to the largest one, so that a return far from every state cannot underflow all of them.
Source: Hamilton (1989), A New Approach to the Economic Analysis of Nonstationary Time Series, eq. 4.5 to 4.8.

The word: crisis where either says so; else the hidden state where it is sure enough; else the rule. One owner thread.
"""

from libc.math cimport sqrt

from bot4._core.ta.elementary cimport decay, is_usable


cdef void hidden_apply(
    const RegimeRules* rules, double* probabilities, double log_return, bint is_first
) noexcept nogil:
    cdef double predicted[4]
    cdef double distance[4]
    cdef double least = 1e300, total = 0.0
    cdef int i, j
    for j in range(rules.hidden_count):
        predicted[j] = rules.initial[j] if is_first else 0.0
        if not is_first:
            for i in range(rules.hidden_count):
                predicted[j] += probabilities[i] * rules.transition[i][j]
        distance[j] = (log_return - rules.mean[j]) / rules.deviation[j]
        distance[j] = 0.5 * distance[j] * distance[j]
        least = min(least, distance[j])
    for j in range(rules.hidden_count):
        predicted[j] *= decay(distance[j] - least) / rules.deviation[j]
        total += predicted[j]
    for j in range(rules.hidden_count):
        probabilities[j] = predicted[j] / total if total > 0.0 else rules.initial[j]


cdef int _rule(const RegimeRules* rules, const RegimeState* state) noexcept nogil:
    cdef int before = state.rule
    if state.stress >= (rules.crisis_exit if before == REGIME_CRISIS else rules.crisis_enter):
        return REGIME_CRISIS
    if state.trend_t >= (rules.trend_exit if before == REGIME_BULL else rules.trend_enter):
        return REGIME_BULL
    if state.trend_t <= -(rules.trend_exit if before == REGIME_BEAR else rules.trend_enter):
        return REGIME_BEAR
    return REGIME_SIDEWAYS


cdef int _word(const RegimeRules* rules, const RegimeState* state) noexcept nogil:
    cdef int i, best = 0
    if rules.hidden_count == 0 or state.rule == REGIME_CRISIS:
        return state.rule
    for i in range(1, rules.hidden_count):
        if state.hidden[i] > state.hidden[best]:
            best = i
    return rules.labels[best] if state.hidden[best] >= rules.hidden_min else state.rule


cdef int regime_apply(const RegimeRules* rules, RegimeState* state, double log_return) noexcept nogil:
    cdef double square = log_return * log_return, spread
    if not is_usable(log_return):
        return state.regime if state.bars >= rules.warm_up_bars else -1
    if rules.hidden_count > 0:
        hidden_apply(rules, state.hidden, log_return, state.bars == 0)
    state.bars += 1
    if state.bars == 1:
        state.rule = REGIME_SIDEWAYS
        state.trend_mean = log_return
        state.trend_square = state.fast_square = state.slow_square = square
    else:
        state.trend_mean += rules.trend_alpha * (log_return - state.trend_mean)
        state.trend_square += rules.trend_alpha * (square - state.trend_square)
        state.fast_square += rules.fast_alpha * (square - state.fast_square)
        state.slow_square += rules.slow_alpha * (square - state.slow_square)
    spread = state.trend_square * rules.trend_alpha / (2.0 - rules.trend_alpha)
    state.trend_t = state.trend_mean / sqrt(spread) if spread > 1e-200 else 0.0
    state.stress = sqrt(state.fast_square / state.slow_square) if state.slow_square > 1e-200 else 1.0
    if state.bars < rules.warm_up_bars:
        return -1
    state.rule = _rule(rules, state)
    state.regime = _word(rules, state)
    return state.regime
