# cython: language_level=3
"""Volume family: on-balance volume, which starts at the first bar's volume as TA-Lib's does."""

from bot4._core.ta.elementary cimport wide_to_double
from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport FEATURE_OBV


cdef void volume_on_bar(VolumeState* s, const BarHistory* h, double* values) noexcept nogil:
    # Before the first bar the history holds a close of 0, so the first bar counts as a rise.
    if h.bar.close_ticks > history_close(h, 1):
        s.obv_lots += h.bar.volume_lots
    elif h.bar.close_ticks < history_close(h, 1):
        s.obv_lots -= h.bar.volume_lots
    values[FEATURE_OBV] = wide_to_double(s.obv_lots) * h.lot_size
