# cython: language_level=3
"""Momentum family, with TA-Lib's conventions.

RSI's Wilder averages start from the simple mean of the first 14 changes; with no movement it is 0.0. MACD gives its three
outputs together, from bar 34 on, and its fast average is seeded late: from bars 15 to 26, where the slow one is seeded.
Directional movement starts from sums of the first 13 moves. Where prices have not moved, oscillators are 0.

Sources: RSI, directional movement, Wilder (1978) "New Concepts in Technical Trading Systems"; TSI, Blau (1991); ultimate
oscillator, Williams (1985); Aroon, Chande (1995); CCI, Lambert (1980). Each as TA-Lib computes it.
"""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport ema_start, ema_update
from bot4._core.ta.columns cimport BarColumns, column_typical, distance
from bot4._core.ta.elementary cimport UNDEFINED, quiet
from bot4._core.ta.extremes cimport aged_start, aged_update, extreme_start, extreme_update
from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport (
    FEATURE_ADX_14,
    FEATURE_AROON_DOWN_25,
    FEATURE_AROON_UP_25,
    FEATURE_BOP,
    FEATURE_CCI_20,
    FEATURE_CMO_14,
    FEATURE_EFFICIENCY_10,
    FEATURE_MACD_HIST,
    FEATURE_MACD_LINE,
    FEATURE_MACD_SIGNAL,
    FEATURE_MINUS_DI_14,
    FEATURE_MOM_10,
    FEATURE_PLUS_DI_14,
    FEATURE_PPO_12_26,
    FEATURE_ROC_10,
    FEATURE_RSI_7,
    FEATURE_RSI_14,
    FEATURE_STOCH_D_14,
    FEATURE_STOCH_K_14,
    FEATURE_STOCH_RSI_14,
    FEATURE_TRIX_15,
    FEATURE_TSI_25_13,
    FEATURE_ULTOSC_28,
    FEATURE_WILLR_14,
)
from bot4._core.ta.trend cimport TrendState

# RSI over a silence moves by rounding alone, and a range of it as small as this would show little else.
cdef double RSI_FLAT = 1e-5


cdef void momentum_start(MomentumState* s) noexcept nogil:
    ema_start(&s.macd_fast, 12, 2.0 / 13)
    ema_start(&s.macd_slow, 26, 2.0 / 27)
    ema_start(&s.macd_signal, 9, 2.0 / 10)


cdef inline double _rsi(double* gains, double* losses, double period, const BarHistory* h) noexcept nogil:
    cdef double change, gain, loss, moved
    if h.count < 2:
        return UNDEFINED
    change = <double>(h.bar.close_ticks - history_close(h, 1))
    gain = change if change > 0.0 else 0.0
    loss = -change if change < 0.0 else 0.0
    if <double>h.count <= period + 1.0:
        gains[0] += gain
        losses[0] += loss
        if <double>h.count <= period:
            return UNDEFINED
        gains[0] /= period
        losses[0] /= period
    else:
        gains[0] = quiet((gains[0] * (period - 1.0) + gain) / period)
        losses[0] = quiet((losses[0] * (period - 1.0) + loss) / period)
    moved = gains[0] + losses[0]
    return 100.0 * (gains[0] / moved) if moved > 0.0 else 0.0


cdef void momentum_on_bar(MomentumState* s, const BarHistory* h, double* values) noexcept nogil:
    cdef double line, signal
    cdef int64_t before

    values[FEATURE_RSI_14] = _rsi(&s.gain_ticks, &s.loss_ticks, 14.0, h)

    line = ema_update(&s.macd_slow, h.close)
    if h.count >= 15:
        line = ema_update(&s.macd_fast, h.close) - line
    if h.count >= 26:
        signal = ema_update(&s.macd_signal, line)
        if h.count >= 34:
            values[FEATURE_MACD_LINE] = line
            values[FEATURE_MACD_SIGNAL] = signal
            values[FEATURE_MACD_HIST] = line - signal

    if h.count > 10:
        before = history_close(h, 10)
        values[FEATURE_ROC_10] = 100.0 * <double>(h.bar.close_ticks - before) / <double>before
        values[FEATURE_MOM_10] = <double>(h.bar.close_ticks - before) * h.tick_size


