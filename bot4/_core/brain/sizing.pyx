# cython: language_level=3
"""How much.

Full Kelly is ``mean / deviation^2``. The mean is an estimate: with the error e only ``mean^2 / (mean^2 + e^2)`` of the
fraction is kept, and of that at most half is bet. Every other rule is a cap on the same number, so a size is a minimum and
the record says which rule it was.
Sources: Kelly (1956); Thorp (2006), The Kelly Criterion in Blackjack, Sports Betting and the Stock Market, section 7;
shrinkage: Baker and McHale (2013), Optimal Betting under Parameter Uncertainty, Decision Analysis 10(3).
"""

from libc.math cimport sqrt
from libc.stdint cimport INT64_MAX, int64_t

from bot4._core.account.contract cimport contract_value
from bot4._core.types cimport money_t

#: Words of SizeBound, by its number.
SIZE_NAMES = (
    "kelly", "volatility", "trade_risk", "heat", "concentration", "correlation", "gross", "liquidation")
cdef int64_t PPM = 1_000_000
cdef int64_t PPM_MAX = 1_000_000_000_000     # a millionfold: no cap, and its product with an equity still fits 128 bits
cdef double YEAR_NS = 365.0 * 86_400e9


cdef double kelly_fraction(double mean, double deviation, double risk_free) noexcept nogil:
    return (mean - risk_free) / (deviation * deviation) if deviation > 0.0 else 0.0


cdef double kelly_growth(double fraction, double mean, double deviation, double risk_free) noexcept nogil:
    return risk_free + fraction * (mean - risk_free) - 0.5 * fraction * fraction * deviation * deviation


cdef double kelly_binary(double win_probability, double odds) noexcept nogil:
    return win_probability - (1.0 - win_probability) / odds if odds > 0.0 else 0.0


cdef double kelly_shrinkage(double mean, double error) noexcept nogil:
    cdef double square = mean * mean
    return square / (square + error * error) if square > 0.0 else 0.0


cdef inline int64_t _as_ppm(double share) noexcept nogil:
    """Towards zero; 0 for what is not above it."""
    if not share > 0.0:
        return 0
    return PPM_MAX if share >= 1e6 else <int64_t>(share * 1e6)


cdef inline int64_t _over_stop(int64_t budget_ppm, int64_t stop_ppm) noexcept nogil:
    """Exposure that loses the budget at the stop."""
    if budget_ppm <= 0:
        return 0
    return PPM_MAX if stop_ppm <= 0 else min(PPM_MAX, budget_ppm * PPM // stop_ppm)


cdef void size_position(
    const SizeRules* rules, double mean, double error, double deviation, int64_t stop_ppm, const Surroundings* others,
    Size* out
) noexcept nogil:
    cdef double yearly = deviation * sqrt(YEAR_NS / <double>rules.horizon_ns)
    cdef int64_t distance_ppm
    cdef int i
    out.caps_ppm[SIZE_KELLY] = _as_ppm(
        kelly_fraction(mean, deviation, 0.0) * kelly_shrinkage(mean, error) * <double>rules.kelly_ppm * 1e-6)
    out.caps_ppm[SIZE_VOLATILITY] = PPM_MAX if yearly <= 0.0 else _as_ppm(<double>rules.volatility_ppm * 1e-6 / yearly)
    out.caps_ppm[SIZE_TRADE_RISK] = _over_stop(rules.trade_risk_ppm, stop_ppm)
    out.caps_ppm[SIZE_HEAT] = _over_stop(rules.heat_ppm - others.heat_ppm, stop_ppm)
    out.caps_ppm[SIZE_CONCENTRATION] = rules.concentration_ppm
    out.caps_ppm[SIZE_CORRELATION] = max(0, rules.correlation_ppm - others.correlated_ppm)
    out.caps_ppm[SIZE_GROSS] = max(0, rules.gross_ppm - others.gross_ppm)
    out.caps_ppm[SIZE_LIQUIDATION] = PPM_MAX
    if rules.maintenance_ppm > 0:
        # Equity less the loss meets the maintenance margin at a move of 1 / leverage - maintenance, to first order.
        distance_ppm = max(rules.liquidation_ppm, rules.liquidation_milli * stop_ppm // 1000) + rules.maintenance_ppm
        out.caps_ppm[SIZE_LIQUIDATION] = max(0, PPM * PPM // max(1, distance_ppm) - others.gross_ppm)
    out.ppm = INT64_MAX
    for i in range(SIZE_BOUNDS):
        if out.caps_ppm[i] < out.ppm:
            out.ppm = out.caps_ppm[i]
            out.bound = i


cdef int64_t size_lots(
    const ContractSpec* spec, money_t equity_atoms, int64_t ppm, int64_t price_ticks
) noexcept nogil:
    # A million lots at once: one lot of an inverse contract is worth few atoms, and rounding them would add up.
    cdef money_t value = contract_value(spec, price_ticks, PPM)
    cdef money_t lots
    if equity_atoms <= 0 or ppm <= 0 or value <= 0:
        return 0
    lots = equity_atoms * ppm // value
    return <int64_t>lots if lots < (<money_t>1 << 50) else (<int64_t>1 << 50)


cdef int64_t size_ppm(
    const ContractSpec* spec, money_t equity_atoms, int64_t lots, int64_t price_ticks
) noexcept nogil:
    cdef money_t value, share
    if lots == 0:
        return 0
    if equity_atoms <= 0:
        return PPM_MAX
    value = contract_value(spec, price_ticks, lots if lots > 0 else -lots)
    share = (value * PPM + equity_atoms - 1) // equity_atoms
    return PPM_MAX if share > PPM_MAX else <int64_t>share
