"""Time for the core's edges: ticks, CLOCK_MONOTONIC, CLOCK_REALTIME. Kernels below the engine get time as arguments."""

from libc.stdint cimport int64_t, uint64_t


cdef extern from "bot4/tsc.h" nogil:
    uint64_t tsc_now "bot4_tsc_now"() noexcept                # raw ticks; differences only
    int64_t _scale_ticks "bot4_scale_ticks"(uint64_t ticks, uint64_t scale) noexcept
    int _tick_source "bot4_tick_source"() noexcept


# Reads any thread may make at any time.
cdef int64_t tsc_to_ns(uint64_t ticks) noexcept nogil        # of a difference of two tsc_now()
cdef uint64_t ns_to_tsc(int64_t duration_ns) noexcept nogil
cdef int64_t monotonic_ns() noexcept nogil                   # CLOCK_MONOTONIC: differences only
cdef int64_t wall_ns() noexcept nogil                        # UTC; may step
cdef int64_t clock_pair(int64_t* mono_ns, int64_t* utc_ns) noexcept nogil   # both at one moment; returns the error bound


# Finds steps of the wall clock: UTC minus monotonic time stays constant until somebody sets the clock.
ctypedef struct WallStep:
    int64_t threshold_ns
    int64_t offset_ns        # UTC minus monotonic at the start or after the last step
    int64_t steps
    int64_t last_step_ns     # signed size of the last one
    bint is_primed


cdef void wall_step_init(WallStep* detector, int64_t threshold_ns) noexcept nogil
cdef int64_t wall_step_check(WallStep* detector, int64_t mono_ns, int64_t utc_ns) noexcept nogil   # 0, or the step's size


cdef class SystemClock:
    pass


cdef class SettableClock:
    cdef int64_t _mono_ns
    cdef int64_t _wall_ns


cdef class WallStepDetector:
    cdef WallStep detector
