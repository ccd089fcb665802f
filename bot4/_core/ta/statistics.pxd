"""Statistics family: log returns."""

from bot4._core.ta.history cimport BarHistory


cdef void statistics_on_bar(const BarHistory* h, double* values) noexcept nogil
