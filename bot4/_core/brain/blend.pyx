# cython: language_level=3
"""Signals: from features and outside scores to one number that says how sure it is and what it is made of.

A source counts with ``weight of the regime x its confidence`` while it is younger than its time to live, and with nothing
after. The shares of those that speak sum to 1: a source that is missing or stale gives its weight to the others, and
the result names it. How much of the whole weight spoke is `coverage`, which the gate holds against a limit of its own: a
lone technical score is not the same thing as six sources that agree.

One owner thread for a state; the rest is pure.
"""

from libc.math cimport NAN, fabs, isnan
from libc.stdint cimport int32_t, int64_t

SOURCE_NAMES = ("ta", "ml", "sentiment", "onchain", "macro", "news")
ALPHA_NAMES = ("trend", "reversion", "flow", "pair")
REGIME_NAMES = ("bull", "bear", "sideways", "crisis")


cdef void blend_alphas(
    const BlendRules* rules, const double* features, double* alphas, double* agree
) noexcept nogil:
    cdef double total[4]
    cdef double positive[4]
    cdef double value
    cdef const AlphaTerm* term
    cdef int i
    for i in range(ALPHAS):
        alphas[i] = NAN
        total[i] = 0.0
        positive[i] = 0.0
        agree[i] = 0.0
    for i in range(rules.term_count):
        term = &rules.terms[i]
        value = (features[term.feature] - term.centre) * term.inverse_scale
        value = 1.0 if value > 1.0 else (-1.0 if value < -1.0 else value)
        # A sum with a NaN in it stays one: a sub-strategy speaks once all of its features are ready.
        alphas[term.alpha] = (0.0 if total[term.alpha] == 0.0 else alphas[term.alpha]) + term.weight * value
        total[term.alpha] += fabs(term.weight)
        if term.weight * value > 0.0:
            positive[term.alpha] += fabs(term.weight)
    for i in range(ALPHAS):
        if total[i] > 0.0 and not isnan(alphas[i]):
            alphas[i] /= total[i]
            agree[i] = positive[i] / total[i]
            if alphas[i] < 0.0:
                agree[i] = 1.0 - agree[i]


cdef double blend_technical(
    const BlendRules* rules, int regime, const double* alphas, const double* agree, double* confidence
) noexcept nogil:
    cdef double weight, weights = 0.0, score = 0.0, sure = 0.0
    cdef int i
    confidence[0] = 0.0
    for i in range(ALPHAS):
        weight = <double>rules.allocation_ppm[regime][i]
        if weight <= 0.0 or isnan(alphas[i]):
            continue
        weights += weight
        score += weight * alphas[i]
        sure += weight * agree[i]
    if weights == 0.0:
        return NAN
    confidence[0] = sure / weights
    return score / weights


cdef void blend_apply_bar(BlendState* state, double technical) noexcept nogil:
    cdef int32_t sign = 0
    if not isnan(technical):
        sign = (technical > 0.0) - (technical < 0.0)
    if sign == 0 or sign != state.run_sign:
        state.run_bars = 0
    state.run_sign = sign
    if sign != 0:
        state.run_bars += 1


cdef void blend_apply_source(
    BlendState* state, int source, double score, double confidence, int64_t now_ns
) noexcept nogil:
    state.sources[source].score = score
    state.sources[source].confidence = confidence
    state.sources[source].stamp_ns = now_ns
    state.sources[source].seen = True


cdef void blend_sources(
    const BlendRules* rules, const BlendState* state, int regime, int64_t now_ns, Blend* out
) noexcept nogil:
    cdef double weight, counted = 0.0, spoke = 0.0, whole = 0.0, size = 0.0
    cdef double shares[6]
    cdef int64_t age_ns
    cdef int i, with_us = 0, voices = 0
    out.used = out.stale = out.missing = 0
    out.score = 0.0
    for i in range(SOURCES):
        weight = <double>rules.weight_ppm[regime][i]
        whole += weight
        shares[i] = 0.0
        out.scores[i] = state.sources[i].score if state.sources[i].seen else NAN
        age_ns = now_ns - state.sources[i].stamp_ns
        out.age_ns[i] = age_ns if state.sources[i].seen else -1
        if not state.sources[i].seen or isnan(state.sources[i].score):
            out.missing |= <unsigned int>1 << i
        elif age_ns < 0 or age_ns > rules.ttl_ns[i]:
            out.stale |= <unsigned int>1 << i        # a stamp from the future counts as too old
        elif weight > 0.0 and state.sources[i].confidence > 0.0:
            out.used |= <unsigned int>1 << i
            shares[i] = weight * state.sources[i].confidence
            counted += shares[i]
            spoke += weight
    for i in range(SOURCES):
        if counted > 0.0:
            shares[i] /= counted
            if shares[i] > 0.0:
                out.score += shares[i] * state.sources[i].score
                size += shares[i] * fabs(state.sources[i].score)
        out.share_ppm[i] = <int64_t>(shares[i] * 1e6 + 0.5)
    if counted == 0.0:
        out.score = NAN
    out.coverage = spoke / whole if whole > 0.0 else 0.0
    out.agreement = fabs(out.score) / size if size > 0.0 else 0.0
    out.confidence = counted / spoke * out.agreement if spoke > 0.0 else 0.0
    for i in range(state.higher_count):
        if not isnan(state.higher[i]):
            voices += 1
            with_us += state.higher[i] * out.score > 0.0
    out.timeframes = <double>with_us / <double>voices if voices > 0 else 1.0
    out.confirmed_bars = state.run_bars if state.run_sign * out.score > 0.0 else 0
