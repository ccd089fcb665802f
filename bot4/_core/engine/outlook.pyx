# cython: language_level=3
"""What the reasoned policy knows of one instrument, kept on every touch whether or not a decision follows.

Bars that closed move the regime, the running volume and the higher timeframes; the technical score becomes one of six
sources of the blend; what earlier scores were worth is measured. A higher timeframe counts once its bar is closed, so
none of it looks ahead. One owner thread.
"""

from libc.math cimport ceil, isnan
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from bot4._core.account.contract cimport ContractSpec
from bot4._core.brain.blend cimport (
    SOURCES, SOURCE_TA, blend_alphas, blend_apply_bar, blend_apply_source, blend_sources, blend_technical,
)
from bot4._core.brain.edge cimport edge_apply
from bot4._core.brain.portfolio cimport portfolio_apply_equity, portfolio_apply_mark, portfolio_apply_time
from bot4._core.brain.regime cimport REGIME_SIDEWAYS, regime_apply
from bot4._core.brain.stops cimport guard_distance
from bot4._core.ta.bank cimport FeatureBank, bank_frame, bank_values
from bot4._core.ta.registry cimport CLOCK_BAR, FEATURE_ATR_14, FEATURE_EWMA_VOL_94
from bot4._core.types cimport TopOfBook, hash_mix, money_t

cdef int64_t PPM = 1_000_000


# -- bars --------------------------------------------------------------------------------------------------------------

cdef double _technical(Reasoned* reasoned, const double* features, double* alphas, double* confidence) noexcept nogil:
    cdef double agree[4]
    cdef int regime = reasoned.regime_now if reasoned.regime_now >= 0 else REGIME_SIDEWAYS
    blend_alphas(&reasoned.blend_rules, features, alphas, agree)
    return blend_technical(&reasoned.blend_rules, regime, alphas, agree, confidence)


cdef void reasoned_apply_bars(Reasoned* reasoned, FeatureBank* bank) noexcept nogil:
    cdef const double* values = bank_values(bank)
    cdef double alphas[4]
    cdef double confidence
    cdef int64_t weight
    cdef int i
    if bank.counts[<int>CLOCK_BAR] == reasoned.bars_seen:
        return
    reasoned.bars_seen = bank.counts[<int>CLOCK_BAR]
    reasoned.regime_now = regime_apply(&reasoned.regime_rules, &reasoned.regime, bank.base.history.log_return)
    weight = min(reasoned.bars_seen, reasoned.volume_bars)
    reasoned.volume_lots += (bank.base.history.bar.volume_lots - reasoned.volume_lots) // max(1, weight)
    if not isnan(values[FEATURE_ATR_14]):
        reasoned.atr_ticks = <int64_t>ceil(values[FEATURE_ATR_14] / bank.base.history.tick_size)
    if not isnan(values[FEATURE_EWMA_VOL_94]):
        reasoned.bar_deviation = values[FEATURE_EWMA_VOL_94]
    for i in range(reasoned.blend.higher_count):
        reasoned.blend.higher[i] = _technical(
            reasoned, &bank_frame(bank, reasoned.higher_frames[i]).values[0], alphas, &confidence)
    blend_apply_bar(&reasoned.blend, _technical(reasoned, values, alphas, &confidence))


cdef void reasoned_apply_touch(
    Reasoned* reasoned, const FeatureBank* bank, const TopOfBook* top, int64_t now_ns
) noexcept nogil:
    cdef double confidence
    cdef double score
    score = _technical(reasoned, bank_values(bank), reasoned.view.alphas, &confidence)
    blend_apply_source(&reasoned.blend, SOURCE_TA, score, confidence, now_ns)
    blend_sources(
        &reasoned.blend_rules, &reasoned.blend, reasoned.regime_now if reasoned.regime_now >= 0 else REGIME_SIDEWAYS,
        now_ns, &reasoned.view)
    edge_apply(
        &reasoned.edge_rules, &reasoned.edge, now_ns, top.bid_price_ticks[0] + top.ask_price_ticks[0],
        reasoned.view.score)


# -- marks, sources, funding -------------------------------------------------------------------------------------------

cdef void reasoned_apply_mark(
    Reasoned* reasoned, const ContractSpec* spec, int64_t lots, int64_t mark_ticks, money_t equity_atoms, int64_t now_ns
) noexcept nogil:
    cdef int64_t distance
    if reasoned.guard.stop_ticks > 0 and lots != 0:
        distance = mark_ticks - reasoned.guard.stop_ticks if lots > 0 else reasoned.guard.stop_ticks - mark_ticks
    else:
        distance = guard_distance(&reasoned.guard_rules, mark_ticks, reasoned.atr_ticks)
    portfolio_apply_equity(reasoned.portfolio, reasoned.lane, equity_atoms)
    portfolio_apply_mark(
        reasoned.portfolio, spec, reasoned.lane, lots, mark_ticks, max(0, distance) * PPM // mark_ticks + 1)
    portfolio_apply_time(reasoned.portfolio, now_ns)


cdef void reasoned_apply_source(
    Reasoned* reasoned, int64_t source, int64_t score_ppm, int64_t confidence_ppm, int64_t stamp_ns
) noexcept nogil:
    # The technical score is made here: nobody else may say it. Out of range is not clipped: it is no score.
    if not SOURCE_TA < source < SOURCES or not -PPM <= score_ppm <= PPM or not 0 <= confidence_ppm <= PPM:
        reasoned.strays += 1
        return
    blend_apply_source(
        &reasoned.blend, <int>source, <double>score_ppm * 1e-6, <double>confidence_ppm * 1e-6, stamp_ns)


cdef void reasoned_apply_funding(Reasoned* reasoned, int64_t rate_ppb, int64_t next_ns) noexcept nogil:
    reasoned.funding_rate_ppb = rate_ppb
    reasoned.funding_next_ns = next_ns


cdef inline uint64_t _mix_double(uint64_t digest, double value) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &value, sizeof(bits))
    return hash_mix(digest, bits)


cdef uint64_t reasoned_hash(const Reasoned* reasoned) noexcept nogil:
    cdef uint64_t digest = hash_mix(<uint64_t>reasoned.bars_seen, <uint64_t>reasoned.regime_now)
    cdef int i
    digest = hash_mix(digest, <uint64_t>reasoned.volume_lots)
    digest = hash_mix(digest, <uint64_t>reasoned.edge.resolved)
    digest = hash_mix(digest, <uint64_t>reasoned.edge.last_ns)
    digest = _mix_double(digest, reasoned.edge.product)
    digest = _mix_double(digest, reasoned.edge.return_square)
    digest = _mix_double(digest, reasoned.regime.trend_mean)
    digest = _mix_double(digest, reasoned.regime.slow_square)
    digest = hash_mix(digest, <uint64_t>reasoned.blend.run_bars)
    for i in range(SOURCES):
        digest = hash_mix(digest, <uint64_t>reasoned.blend.sources[i].stamp_ns)
        digest = _mix_double(digest, reasoned.blend.sources[i].score)
    digest = hash_mix(digest, <uint64_t>reasoned.guard.stop_ticks)
    digest = hash_mix(digest, <uint64_t>reasoned.guard.best_ticks)
    digest = hash_mix(digest, <uint64_t>reasoned.guard.exiting)
    digest = hash_mix(digest, <uint64_t>reasoned.guard.rungs_done)
    digest = hash_mix(digest, <uint64_t>reasoned.portfolio.is_latched)
    for i in range(16):
        digest = hash_mix(digest, reasoned.verdicts[i])
    return hash_mix(digest, <uint64_t>reasoned.funding_next_ns)
