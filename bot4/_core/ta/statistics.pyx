# cython: language_level=3
"""Statistics family.

Log returns are summed less a shift near most of them, in compensated sums that are taken afresh every 64 bars and whenever a
jump leaves. Where returns do not vary (their variance below 1e-14 of their mean square, which is rounding) skewness,
kurtosis, Jarque-Bera, correlations and beta are 0, the variance ratio is 1.

Sources: skewness and kurtosis with the bias correction of pandas (Fisher's G1 and G2); Jarque and Bera (1980); variance
ratio, Lo and MacKinlay (1988), overlapping and unbiased; half-life of an Ornstein-Uhlenbeck process from the slope of each
close on the one before; Amihud (2002) illiquidity; rescaled range, Hurst (1951), Mandelbrot and Wallis (1969).
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t

from bot4._core.ta.columns cimport BarColumns, column_return, column_returns, column_volume
from bot4._core.ta.elementary cimport log_ratio, natural_log
from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport (
    FEATURE_AMIHUD_20,
    FEATURE_AUTOCORRELATION_20,
    FEATURE_BETA_60,
    FEATURE_CORRELATION_60,
    FEATURE_CORRELATION_VOLUME_30,
    FEATURE_HALF_LIFE_60,
    FEATURE_HURST_100,
    FEATURE_JARQUE_BERA_60,
    FEATURE_KURTOSIS_60,
    FEATURE_MEDIAN_20,
    FEATURE_PERCENT_RANK_50,
    FEATURE_RETURN_1,
    FEATURE_RETURN_5,
    FEATURE_SKEW_60,
    FEATURE_VARIANCE_RATIO_5,
)
from bot4._core.ta.sums cimport middle_of, must_resum, sum_clear
from bot4._core.ta.window cimport (
    RollingSum,
    rolling_sum_add,
    rolling_sum_slide,
    rolling_sum_value,
    tick_cross_covariance,
    tick_cross_slide,
    tick_cross_variance_x,
    tick_cross_variance_y,
)


cdef extern from "bot4/rescaled_range.h" nogil:
    ctypedef struct Tens "bot4_tens":
        pass
    void tens_load "bot4_tens_load"(Tens* tens, const double* returns) noexcept
    double rescaled_range "bot4_rescaled_range"(const Tens* tens, int blocks, double flat) noexcept

cdef double FLAT = 1e-14


cdef void statistics_on_bar(const BarHistory* h, double* values) noexcept nogil:
    if h.count > 1:
        values[FEATURE_RETURN_1] = h.log_return
    if h.count > 5:
        values[FEATURE_RETURN_5] = log_ratio(h.bar.close_ticks, history_close(h, 5))


cdef inline bint _is_flat(double variance, double mean) noexcept nogil:
    return variance <= FLAT * (variance + mean * mean)


cdef inline double _five(const BarColumns* c, const BarHistory* h, int64_t lag, double shift) noexcept nogil:
    cdef double total = -5.0 * shift
    cdef int64_t i
    for i in range(5):
        total += column_return(c, h, lag + i)
    return total


cdef void _returns_resum(ReturnSums* s, const BarHistory* h, const BarColumns* c) noexcept nogil:
    cdef const double* r = column_returns(c, h, 61)
    cdef double d, five
    cdef int64_t i
    # Before the window is full, its zeros must stay zeros.
    s.shift = middle_of(r + 1, 60) if h.count > 60 else 0.0
    for i in range(4):
        sum_clear(&s.power[i])
    sum_clear(&s.near)
    sum_clear(&s.near2)
    sum_clear(&s.cross)
    sum_clear(&s.five)
    sum_clear(&s.five2)
    for i in range(1, 61):
        d = r[i] - s.shift
        rolling_sum_add(&s.power[0], d)
        rolling_sum_add(&s.power[1], d * d)
        rolling_sum_add(&s.power[2], d * d * d)
        rolling_sum_add(&s.power[3], d * d * (d * d))
        if i > 40:
            rolling_sum_add(&s.near, d)
            rolling_sum_add(&s.near2, d * d)
            rolling_sum_add(&s.cross, d * (r[i - 1] - s.shift))
    for i in range(55, -1, -1):
        five = _five(c, h, i, s.shift)
        rolling_sum_add(&s.five, five)
        rolling_sum_add(&s.five2, five * five)


cdef inline void _returns_slide(ReturnSums* s, const BarHistory* h, const BarColumns* c) noexcept nogil:
    cdef double d = column_return(c, h, 0) - s.shift
    cdef double gone = column_return(c, h, 60) - s.shift
    cdef double gone_20 = column_return(c, h, 20) - s.shift
    cdef double five = _five(c, h, 0, s.shift)
    cdef double gone_five = _five(c, h, 56, s.shift)
    rolling_sum_slide(&s.power[0], d, gone)
    rolling_sum_slide(&s.power[1], d * d, gone * gone)
    rolling_sum_slide(&s.power[2], d * d * d, gone * gone * gone)
    rolling_sum_slide(&s.power[3], d * d * (d * d), gone * gone * (gone * gone))
    rolling_sum_slide(&s.near, d, gone_20)
    rolling_sum_slide(&s.near2, d * d, gone_20 * gone_20)
    rolling_sum_slide(
        &s.cross, d * (column_return(c, h, 1) - s.shift), gone_20 * (column_return(c, h, 21) - s.shift)
    )
    rolling_sum_slide(&s.five, five, gone_five)
    rolling_sum_slide(&s.five2, five * five, gone_five * gone_five)
    if h.count == 61 or must_resum(h.count, gone * gone, s.power[1].high) or (
        gone_20 * gone_20 > 1e9 * s.near2.high or gone_five * gone_five > 1e9 * s.five2.high
    ):
        _returns_resum(s, h, c)


cdef inline void _moments(const ReturnSums* s, double* values) noexcept nogil:
    cdef double n = 60.0
    cdef double m = rolling_sum_value(&s.power[0]) / n
    cdef double two = rolling_sum_value(&s.power[1]) / n
    cdef double three = rolling_sum_value(&s.power[2]) / n
    cdef double four = rolling_sum_value(&s.power[3]) / n
    cdef double variance = two - m * m
    cdef double skew = 0.0
    cdef double excess = 0.0
    cdef double five, five2
    if _is_flat(variance, s.shift + m):
        values[FEATURE_SKEW_60] = values[FEATURE_KURTOSIS_60] = values[FEATURE_JARQUE_BERA_60] = 0.0
        values[FEATURE_VARIANCE_RATIO_5] = 1.0
        return
    skew = (three - 3.0 * m * two + 2.0 * m * m * m) / (variance * sqrt(variance))
    excess = (four - 4.0 * m * three + 6.0 * m * m * two - 3.0 * m * m * (m * m)) / (variance * variance) - 3.0
    values[FEATURE_SKEW_60] = 59.49789912257407 / 58.0 * skew              # sqrt(60 * 59) / 58
    values[FEATURE_KURTOSIS_60] = 59.0 / (58.0 * 57.0) * (61.0 * excess + 6.0)
    values[FEATURE_JARQUE_BERA_60] = 10.0 * (skew * skew + 0.25 * (excess * excess))
    five = rolling_sum_value(&s.five)
    five2 = rolling_sum_value(&s.five2)
    # 56 sums of five against 60 single returns: 5 * 56 * (1 - 5/60) and 59 degrees of freedom.
    values[FEATURE_VARIANCE_RATIO_5] = (five2 - 10.0 * m * five + 56.0 * 25.0 * m * m) * 59.0 / (
        5.0 * 56.0 * (1.0 - 5.0 / 60.0) * 60.0 * variance
    )


cdef inline void _autocorrelation(
    const ReturnSums* s, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil:
    cdef double newest = column_return(c, h, 0) - s.shift
    cdef double oldest = column_return(c, h, 20) - s.shift
    # The returns before those of the window are the same, less the newest, and one older.
    cdef RollingSum before = s.near
    cdef RollingSum before2 = s.near2
    cdef double x = rolling_sum_value(&s.near) / 20.0
    cdef double xx = rolling_sum_value(&s.near2) / 20.0 - x * x
    cdef double y, yy, xy
    rolling_sum_slide(&before, oldest, newest)
    rolling_sum_slide(&before2, oldest * oldest, newest * newest)
    y = rolling_sum_value(&before) / 20.0
    yy = rolling_sum_value(&before2) / 20.0 - y * y
    xy = rolling_sum_value(&s.cross) / 20.0 - x * y
    values[FEATURE_AUTOCORRELATION_20] = (
        0.0 if _is_flat(xx, x + s.shift) or _is_flat(yy, y + s.shift) else xy / (sqrt(xx) * sqrt(yy))
    )


cdef inline void _of_integers(StatisticsExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef int64_t close = h.bar.close_ticks
    cdef double x, y
    tick_cross_slide(&s.volume_30, close, h.bar.volume_lots, history_close(h, 30), column_volume(c, h, 30))
    tick_cross_slide(&s.lag_60, close, history_close(h, 1), history_close(h, 60), history_close(h, 61))
    if h.count >= 30:
        x = tick_cross_variance_x(&s.volume_30, 30)
        y = tick_cross_variance_y(&s.volume_30, 30)
        values[FEATURE_CORRELATION_VOLUME_30] = (
            tick_cross_covariance(&s.volume_30, 30) / sqrt(x) / sqrt(y) if x > 0.0 and y > 0.0 else 0.0
        )
    if h.count >= 61:
        x = tick_cross_covariance(&s.lag_60, 60)
        y = tick_cross_variance_y(&s.lag_60, 60)
        values[FEATURE_HALF_LIFE_60] = -0.6931471805599453 / natural_log(x / y) if 0.0 < x < y else 0.0


cdef void statistics_extra_on_bar(
    StatisticsExtra* s, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil:
    cdef double cost = 0.0
    cdef double gone = s.illiquidity_ring[(h.count - 20) & 31]
    cdef int64_t lag
    _returns_slide(&s.returns, h, c)
    if h.count >= 22:
        _autocorrelation(&s.returns, h, c, values)
    if h.count >= 61:
        _moments(&s.returns, values)
    _of_integers(s, h, c, values)
    if h.bar.volume_lots:
        cost = h.log_return if h.log_return >= 0.0 else -h.log_return
        cost /= <double>h.bar.close_ticks * <double>h.bar.volume_lots
    rolling_sum_slide(&s.illiquidity_20, cost, gone)
    s.illiquidity_ring[h.count & 31] = cost
    if must_resum(h.count, gone, s.illiquidity_20.high):
        sum_clear(&s.illiquidity_20)
        for lag in range(19, -1, -1):
            rolling_sum_add(&s.illiquidity_20, s.illiquidity_ring[(h.count - lag) & 31])
    if h.count > 20:
        values[FEATURE_AMIHUD_20] = rolling_sum_value(&s.illiquidity_20) / (20.0 * h.tick_size * h.lot_size)


cdef inline double _median(StatisticsHeavy* s, int64_t entering, int64_t leaving) noexcept nogil:
    """Middle of the window in ticks, its places kept in order; zeros stand for bars that have not been."""
    cdef int64_t* place = s.sorted_20
    cdef int i = 0
    while place[i] < leaving:
        i += 1
    while i < 19 and place[i + 1] < entering:
        place[i] = place[i + 1]
        i += 1
    while i > 0 and place[i - 1] > entering:
        place[i] = place[i - 1]
        i -= 1
    place[i] = entering
    return 0.5 * <double>(place[9] + place[10])


cdef double _hurst(const double* r) noexcept nogil:
    """Slope of ln(R/S) on the logarithm of the size of the pieces: 10, 20, 50 and 100 returns."""
    cdef Tens tens
    cdef double of_10, of_20, of_50, of_100
    tens_load(&tens, r)
    of_10 = rescaled_range(&tens, 1, FLAT)
    of_20 = rescaled_range(&tens, 2, FLAT)
    of_50 = rescaled_range(&tens, 5, FLAT)
    of_100 = rescaled_range(&tens, 10, FLAT)
    if of_10 <= 0.0 or of_20 <= 0.0 or of_50 <= 0.0 or of_100 <= 0.0:
        return 0.5
    # (ln n - mean of ln n) / sum of its squares, of n 10, 20, 50, 100: the outer two and the inner two differ in sign alone.
    return 0.37492307026882053 * natural_log(of_100 / of_10) + 0.1491968898341214 * natural_log(of_50 / of_20)


cdef void statistics_heavy_on_bar(
    StatisticsHeavy* s, const BarHistory* h, const BarColumns* c, double* values
) noexcept nogil:
    cdef double median = _median(s, h.bar.close_ticks, history_close(h, 20))
    cdef int64_t below = 0
    cdef int64_t lag
    if h.count >= 20:
        values[FEATURE_MEDIAN_20] = median * h.tick_size
    if h.count > 50:
        for lag in range(1, 51):
            below += history_close(h, lag) < h.bar.close_ticks
        values[FEATURE_PERCENT_RANK_50] = 2.0 * <double>below
    if h.count > 100:
        values[FEATURE_HURST_100] = _hurst(column_returns(c, h, 100))


cdef void _reference_resum(ReferenceSums* s) noexcept nogil:
    cdef double x, y
    cdef int64_t lag
    # Of whole rings, which hold four pairs beyond the window.
    s.shift_x = middle_of(s.x_ring, 64) if s.count >= 60 else 0.0
    s.shift_y = middle_of(s.y_ring, 64) if s.count >= 60 else 0.0
    sum_clear(&s.x)
    sum_clear(&s.y)
    sum_clear(&s.xx)
    sum_clear(&s.yy)
    sum_clear(&s.xy)
    for lag in range(59, -1, -1):
        x = s.x_ring[(s.count - lag) & 63] - s.shift_x
        y = s.y_ring[(s.count - lag) & 63] - s.shift_y
        rolling_sum_add(&s.x, x)
        rolling_sum_add(&s.y, y)
        rolling_sum_add(&s.xx, x * x)
        rolling_sum_add(&s.yy, y * y)
        rolling_sum_add(&s.xy, x * y)


cdef inline void _reference_values(const ReferenceSums* s, double* values) noexcept nogil:
    cdef double x = rolling_sum_value(&s.x) / 60.0
    cdef double y = rolling_sum_value(&s.y) / 60.0
    cdef double xx = rolling_sum_value(&s.xx) / 60.0 - x * x
    cdef double yy = rolling_sum_value(&s.yy) / 60.0 - y * y
    cdef double xy = rolling_sum_value(&s.xy) / 60.0 - x * y
    cdef bint has_beta = not _is_flat(yy, y + s.shift_y)
    values[FEATURE_BETA_60] = xy / yy if has_beta else 0.0
    values[FEATURE_CORRELATION_60] = (
        xy / (sqrt(xx) * sqrt(yy)) if has_beta and not _is_flat(xx, x + s.shift_x) else 0.0
    )


cdef bint reference_on_bar(
    ReferenceSums* s, const BarHistory* h, int64_t reference_ticks, double* values
) noexcept nogil:
    cdef int64_t before = s.price_ticks
    cdef double x, y, gone_x, gone_y
    s.price_ticks = reference_ticks
    if before == 0 or reference_ticks == 0 or h.count < 2:
        return 0
    s.count += 1
    gone_x = s.x_ring[(s.count - 60) & 63] - s.shift_x
    gone_y = s.y_ring[(s.count - 60) & 63] - s.shift_y
    s.x_ring[s.count & 63] = h.log_return
    s.y_ring[s.count & 63] = log_ratio(reference_ticks, before)
    x = s.x_ring[s.count & 63] - s.shift_x
    y = s.y_ring[s.count & 63] - s.shift_y
    rolling_sum_slide(&s.x, x, gone_x)
    rolling_sum_slide(&s.y, y, gone_y)
    rolling_sum_slide(&s.xx, x * x, gone_x * gone_x)
    rolling_sum_slide(&s.yy, y * y, gone_y * gone_y)
    rolling_sum_slide(&s.xy, x * y, gone_x * gone_y)
    if s.count == 60 or must_resum(s.count, gone_x * gone_x, s.xx.high) or gone_y * gone_y > 1e9 * s.yy.high:
        _reference_resum(s)
    if s.count >= 60:
        _reference_values(s, values)
    return 1
