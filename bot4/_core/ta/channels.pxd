"""Channel family: where the close stands in the band of its last 20."""

from bot4._core.ta.history cimport BarHistory
from bot4._core.ta.window cimport TickMoments


ctypedef struct ChannelState:
    TickMoments close_20


cdef void channels_on_bar(ChannelState* s, const BarHistory* h, double* values) noexcept nogil
