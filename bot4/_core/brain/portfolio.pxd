"""What a shard's instruments hold together: exposures, heat, correlations, and the drawdown that ends it."""

from libc.stdint cimport int32_t, int64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.brain.sizing cimport Surroundings
from bot4._core.types cimport money_t


cdef enum:
    PORTFOLIO_MAX = 64


ctypedef struct Holding:
    money_t equity_atoms     # of its settle asset; 0: not known yet
    money_t peak_atoms
    int64_t exposure_ppm     # of that equity, sign of the position
    int64_t stop_ppm         # distance of its stop
    int64_t mark_ticks
    int64_t sampled_ticks    # mark of the last sample of returns; 0: none
    double last_return


ctypedef struct Portfolio:
    int32_t count
    bint is_latched          # drawdown reached its limit: no entries until an operator says so
    int64_t drawdown_max_ppm
    int64_t drawdown_ppm     # deepest of the present ones
    double keep              # share of the past that each sample of returns leaves
    int64_t samples
    int64_t sample_ns        # between two samples
    int64_t next_sample_ns
    Holding holdings[64]
    double covariance[64][64]


cdef void portfolio_apply_equity(Portfolio* portfolio, int lane, money_t equity_atoms) noexcept nogil
cdef void portfolio_apply_mark(Portfolio* portfolio, const ContractSpec* spec, int lane, int64_t lots,
                               int64_t mark_ticks, int64_t stop_ppm) noexcept nogil
# Take one return of every instrument where the sample's time has come.
cdef void portfolio_apply_time(Portfolio* portfolio, int64_t now_ns) noexcept nogil
cdef double portfolio_correlation(const Portfolio* portfolio, int first, int second) noexcept nogil   # 1 where unknown
# What an order of `side_sign` (1 buys) on `lane` finds around it.
cdef void portfolio_surroundings(const Portfolio* portfolio, int lane, int side_sign, Surroundings* out) noexcept nogil


cdef class PortfolioBook:
    cdef Portfolio* portfolio
    cdef int _lane(self, int lane) except -1
