# cython: language_level=3
"""Statistics family: log returns over one and five bars."""

from bot4._core.ta.elementary cimport log_ratio
from bot4._core.ta.history cimport BarHistory, history_close
from bot4._core.ta.registry cimport FEATURE_RETURN_1, FEATURE_RETURN_5


cdef void statistics_on_bar(const BarHistory* h, double* values) noexcept nogil:
    if h.count > 1:
        values[FEATURE_RETURN_1] = h.log_return
    if h.count > 5:
        values[FEATURE_RETURN_5] = log_ratio(h.bar.close_ticks, history_close(h, 5))
