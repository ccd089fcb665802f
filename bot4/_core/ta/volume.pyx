# cython: language_level=3
"""Volume family. On-balance volume starts at the first bar's volume as TA-Lib's does.

Products of price and volume are 128-bit integers, so money flow and average prices by volume are exact. A session is a day
of UTC by the time a bar opens. Bars without volume are allowed: an average price by no volume is the typical price.

Sources: accumulation line, oscillator and money flow of Chaikin; money flow index, Quong and Soudack (1989); force index,
Elder (1993). Each as TA-Lib computes it, save for its cut of money flows below 1.
"""

from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport ema_start, ema_update
from bot4._core.ta.columns cimport BarColumns, column_typical, column_volume
from bot4._core.ta.elementary cimport wide_to_double
from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport (
    FEATURE_AD,
    FEATURE_ADOSC_3_10,
    FEATURE_CMF_20,
    FEATURE_EFI_13,
    FEATURE_MFI_14,
    FEATURE_NVI,
    FEATURE_OBV,
    FEATURE_PVT,
    FEATURE_RELATIVE_VOLUME_20,
    FEATURE_SESSION_VWAP,
    FEATURE_VWAP_20,
    FEATURE_VWAP_20_DISTANCE,
)
from bot4._core.ta.window cimport rolling_sum_add, rolling_sum_slide, rolling_sum_value
from bot4._core.types cimport money_high, money_t, mul_wide

cdef int64_t SESSION_NS = 86_400_000_000_000
# A session's turnover fits 128 bits while its volume is below 2^72 lots; what comes after that is left out.
cdef int64_t SESSION_HIGH = 1 << 8


cdef void volume_on_bar(VolumeState* s, const BarHistory* h, double* values) noexcept nogil:
    # Before the first bar the history holds a close of 0, so the first bar counts as a rise.
    if h.bar.close_ticks > history_close(h, 1):
        s.obv_lots += h.bar.volume_lots
    elif h.bar.close_ticks < history_close(h, 1):
        s.obv_lots -= h.bar.volume_lots
    values[FEATURE_OBV] = wide_to_double(s.obv_lots) * h.lot_size


cdef void volume_extra_start(VolumeExtra* s) noexcept nogil:
    s.session = -1
    s.negative = 1000.0
    ema_start(&s.force_13, 13, 2.0 / 14)


cdef inline void _accumulate(VolumeExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef int64_t width = h.bar.high_ticks - h.bar.low_ticks
    cdef double flow = 0.0
    cdef double line
    if width:
        flow = (
            <double>(2 * h.bar.close_ticks - h.bar.high_ticks - h.bar.low_ticks) / <double>width
            * <double>h.bar.volume_lots
        )
    rolling_sum_add(&s.accumulation, flow)
    rolling_sum_slide(&s.flow_20, flow, s.flow_ring[(h.count - 20) & 31])
    s.flow_ring[h.count & 31] = flow
    line = rolling_sum_value(&s.accumulation)
    values[FEATURE_AD] = line * h.lot_size
    if h.count == 1:
        s.line_fast = s.line_slow = line
    s.line_fast += (line - s.line_fast) * (2.0 / 4)
    s.line_slow += (line - s.line_slow) * (2.0 / 11)
    if h.count >= 10:
        values[FEATURE_ADOSC_3_10] = (s.line_fast - s.line_slow) * h.lot_size
    if h.count >= 20:
        values[FEATURE_CMF_20] = rolling_sum_value(&s.flow_20) / <double>c.volume_20 if c.volume_20 else 0.0


cdef inline void _count_flow(
    VolumeExtra* s, const BarHistory* h, const BarColumns* c, int64_t lag, int64_t sign
) noexcept nogil:
    """Put the money flow of a bar on its side, or take it off."""
    cdef int64_t typical = column_typical(c, h, lag)
    cdef int64_t before = column_typical(c, h, lag + 1)
    cdef money_t flow = mul_wide(sign * typical, column_volume(c, h, lag))
    if typical > before:
        s.rising_14 += flow
    elif typical < before:
        s.falling_14 += flow


cdef inline void _money_flow(VolumeExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef double rising, both
    if h.count > 1:
        _count_flow(s, h, c, 0, 1)
    if h.count > 15:
        _count_flow(s, h, c, 14, -1)
    if h.count >= 15:
        rising = wide_to_double(s.rising_14)
        both = rising + wide_to_double(s.falling_14)
        values[FEATURE_MFI_14] = 100.0 * rising / both if both > 0.0 else 0.0


cdef inline void _average_prices(VolumeExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef int64_t session = h.bar.open_time_ns / SESSION_NS
    cdef int64_t lag
    cdef double thirds = 0.0
    cdef double lots
    if h.count >= 20:
        if c.volume_20:
            thirds = wide_to_double(c.typical_turnover_20) / <double>c.volume_20
        else:
            for lag in range(20):
                thirds += <double>column_typical(c, h, lag) / 20.0
        values[FEATURE_VWAP_20] = thirds / 3.0 * h.tick_size
        values[FEATURE_VWAP_20_DISTANCE] = (<double>(3 * h.bar.close_ticks) - thirds) / thirds
    if session != s.session:
        s.session = session
        s.session_turnover = s.session_lots = 0
    if money_high(s.session_lots) < SESSION_HIGH:
        s.session_lots += h.bar.volume_lots
        s.session_turnover += mul_wide(c.typical, h.bar.volume_lots)
    lots = wide_to_double(s.session_lots)
    thirds = wide_to_double(s.session_turnover) / lots if lots > 0.0 else <double>c.typical
    values[FEATURE_SESSION_VWAP] = thirds / 3.0 * h.tick_size


cdef void volume_extra_on_bar(VolumeExtra* s, const BarHistory* h, const BarColumns* c, double* values) noexcept nogil:
    cdef int64_t before_20 = c.volume_20 - h.bar.volume_lots + column_volume(c, h, 20)
    cdef double lots = <double>h.bar.volume_lots
    cdef double change
    _accumulate(s, h, c, values)
    _money_flow(s, h, c, values)
    _average_prices(s, h, c, values)
    if h.count > 20:
        values[FEATURE_RELATIVE_VOLUME_20] = 20.0 * lots / <double>before_20 if before_20 else 0.0
    if h.count > 1:
        change = <double>(h.bar.close_ticks - c.before.close_ticks)
        values[FEATURE_EFI_13] = ema_update(&s.force_13, change * lots) * (h.tick_size * h.lot_size)
        rolling_sum_add(&s.trend_lots, change / <double>c.before.close_ticks * lots)
        if h.bar.volume_lots < c.before.volume_lots:
            s.negative *= <double>h.bar.close_ticks / <double>c.before.close_ticks
            s.negative = min(max(s.negative, 1e-200), 1e200)
    values[FEATURE_PVT] = rolling_sum_value(&s.trend_lots) * h.lot_size
    values[FEATURE_NVI] = s.negative
