# cython: language_level=3
"""Volatility family: ATR (Wilder, seeded as TA-Lib by the mean of the first 14 true ranges), realised and EWMA volatility.

Volatilities are per bar, of log returns, not annualised. Source of the EWMA: RiskMetrics Technical Document (1996),
lambda 0.94; seeded by the mean of the first 20 squared returns.

Sources of the others: Parkinson (1980); Garman and Klass (1980); Rogers and Satchell (1991); Yang and Zhang (2000), with
their alpha of 1.34; bipower variation, Barndorff-Nielsen and Shephard (2004); GARCH(1,1), Bollerslev (1986); mass index,
Dorsey (1992); Chaikin volatility. Sums of logarithms are compensated, and taken afresh every 64 bars and whenever what
leaves the window has hidden the digits of what stays.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport ema_start, ema_update
from bot4._core.ta.columns cimport BarColumns, column_return
from bot4._core.ta.elementary cimport log_ratio, quiet
from bot4._core.ta.history cimport BarHistory, history_close, history_squared_return
from bot4._core.ta.registry cimport (
    FEATURE_ATR_14,
    FEATURE_BIPOWER_20,
    FEATURE_CHAIKIN_VOLATILITY_10,
    FEATURE_EWMA_VOL_94,
    FEATURE_GARCH_VOL,
    FEATURE_GARMAN_KLASS_20,
    FEATURE_MASS_INDEX_25,
    FEATURE_NATR_14,
    FEATURE_PARKINSON_20,
    FEATURE_REALISED_VOL_10,
    FEATURE_REALISED_VOL_20,
    FEATURE_REALISED_VOL_60,
    FEATURE_ROGERS_SATCHELL_20,
    FEATURE_TRUE_RANGE,
    FEATURE_YANG_ZHANG_20,
)
from bot4._core.ta.sums cimport must_resum, sum_clear
from bot4._core.ta.window cimport RollingSum, rolling_sum_add, rolling_sum_slide, rolling_sum_value


cdef void volatility_start(VolatilityState* s) noexcept nogil:
    ema_start(&s.variance, 20, 0.06)


cdef inline int64_t _true_range(const BarHistory* h) noexcept nogil:
    cdef int64_t before = history_close(h, 1)
    cdef int64_t high = h.bar.high_ticks if h.bar.high_ticks > before else before
    cdef int64_t low = h.bar.low_ticks if h.bar.low_ticks < before else before
    return high - low


cdef void volatility_on_bar(VolatilityState* s, const BarHistory* h, double* values) noexcept nogil:
    cdef double square, variance, realised
    if h.count < 2:
        return
    if h.count <= 15:
        s.atr_ticks += <double>_true_range(h)
        if h.count == 15:
            s.atr_ticks /= 14.0
    else:
        s.atr_ticks = quiet((s.atr_ticks * 13.0 + <double>_true_range(h)) / 14.0)
    if h.count >= 15:
        values[FEATURE_ATR_14] = s.atr_ticks * h.tick_size

    square = history_squared_return(h, 0)
    rolling_sum_slide(&s.squared_20, square, history_squared_return(h, 20))
    variance = ema_update(&s.variance, square)
    if h.count >= 21:
        realised = rolling_sum_value(&s.squared_20)
        values[FEATURE_REALISED_VOL_20] = sqrt(realised) if realised > 0.0 else 0.0
        values[FEATURE_EWMA_VOL_94] = sqrt(variance)


cdef void volatility_extra_start(VolatilityExtra* s) noexcept nogil:
    ema_start(&s.range_9, 9, 2.0 / 10)
    ema_start(&s.range_9_9, 9, 2.0 / 10)
    ema_start(&s.range_10, 10, 2.0 / 11)


cdef inline double _root(double x) noexcept nogil:
    return sqrt(x) if x > 0.0 else 0.0


cdef inline void _bar_logs(BarLogs* logs, const BarHistory* h, const BarColumns* c) noexcept nogil:
    # Each from its own two prices: differences of logarithms would lose the digits of a close far from the open.
    cdef double up = log_ratio(h.bar.high_ticks, h.bar.open_ticks)
    cdef double down = log_ratio(h.bar.low_ticks, h.bar.open_ticks)
    cdef double below_high = log_ratio(h.bar.high_ticks, h.bar.close_ticks)
    logs.width = up - down
    logs.body = up - below_high
    logs.satchell = below_high * up + log_ratio(h.bar.low_ticks, h.bar.close_ticks) * down
    logs.jump = log_ratio(h.bar.open_ticks, c.before.close_ticks) if h.count > 1 else 0.0


cdef inline void _ranges_add(RangeSums* r, const BarLogs* logs) noexcept nogil:
    rolling_sum_add(&r.width2, logs.width * logs.width)
    rolling_sum_add(&r.body, logs.body)
    rolling_sum_add(&r.body2, logs.body * logs.body)
    rolling_sum_add(&r.satchell, logs.satchell)
    rolling_sum_add(&r.jump, logs.jump)
    rolling_sum_add(&r.jump2, logs.jump * logs.jump)


cdef inline void _ranges_slide(RangeSums* r, const BarLogs* now, const BarLogs* gone) noexcept nogil:
    rolling_sum_slide(&r.width2, now.width * now.width, gone.width * gone.width)
    rolling_sum_slide(&r.body, now.body, gone.body)
    rolling_sum_slide(&r.body2, now.body * now.body, gone.body * gone.body)
    rolling_sum_slide(&r.satchell, now.satchell, gone.satchell)
    rolling_sum_slide(&r.jump, now.jump, gone.jump)
    rolling_sum_slide(&r.jump2, now.jump * now.jump, gone.jump * gone.jump)


cdef void _ranges_resum(RangeSums* r, int64_t count) noexcept nogil:
    cdef int64_t lag
    sum_clear(&r.width2)
    sum_clear(&r.body)
    sum_clear(&r.body2)
    sum_clear(&r.satchell)
    sum_clear(&r.jump)
    sum_clear(&r.jump2)
    for lag in range(19, -1, -1):
        _ranges_add(r, &r.ring[(count - lag) & 31])


cdef inline double _sample_variance(const RollingSum* sum, const RollingSum* squares) noexcept nogil:
    """Of 20 numbers, ddof 1."""
    cdef double total = rolling_sum_value(sum)
    return (rolling_sum_value(squares) - total * total / 20.0) / 19.0


cdef inline void _of_ranges(RangeSums* r, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef BarLogs* now = &r.ring[h.count & 31]
    cdef const BarLogs* gone = &r.ring[(h.count - 20) & 31]
    cdef double width2, satchell, share
    _bar_logs(now, h, c)
    _ranges_slide(r, now, gone)
    if must_resum(h.count, gone.width * gone.width + gone.jump * gone.jump, r.width2.high + r.jump2.high):
        _ranges_resum(r, h.count)
    if h.count < 20:
        return
    width2 = rolling_sum_value(&r.width2)
    satchell = rolling_sum_value(&r.satchell) / 20.0
    values[FEATURE_PARKINSON_20] = _root(width2 / 55.451774444795624)          # 80 ln 2
    values[FEATURE_GARMAN_KLASS_20] = _root(
        (0.5 * width2 - 0.3862943611198906 * rolling_sum_value(&r.body2)) / 20.0    # 2 ln 2 - 1
    )
    values[FEATURE_ROGERS_SATCHELL_20] = _root(satchell)
    if h.count > 20:
        share = 0.34 / (1.34 + 21.0 / 19.0)
        values[FEATURE_YANG_ZHANG_20] = _root(
            _sample_variance(&r.jump, &r.jump2) + share * _sample_variance(&r.body, &r.body2) + (1.0 - share) * satchell
        )


cdef inline double _size(double x) noexcept nogil:
    return x if x >= 0.0 else -x


cdef inline double _product(const BarColumns* c, const BarHistory* h, int64_t lag) noexcept nogil:
    return _size(column_return(c, h, lag)) * _size(column_return(c, h, lag + 1))


cdef void _returns_resum(VolatilityExtra* s, const BarHistory* h, const BarColumns* c) noexcept nogil:
    cdef int64_t lag
    sum_clear(&s.squared_10)
    sum_clear(&s.squared_60)
    sum_clear(&s.products_20)
    for lag in range(59, -1, -1):
        rolling_sum_add(&s.squared_60, history_squared_return(h, lag))
    for lag in range(9, -1, -1):
        rolling_sum_add(&s.squared_10, history_squared_return(h, lag))
    for lag in range(18, -1, -1):
        rolling_sum_add(&s.products_20, _product(c, h, lag))


cdef inline void _of_returns(VolatilityExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef double square = history_squared_return(h, 0)
    cdef double gone_10 = history_squared_return(h, 10)
    cdef double gone_60 = history_squared_return(h, 60)
    rolling_sum_slide(&s.squared_10, square, gone_10)
    rolling_sum_slide(&s.squared_60, square, gone_60)
    rolling_sum_slide(&s.products_20, _product(c, h, 0), _product(c, h, 19))
    if must_resum(h.count, gone_10, s.squared_10.high) or must_resum(h.count, gone_60, s.squared_60.high) or (
        must_resum(h.count, _product(c, h, 19), s.products_20.high)
    ):
        _returns_resum(s, h, c)
    if h.count > 10:
        values[FEATURE_REALISED_VOL_10] = _root(rolling_sum_value(&s.squared_10))
    if h.count > 20:
        values[FEATURE_BIPOWER_20] = 1.5707963267948966 * rolling_sum_value(&s.products_20)
    if h.count > 60:
        values[FEATURE_REALISED_VOL_60] = _root(rolling_sum_value(&s.squared_60))


cdef inline void _of_widths(VolatilityExtra* s, const BarHistory* h, double* values) noexcept nogil:
    cdef double width = <double>(h.bar.high_ticks - h.bar.low_ticks)
    cdef double once = ema_update(&s.range_9, width)
    cdef double twice, ratio, before
    cdef double ten = ema_update(&s.range_10, width)
    before = s.range_ring[(h.count - 10) & 15]
    s.range_ring[h.count & 15] = ten
    if h.count >= 20:
        values[FEATURE_CHAIKIN_VOLATILITY_10] = 100.0 * (ten - before) / before if before > 0.0 else 0.0
    if h.count < 9:
        return
    twice = ema_update(&s.range_9_9, once)
    if h.count < 17:
        return
    ratio = once / twice if twice > 0.0 else 1.0
    rolling_sum_slide(&s.mass_25, ratio, s.mass_ring[(h.count - 25) & 31])
    s.mass_ring[h.count & 31] = ratio
    if h.count >= 41:
        values[FEATURE_MASS_INDEX_25] = rolling_sum_value(&s.mass_25)


cdef void volatility_extra_on_bar(
    VolatilityExtra* s, const VolatilityState* base, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil:
    _of_ranges(&s.ranges, h, c, values)
    _of_returns(s, h, c, values)
    _of_widths(s, h, values)
    if h.count >= 2:
        values[FEATURE_TRUE_RANGE] = <double>c.true_range * h.tick_size
    if h.count >= 15:
        values[FEATURE_NATR_14] = 100.0 * base.atr_ticks / <double>h.bar.close_ticks


cdef void garch_on_bar(GarchFilter* g, const BarHistory* h, double* values) noexcept nogil:
    cdef double surprise = h.log_return - g.mean
    if h.count < 2:
        return
    g.variance = g.omega + g.alpha * surprise * surprise + g.beta * g.variance
    values[FEATURE_GARCH_VOL] = sqrt(g.variance)
