# cython: language_level=3
"""What the reasoned policy knows of one instrument, kept on every touch whether or not a decision follows.

Bars that closed move the regime, the running volume and the higher timeframes; the technical score becomes one of six
sources of the blend; what earlier scores were worth is measured. A higher timeframe counts once its bar is closed, so
none of it looks ahead. One owner thread.
"""

from libc.math cimport NAN, ceil, isnan
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

from bot4._core.account.contract cimport ContractSpec
from bot4._core.brain.blend cimport (
    SOURCES, SOURCE_TA, blend_alphas, blend_apply_bar, blend_apply_source, blend_sources, blend_technical,
)
from bot4._core.brain.edge cimport edge_apply
from bot4._core.brain.gate cimport (
    ENTRY_CONFIDENCE, ENTRY_PASS, ENTRY_REGIME, ENTRY_VALUE, REASONS_VERSION, gate_costs, gate_value,
)
from bot4._core.brain.portfolio cimport portfolio_apply_equity, portfolio_apply_mark, portfolio_apply_time
from bot4._core.brain.regime cimport REGIME_SIDEWAYS, regime_apply
from bot4._core.brain.stops cimport guard_distance
from bot4._core.engine.decide cimport REASON_ENTER, REASON_STRATEGY
from bot4._core.ta.bank cimport FeatureBank, bank_frame, bank_values
from bot4._core.ta.registry cimport CLOCK_BAR, FEATURE_ATR_14, FEATURE_EWMA_VOL_94
from bot4._core.types cimport INTENT_POST_ONLY, SIDE_BUY, TIF_GTC, OrderIntent, TopOfBook, hash_mix, money_t, mul_wide

cdef int64_t PPM = 1_000_000
cdef int64_t PPB = 1_000_000_000


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


cdef void outlook_apply_funding(Reasoned* reasoned, Claims* claims, int64_t rate_ppb, int64_t next_ns) noexcept nogil:
    if reasoned != NULL:
        reasoned.funding_rate_ppb, reasoned.funding_next_ns = rate_ppb, next_ns
    if claims != NULL:
        claims.funding_rate_ppb, claims.funding_next_ns = rate_ppb, next_ns


# -- claims ------------------------------------------------------------------------------------------------------------

cdef void claims_apply_bars(Claims* claims, const FeatureBank* bank) noexcept nogil:
    cdef const double* values = bank_values(bank)
    if bank.counts[<int>CLOCK_BAR] == claims.bars_seen:
        return
    claims.bars_seen = bank.counts[<int>CLOCK_BAR]
    claims.regime_now = regime_apply(&claims.regime_rules, &claims.regime, bank.base.history.log_return)
    claims.volume_lots += (bank.base.history.bar.volume_lots - claims.volume_lots) // max(
        1, min(claims.bars_seen, claims.volume_bars))
    if not isnan(values[FEATURE_EWMA_VOL_94]):
        claims.bar_deviation = values[FEATURE_EWMA_VOL_94]


cdef void _note_claim(
    Claims* claims, const ContractSpec* spec, const TopOfBook* top, const OrderIntent* intent, int64_t now_ns
) noexcept nogil:
    cdef Reasons* out = &claims.reasons
    cdef int i
    memset(out, 0, sizeof(Reasons))
    out.version = REASONS_VERSION
    out.ts_ns = now_ns
    out.instrument = claims.lane
    out.side = intent.side
    out.regime = claims.regime_now
    out.trend_t = claims.regime.trend_t
    out.stress = claims.regime.stress
    for i in range(6):
        out.scores[i] = NAN
        out.age_ns[i] = -1
    for i in range(4):
        out.alphas[i] = NAN
    out.bound = -1                                   # as large as it was asked for: no bound of ours
    out.horizon_ns = claims.horizon_ns
    out.deviation = claims.bar_deviation
    out.price_ticks, out.qty_lots = intent.price_ticks, intent.qty_lots
    out.bid_ticks, out.ask_ticks = top.bid_price_ticks[0], top.ask_price_ticks[0]
    out.tick_mantissa, out.tick_decimals = spec.tick_mantissa, spec.tick_decimals
    out.lot_mantissa, out.lot_decimals = spec.lot_mantissa, spec.lot_decimals
    out.contract_size, out.contract_kind = spec.contract_size, spec.kind
    out.settle_decimals = spec.settle_decimals
    memcpy(&out.symbol[0], &claims.symbol[0], sizeof(claims.symbol))


