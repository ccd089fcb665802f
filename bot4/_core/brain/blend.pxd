"""Signals: sub-strategies over features make the technical score, six sources make the blend."""

from libc.stdint cimport int32_t, int64_t, uint32_t


cdef enum:
    SOURCES = 6
    REGIMES = 4
    ALPHAS = 4               # sub-strategies of the technical score
    TIMEFRAMES = 3
    ALPHA_TERMS_MAX = 64


# Where a score comes from. The first is computed here; the others arrive as control events.
cdef enum:
    SOURCE_TA = 0
    SOURCE_ML = 1
    SOURCE_SENTIMENT = 2
    SOURCE_ONCHAIN = 3
    SOURCE_MACRO = 4
    SOURCE_NEWS = 5


# Sub-strategies of the technical score; which of them speaks is the regime's to say.
cdef enum:
    ALPHA_TREND = 0
    ALPHA_REVERSION = 1
    ALPHA_FLOW = 2           # order flow and book
    ALPHA_PAIR = 3           # spread of a cointegrated pair


ctypedef struct AlphaTerm:
    int32_t feature          # index in the feature vector
    int32_t alpha
    double weight            # share of its sub-strategy
    double centre            # (feature - centre) / scale, clipped to -1 .. 1
    double inverse_scale


# Immutable while a shard runs.
ctypedef struct BlendRules:
    AlphaTerm terms[64]
    int32_t term_count
    int32_t confirm_bars         # bars in a row with one sign before the technical score counts as confirmed
    int64_t allocation_ppm[4][4]     # [regime][sub-strategy]
    int64_t weight_ppm[4][6]         # [regime][source]
    int64_t ttl_ns[6]            # older than this is stale


# What a source last said.
ctypedef struct SourceState:
    double score             # -1 .. 1
    double confidence        # 0 .. 1
    int64_t stamp_ns
    bint seen


ctypedef struct BlendState:
    SourceState sources[6]
    double higher[3]         # technical scores of the higher timeframes; NaN: none or warming
    int32_t higher_count
    int32_t run_sign         # sign of the technical score at the last bars
    int32_t run_bars         # how many in a row


# One blended score with everything it was made of.
ctypedef struct Blend:
    double score             # -1 .. 1; NaN: no source speaks
    double confidence        # mean confidence of what spoke, times its agreement
    double coverage          # weight of what spoke over the weight of all
    double agreement         # |sum of shares x scores| over the sum of their sizes; 1: all point one way
    double timeframes        # share of timeframes that point the score's way
    double alphas[4]         # sub-strategies; NaN: none or warming
    double scores[6]
    int64_t share_ppm[6]     # what each source counted for; they sum to a million, rounding aside
    int64_t age_ns[6]        # -1: never heard
    uint32_t used            # bit sets by source
    uint32_t stale
    uint32_t missing
    int32_t confirmed_bars


# Sub-strategy scores of a feature vector, NaN where one has no terms or is warming; `agree`: share of the weight with its sign.
cdef void blend_alphas(const BlendRules* rules, const double* features, double* alphas, double* agree) noexcept nogil
# The technical score of a regime: sub-strategies by their allocation. NaN where none speaks.
cdef double blend_technical(const BlendRules* rules, int regime, const double* alphas, const double* agree,
                            double* confidence) noexcept nogil
# A bar closed: count bars in a row with one sign.
cdef void blend_apply_bar(BlendState* state, double technical) noexcept nogil
cdef void blend_apply_source(BlendState* state, int source, double score, double confidence, int64_t now_ns) noexcept nogil
cdef void blend_sources(const BlendRules* rules, const BlendState* state, int regime, int64_t now_ns,
                        Blend* out) noexcept nogil
