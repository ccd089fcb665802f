# cython: language_level=3
"""The gate.

Rates are whole parts per billion of the notional, so the sum of the record is exact: ``value = edge - fee - spread - impact -
funding``. Costs are rounded up, the edge down. An entry pays its way in and the way out again:

=========  ==========================================================================================================
fee        this way's rate (maker or taker) and a taker's for the way out; a rebate counts
spread     half of it for a taker's entry, half for the exit; a maker's entry gains nothing by it
impact     a taker's entry: the larger of the walk through the known levels and the square-root law; the exit: the law
funding    perpetuals: every settlement inside the horizon at the venue's last rate, or the assumed rate pro rata
=========  ==========================================================================================================

The law is ``coefficient x deviation of a bar x sqrt(quantity / volume of a bar)``, exponent 1/2.
Source: Almgren, Thum, Hauptmann and Li (2005) and the survey in arXiv 2411.13965 for the exponent.

Pure functions.
"""

from libc.math cimport ceil, fabs, floor, sqrt
from libc.stdint cimport int64_t

from bot4._core.types cimport CONTRACT_SPOT, SIDE_BUY, TOP_LEVELS, money_t, mul_wide

#: Words of EntryVerdict, by its number.
ENTRY_NAMES = (
    "pass", "no_equity", "drawdown", "regime", "coverage", "confidence", "unconfirmed", "timeframes", "unproven", "value",
    "size", "direction", "no_reasons")
cdef int64_t PPB = 1_000_000_000
cdef double PPB_MAX = 1e15


cdef inline int64_t _whole(double x) noexcept nogil:
    return <int64_t>(PPB_MAX if x > PPB_MAX else (-PPB_MAX if x < -PPB_MAX else x))


cdef int64_t _walk_ppb(const TopOfBook* top, int side, int64_t qty_lots) noexcept nogil:
    """What the levels behind the touch add to an immediate order; beyond the fifth the last step goes on."""
    cdef const int64_t* prices = &top.ask_price_ticks[0] if side == SIDE_BUY else &top.bid_price_ticks[0]
    cdef const int64_t* lots = &top.ask_qty_lots[0] if side == SIDE_BUY else &top.bid_qty_lots[0]
    cdef int levels = top.ask_levels if side == SIDE_BUY else top.bid_levels, i
    cdef int64_t left = qty_lots, taken, distance = 0
    cdef money_t paid = 0
    for i in range(min(levels, TOP_LEVELS)):
        taken = min(left, lots[i])
        distance = prices[i] - prices[0] if side == SIDE_BUY else prices[0] - prices[i]
        paid += mul_wide(distance, taken)
        left -= taken
    paid += mul_wide(distance + (1 if left > 0 else 0), left)
    return <int64_t>((paid * PPB + mul_wide(prices[0], qty_lots) - 1) // mul_wide(prices[0], qty_lots))


cdef int64_t _law_ppb(const GateRules* rules, int64_t qty_lots, double deviation, int64_t volume_lots) noexcept nogil:
    if volume_lots <= 0 or not deviation > 0.0:
        return 0
    return _whole(ceil(<double>rules.impact_ppm * 1e3 * deviation * sqrt(<double>qty_lots / <double>volume_lots)))


cdef int64_t _funding_ppb(
    const GateRules* rules, int side, int64_t horizon_ns, int64_t now_ns, int64_t rate_ppb, int64_t next_ns
) noexcept nogil:
    cdef int64_t settlements
    if rules.funding_interval_ns <= 0:
        return 0
    if next_ns <= now_ns:                        # no rate, or one whose time has passed: the assumed one, against us
        return <int64_t>((mul_wide(rules.funding_ppb, horizon_ns) + rules.funding_interval_ns - 1)
                         // rules.funding_interval_ns)
    if next_ns - now_ns > horizon_ns:
        return 0
    settlements = 1 + (horizon_ns - (next_ns - now_ns)) // rules.funding_interval_ns
    return settlements * (rate_ppb if side == SIDE_BUY else -rate_ppb)


cdef void gate_costs(
    const GateRules* rules, const ContractSpec* spec, const TopOfBook* top, int side, bint is_maker, int64_t qty_lots,
    double bar_deviation, int64_t bar_volume_lots, int64_t now_ns, int64_t funding_rate_ppb, int64_t funding_next_ns,
    Reasons* out
) noexcept nogil:
    cdef int64_t mid2 = top.bid_price_ticks[0] + top.ask_price_ticks[0]
    cdef int64_t spread = top.ask_price_ticks[0] - top.bid_price_ticks[0]
    cdef int64_t law = _law_ppb(rules, qty_lots, bar_deviation, bar_volume_lots)
    out.fee_ppb = 10 * ((spec.maker_rate_e8 if is_maker else spec.taker_rate_e8) + spec.taker_rate_e8)
    # spread / mid, of which half for each way
    out.spread_ppb = <int64_t>((mul_wide(spread, (1 if is_maker else 2) * PPB) + mid2 - 1) // mid2)
    out.impact_ppb = law + (0 if is_maker else max(law, _walk_ppb(top, side, qty_lots)))
    out.funding_ppb = 0
    if spec.kind != CONTRACT_SPOT:
        out.funding_ppb = _funding_ppb(rules, side, out.horizon_ns, now_ns, funding_rate_ppb, funding_next_ns)


cdef bint gate_value(const GateRules* rules, double edge, double error, Reasons* out) noexcept nogil:
    out.edge_ppb = _whole(floor(edge * 1e9))
    out.error_ppb = _whole(ceil(fabs(error) * 1e9))
    out.value_ppb = out.edge_ppb - out.fee_ppb - out.spread_ppb - out.impact_ppb - out.funding_ppb
    out.needed_ppb = rules.margin_ppb + _whole(ceil(rules.errors * <double>out.error_ppb))
    return out.value_ppb > out.needed_ppb


cdef int gate_signal(const GateRules* rules, const Reasons* reasons) noexcept nogil:
    if reasons.regime < 0 or not rules.regimes >> reasons.regime & 1:
        return ENTRY_REGIME
    if reasons.coverage < rules.coverage_min:
        return ENTRY_COVERAGE
    if reasons.confidence < rules.confidence_min:
        return ENTRY_CONFIDENCE
    if reasons.confirmed_bars < rules.confirm_bars:
        return ENTRY_UNCONFIRMED
    if reasons.timeframes < rules.timeframes_min:
        return ENTRY_TIMEFRAMES
    if reasons.samples < rules.samples_min:
        return ENTRY_UNPROVEN
    return ENTRY_PASS