cdef double _expected_bps(Claims* claims, const OrderIntent* intent) noexcept nogil:
    """What the order is held to be worth before costs; into the record, too, whose word that is."""
    cdef Reasons* out = &claims.reasons
    out.confidence = claims.confidence
    out.used = CLAIM_BY_SETTINGS
    if intent.reason == REASON_STRATEGY:
        if intent.generation != 0:
            out.confidence = <double>min(intent.generation, <uint64_t>PPM) * 1e-6
        if intent.score != 0.0:
            out.used = CLAIM_BY_STRATEGY
            return -1e9 if isnan(intent.score) else intent.score
    if intent.reason == REASON_ENTER:
        out.score = intent.score                     # what the linear policy saw; it has no unit
    return claims.expected_bps


cdef void _claim_costs(
    Claims* claims, const ContractSpec* spec, const TopOfBook* top, const OrderIntent* intent, int64_t now_ns
) noexcept nogil:
    """In and out again the same way: a taker pays both times, a maker earns what its price is better than the mid."""
    cdef Reasons* out = &claims.reasons
    cdef bint is_buy = intent.side == SIDE_BUY
    cdef int64_t mid2 = top.bid_price_ticks[0] + top.ask_price_ticks[0], better2
    cdef int64_t opposite = top.ask_price_ticks[0] if is_buy else top.bid_price_ticks[0]
    out.is_maker = intent.flags & INTENT_POST_ONLY or (
        intent.tif == TIF_GTC and (intent.price_ticks < opposite if is_buy else intent.price_ticks > opposite))
    if top.bid_levels != 0 and top.ask_levels != 0:
        gate_costs(&claims.gate_rules, spec, top, intent.side, False, intent.qty_lots, claims.bar_deviation,
                   claims.volume_lots, now_ns, claims.funding_rate_ppb, claims.funding_next_ns, out)
    else:
        out.fee_ppb = 20 * spec.taker_rate_e8        # nothing is known of the book: the fees alone
        mid2 = 0
    if out.is_maker:
        out.fee_ppb = 20 * spec.maker_rate_e8
        out.impact_ppb = 0
        better2 = mid2 - 2 * intent.price_ticks if is_buy else 2 * intent.price_ticks - mid2
        out.spread_ppb = -<int64_t>(mul_wide(better2, PPB) // mid2) if mid2 > 0 else 0


cdef int claims_judge(
    Claims* claims, const ContractSpec* spec, const TopOfBook* top, const OrderIntent* intent, bint is_exit,
    int64_t now_ns
) noexcept nogil:
    cdef Reasons* out = &claims.reasons
    cdef int verdict = ENTRY_PASS
    cdef double expected_bps
    cdef bint is_worth
    _note_claim(claims, spec, top, intent, now_ns)
    claims.has_reasons = True
    if is_exit:
        return ENTRY_PASS
    expected_bps = _expected_bps(claims, intent)
    _claim_costs(claims, spec, top, intent, now_ns)
    is_worth = gate_value(&claims.gate_rules, expected_bps * 1e-4, 0.0, out)
    if out.confidence < claims.gate_rules.confidence_min:
        verdict = ENTRY_CONFIDENCE
    elif claims.regime_now >= 0 and not claims.gate_rules.regimes >> claims.regime_now & 1:
        verdict = ENTRY_REGIME
    elif not is_worth:
        verdict = ENTRY_VALUE
    claims.verdicts[verdict] += 1
    out.verdict = verdict
    if verdict == ENTRY_PASS:
        return ENTRY_PASS
    if verdict == claims.record_verdict and now_ns < claims.record_next_ns:
        claims.repeats += 1
        claims.has_reasons = False
        return verdict
    out.repeats = claims.repeats
    claims.repeats = 0
    claims.record_verdict = verdict
    claims.record_next_ns = now_ns + claims.record_interval_ns
    return verdict


cdef Reasons* outlook_take_reasons(Reasoned* reasoned, Claims* claims) noexcept nogil:
    if reasoned != NULL and reasoned.has_reasons:
        reasoned.has_reasons = False
        return &reasoned.reasons
    if claims != NULL and claims.has_reasons:
        claims.has_reasons = False
        return &claims.reasons
    return NULL


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
