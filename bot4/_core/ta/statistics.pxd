"""Statistics family: log returns, their moments and dependence, ranks, regressions."""

from libc.stdint cimport int64_t

from bot4._core.ta.columns cimport BarColumns
from bot4._core.ta.history cimport BarHistory
from bot4._core.ta.window cimport RollingSum, TickCross


# Of log returns less a shift near most of them, so that powers do not cancel.
ctypedef struct ReturnSums:
    double shift
    RollingSum power[4]     # 60 bars
    RollingSum near         # 20 bars
    RollingSum near2
    RollingSum cross        # 20 products of neighbours
    RollingSum five         # 56 sums of five
    RollingSum five2


ctypedef struct StatisticsExtra:
    ReturnSums returns
    TickCross volume_30     # x: close, y: volume
    TickCross lag_60        # x: close, y: the one before
    RollingSum illiquidity_20
    double illiquidity_ring[32]


ctypedef struct StatisticsHeavy:
    int64_t sorted_20[20]   # the last closes, lowest first


# Log returns of the bars and of the reference price beside them, less shifts near most of them: sums of 60.
ctypedef struct ReferenceSums:
    int64_t count           # pairs of returns
    int64_t price_ticks     # of the reference at the last bar; 0 before the first
    double shift_x
    double shift_y
    RollingSum x
    RollingSum y
    RollingSum xx
    RollingSum yy
    RollingSum xy
    double x_ring[64]
    double y_ring[64]


cdef void statistics_on_bar(const BarHistory* h, double* values) noexcept nogil
cdef void statistics_extra_on_bar(
    StatisticsExtra* s, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil
# O(log 20), O(50) and O(100) an update.
cdef void statistics_heavy_on_bar(
    StatisticsHeavy* s, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil
# 1 where the bar made a pair of returns with the reference price.
cdef bint reference_on_bar(
    ReferenceSums* s, const BarHistory* h, int64_t reference_ticks, double* values
) noexcept nogil