cdef void momentum_extra_start(MomentumExtra* s) noexcept nogil:
    cdef int i
    for i in range(3):
        ema_start(&s.triple[i], 15, 2.0 / 16)
    ema_start(&s.change_25, 25, 2.0 / 26)
    ema_start(&s.change_13, 13, 2.0 / 14)
    ema_start(&s.distance_25, 25, 2.0 / 26)
    ema_start(&s.distance_13, 13, 2.0 / 14)
    extreme_start(&s.high_14, s.high_block, 14)
    extreme_start(&s.low_14, s.low_block, 14)
    extreme_start(&s.strong_14, s.strong_block, 14)
    extreme_start(&s.weak_14, s.weak_block, 14)
    aged_start(&s.aroon_up, s.up_block, 26)
    aged_start(&s.aroon_down, s.down_block, 26)


cdef inline double _percent(double part, double whole) noexcept nogil:
    return 100.0 * part / whole if whole != 0.0 else 0.0


cdef inline void _of_averages(MomentumExtra* s, const TrendState* trend, const BarHistory* h, double* values) noexcept nogil:
    cdef double x = ema_update(&s.triple[0], h.close)
    cdef double signed, size, before
    if h.count >= 15:
        x = ema_update(&s.triple[1], x)
    if h.count >= 29:
        before = s.triple[2].value
        x = ema_update(&s.triple[2], x)
        if h.count >= 44:
            values[FEATURE_TRIX_15] = _percent(x - before, before)
    if h.count >= 26:
        values[FEATURE_PPO_12_26] = _percent(trend.ema_12.value - trend.ema_26.value, trend.ema_26.value)
    if h.count > 1:
        x = <double>(h.bar.close_ticks - history_close(h, 1))
        signed = ema_update(&s.change_25, x)
        size = ema_update(&s.distance_25, x if x > 0.0 else -x)
        if h.count > 25:
            signed = ema_update(&s.change_13, signed)
            size = ema_update(&s.distance_13, size)
            if h.count > 37:
                values[FEATURE_TSI_25_13] = _percent(signed, size)


cdef inline double _pressed(Pressure* p, int which, int64_t place, int64_t period) noexcept nogil:
    cdef int64_t left = (place - period) & 31
    p.bought[which] += p.bought_ring[place] - p.bought_ring[left]
    p.path[which] += p.path_ring[place] - p.path_ring[left]
    return <double>p.bought[which] / <double>p.path[which] if p.path[which] else 0.0


