"""How much: fractional Kelly, and every other bound on an exposure; all as parts per million of equity."""

from libc.stdint cimport int32_t, int64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.types cimport money_t


# SizeBound: what bounded a size; the place of each in `Size.caps_ppm`.
cdef enum:
    SIZE_KELLY = 0
    SIZE_VOLATILITY = 1
    SIZE_TRADE_RISK = 2
    SIZE_HEAT = 3
    SIZE_CONCENTRATION = 4
    SIZE_CORRELATION = 5
    SIZE_GROSS = 6
    SIZE_LIQUIDATION = 7


cdef enum:
    SIZE_BOUNDS = 8


# Immutable while a shard runs. Parts per million of equity unless the name says otherwise.
ctypedef struct SizeRules:
    int64_t kelly_ppm            # share of full Kelly, at most 500,000
    int64_t volatility_ppm       # aim for the yearly deviation of the position's result
    int64_t trade_risk_ppm       # lost where the stop is hit
    int64_t heat_ppm             # lost where every stop is hit
    int64_t concentration_ppm    # one instrument
    int64_t correlation_ppm      # positions weighed by their correlation with this one
    int64_t gross_ppm            # all positions, without signs
    int64_t maintenance_ppm      # maintenance margin of the notional; 0: spot, cannot be liquidated
    int64_t liquidation_ppm      # least distance of the liquidation price
    int64_t liquidation_milli    # and least multiple of the stop's distance, thousandths
    int64_t horizon_ns


# What the portfolio holds apart from this instrument.
ctypedef struct Surroundings:
    int64_t gross_ppm
    int64_t heat_ppm
    int64_t correlated_ppm       # of the same direction as the order; what hedges it counts negative


ctypedef struct Size:
    int64_t caps_ppm[8]          # by SizeBound; INT64_MAX: no bound
    int64_t ppm                  # the smallest of them: exposure of the whole position
    int32_t bound                # SizeBound that it is


# (mean - risk_free) / deviation^2: the fraction of wealth that grows fastest; per unit of time or per bet alike.
cdef double kelly_fraction(double mean, double deviation, double risk_free) noexcept nogil
cdef double kelly_growth(double fraction, double mean, double deviation, double risk_free) noexcept nogil
cdef double kelly_binary(double win_probability, double odds) noexcept nogil
# mean^2 / (mean^2 + error^2): what is left of a fraction whose mean is only known to an error.
cdef double kelly_shrinkage(double mean, double error) noexcept nogil
# Bounds for a position with this expected net return, error and deviation over the horizon and this stop distance.
cdef void size_position(const SizeRules* rules, double mean, double error, double deviation, int64_t stop_ppm,
                        const Surroundings* others, Size* out) noexcept nogil
# Whole lots, rounded down, that a share of equity is worth.
cdef int64_t size_lots(const ContractSpec* spec, money_t equity_atoms, int64_t ppm, int64_t price_ticks) noexcept nogil
# Share of equity that lots are worth, rounded up: never less than it is.
cdef int64_t size_ppm(const ContractSpec* spec, money_t equity_atoms, int64_t lots, int64_t price_ticks) noexcept nogil


cdef inline int64_t lots_down(int64_t lots, int64_t step_lots) noexcept nogil:
    """Lots on the venue's step, towards nothing: an exit never sells more than it was given."""
    return lots - lots % step_lots
