"""Latency histograms of the engine's stages, filled from a sample of the messages."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.histogram cimport Histogram


cpdef enum Stage:
    STAGE_SCAN = 0           # bytes of one message to events
    STAGE_BOOK = 1           # one depth message applied, touch read
    STAGE_FEATURES = 2       # touch or trade into the feature bank
    STAGE_DECIDE = 3         # features to verdict or intent
    STAGE_ORDER = 4          # intent through risk, account, breaker, journal and gateway
    STAGE_MESSAGE = 5        # bytes of one message to the last decision on it


cdef enum:
    STAGES = 6


ctypedef struct Stages:
    Histogram* histograms[STAGES]


cdef void stage_record(Stages* stages, int stage, uint64_t start_ticks) noexcept nogil


cdef class StageTimes:
    cdef Stages stages