cdef inline void _ultimate(Pressure* p, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef int64_t place = h.count & 31
    cdef int64_t low = h.bar.low_ticks
    cdef double total
    if h.count < 2:
        return
    p.bought_ring[place] = h.bar.close_ticks - (low if low < c.before.close_ticks else c.before.close_ticks)
    p.path_ring[place] = c.true_range
    total = 4.0 * _pressed(p, 0, place, 7) + 2.0 * _pressed(p, 1, place, 14) + _pressed(p, 2, place, 28)
    if h.count >= 29:
        values[FEATURE_ULTOSC_28] = 100.0 * total / 7.0


cdef inline void _directional(Directional* d, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef int64_t rise = h.bar.high_ticks - c.before.high_ticks
    cdef int64_t fall = c.before.low_ticks - h.bar.low_ticks
    cdef double kept = 1.0 if h.count <= 14 else 13.0 / 14.0
    cdef double both, index
    if h.count < 2:
        return
    d.up_ticks = quiet(d.up_ticks * kept + <double>(rise if rise > 0 and rise > fall else 0))
    d.down_ticks = quiet(d.down_ticks * kept + <double>(fall if fall > 0 and fall > rise else 0))
    d.path_ticks = quiet(d.path_ticks * kept + <double>c.true_range)
    if h.count < 15:
        return
    values[FEATURE_PLUS_DI_14] = _percent(d.up_ticks, d.path_ticks)
    values[FEATURE_MINUS_DI_14] = _percent(d.down_ticks, d.path_ticks)
    both = d.up_ticks + d.down_ticks
    index = 100.0 * (d.up_ticks - d.down_ticks) / both if both > 0.0 else 0.0
    index = index if index >= 0.0 else -index
    if h.count <= 28:
        d.average += index / 14.0
    elif both > 0.0:
        # Without movement there is no index, and the average stays.
        d.average = (d.average * 13.0 + index) / 14.0
    if h.count >= 28:
        values[FEATURE_ADX_14] = d.average


cdef inline void _stochastic(MomentumExtra* s, const BarHistory* h, double* values) noexcept nogil:
    cdef double close = <double>h.bar.close_ticks
    cdef double high = extreme_update(&s.high_14, s.high_block, <double>h.bar.high_ticks, 14)
    cdef double low = -extreme_update(&s.low_14, s.low_block, -<double>h.bar.low_ticks, 14)
    cdef int64_t place = h.count & 3
    s.raw_k[place] = _percent(close - low, high - low)
    s.slow_k[place] = (s.raw_k[(place + 2) & 3] + s.raw_k[(place + 3) & 3] + s.raw_k[place]) / 3.0
    if h.count >= 14:
        values[FEATURE_WILLR_14] = -_percent(high - close, high - low)
    if h.count >= 18:
        values[FEATURE_STOCH_K_14] = s.slow_k[place]
        values[FEATURE_STOCH_D_14] = (s.slow_k[(place + 2) & 3] + s.slow_k[(place + 3) & 3] + s.slow_k[place]) / 3.0


cdef inline void _of_strength(
    MomentumExtra* s, const MomentumState* base, const BarHistory* h, double* values
) noexcept nogil:
    cdef double moved = base.gain_ticks + base.loss_ticks
    cdef double rsi, high, low
    values[FEATURE_RSI_7] = _rsi(&s.gain_7, &s.loss_7, 7.0, h)
    if h.count < 15:
        return
    values[FEATURE_CMO_14] = _percent(base.gain_ticks - base.loss_ticks, moved)
    rsi = _percent(base.gain_ticks, moved)
    high = extreme_update(&s.strong_14, s.strong_block, rsi, 14)
    low = -extreme_update(&s.weak_14, s.weak_block, -rsi, 14)
    if h.count >= 28:
        values[FEATURE_STOCH_RSI_14] = _percent(rsi - low, high - low) if high - low > RSI_FLAT else 0.0


cdef void momentum_extra_on_bar(
    MomentumExtra* s, const MomentumState* base, const TrendState* trend, const BarHistory* h, const BarColumns* c,
    double* values
) noexcept nogil:
    cdef int64_t up = aged_update(&s.aroon_up, s.up_block, s.up_at, <double>h.bar.high_ticks, h.count, 26)
    cdef int64_t down = aged_update(&s.aroon_down, s.down_block, s.down_at, -<double>h.bar.low_ticks, h.count, 26)
    cdef int64_t way = h.bar.close_ticks - history_close(h, 10)
    _of_strength(s, base, h, values)
    _of_averages(s, trend, h, values)
    _ultimate(&s.pressure, h, c, values)
    _directional(&s.directional, h, c, values)
    _stochastic(s, h, values)
    values[FEATURE_BOP] = (
        <double>(h.bar.close_ticks - h.bar.open_ticks) / <double>(h.bar.high_ticks - h.bar.low_ticks)
        if h.bar.high_ticks > h.bar.low_ticks else 0.0
    )
    if h.count >= 11:
        values[FEATURE_EFFICIENCY_10] = <double>distance(way, 0) / <double>c.path_10 if c.path_10 else 1.0
    if h.count >= 26:
        values[FEATURE_AROON_UP_25] = 4.0 * <double>(25 - (h.count - up))
        values[FEATURE_AROON_DOWN_25] = 4.0 * <double>(25 - (h.count - down))


cdef void momentum_heavy_on_bar(const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef int64_t total = 0
    cdef int64_t apart = 0
    cdef int64_t lag
    if h.count < 20:
        return
    for lag in range(20):
        total += column_typical(c, h, lag)
    for lag in range(20):
        apart += distance(20 * column_typical(c, h, lag), total)
    # Of thirds of a tick times 20, above and below the line alike.
    values[FEATURE_CCI_20] = (
        <double>(20 * c.typical - total) * 20.0 / (0.015 * <double>apart) if apart else 0.0
    )
