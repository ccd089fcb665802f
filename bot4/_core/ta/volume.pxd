"""Volume family: on-balance volume."""

from bot4._core.ta.history cimport BarHistory
from bot4._core.types cimport money_t


ctypedef struct VolumeState:
    money_t obv_lots        # 128 bits: a sum over the whole session cannot overflow


cdef void volume_on_bar(VolumeState* s, const BarHistory* h, double* values) noexcept nogil
