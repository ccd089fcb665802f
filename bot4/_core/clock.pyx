# cython: language_level=3
"""Clocks: the processor's tick counter, monotonic time, wall time, and a clock that a replay sets.

Ticks cost about a third of a ``clock_gettime`` and are what latency is measured with; their rate is measured against
CLOCK_MONOTONIC when this module is imported. On a processor whose counter changes its rate, ticks are CLOCK_MONOTONIC
nanoseconds instead and everything else stays the same.

All times are int64 nanoseconds; wall time is UTC since 1970.
"""

from libc.stdint cimport int64_t, uint64_t

import time


cdef extern from "time.h" nogil:
    ctypedef int clockid_t
    const clockid_t CLOCK_MONOTONIC
    const clockid_t CLOCK_REALTIME


cdef extern from "bot4/tsc.h" nogil:
    int64_t clock_ns "bot4_clock_ns"(clockid_t clock) noexcept
    const int TICKS_PROCESSOR "BOT4_TICKS_PROCESSOR"


cdef extern from * nogil:
    const int RELAXED "__ATOMIC_RELAXED"
    uint64_t load_word "__atomic_load_n"(const uint64_t* word, int order) noexcept
    void store_word "__atomic_store_n"(uint64_t* word, uint64_t value, int order) noexcept


# Nanoseconds a tick and ticks a nanosecond, both in 2^-32 units. Each is read alone, so each alone is atomic.
cdef uint64_t _ns_per_tick = 1ull << 32
cdef uint64_t _ticks_per_ns = 1ull << 32

# The first pair of readings: the longer ago it is, the better a later calibration.
cdef uint64_t _origin_ticks = 0
cdef int64_t _origin_ns = 0

# Tries to read two clocks without being interrupted in between.
cdef int PAIR_TRIES = 5


cdef int64_t tsc_to_ns(uint64_t ticks) noexcept nogil:
    return _scale_ticks(ticks, load_word(&_ns_per_tick, RELAXED))


cdef uint64_t ns_to_tsc(int64_t duration_ns) noexcept nogil:
    return <uint64_t>_scale_ticks(<uint64_t>duration_ns, load_word(&_ticks_per_ns, RELAXED))


cdef int64_t monotonic_ns() noexcept nogil:
    return clock_ns(CLOCK_MONOTONIC)


cdef int64_t wall_ns() noexcept nogil:
    return clock_ns(CLOCK_REALTIME)


cdef int64_t clock_pair(int64_t* mono_ns, int64_t* utc_ns) noexcept nogil:
    """Read both clocks as close to one moment as a few tries allow; return the width of the bracket."""
    cdef int64_t before, utc, after
    cdef int64_t best = -1
    cdef int _i
    for _i in range(PAIR_TRIES):
        before = clock_ns(CLOCK_MONOTONIC)
        utc = clock_ns(CLOCK_REALTIME)
        after = clock_ns(CLOCK_MONOTONIC)
        if best < 0 or after - before < best:
            best = after - before
            mono_ns[0] = before + best // 2
            utc_ns[0] = utc
    return best


cdef void wall_step_init(WallStep* detector, int64_t threshold_ns) noexcept nogil:
    detector.threshold_ns = threshold_ns
    detector.offset_ns = 0
    detector.steps = 0
    detector.last_step_ns = 0
    detector.is_primed = False


cdef int64_t wall_step_check(WallStep* detector, int64_t mono_ns, int64_t utc_ns) noexcept nogil:
    """Compare with the offset of the start or of the last step, so that small steps add up until they count."""
    cdef int64_t offset_ns = utc_ns - mono_ns
    cdef int64_t moved_ns = offset_ns - detector.offset_ns
    if not detector.is_primed:
        detector.is_primed = True
        detector.offset_ns = offset_ns
        return 0
    if -detector.threshold_ns <= moved_ns <= detector.threshold_ns:
        return 0
    detector.offset_ns = offset_ns
    detector.steps += 1
    detector.last_step_ns = moved_ns
    return moved_ns


cdef void _read_pair(uint64_t* ticks, int64_t* mono_ns) noexcept nogil:
    """Ticks and monotonic time of one moment: the narrowest of a few brackets."""
    cdef uint64_t before, after
    cdef uint64_t best = 0xFFFFFFFFFFFFFFFF
    cdef int64_t now_ns
    cdef int _i
    for _i in range(16):
        before = tsc_now()
        now_ns = clock_ns(CLOCK_MONOTONIC)
        after = tsc_now()
        if after - before < best:
            best = after - before
            ticks[0] = before + best // 2
            mono_ns[0] = now_ns


def tick_source() -> str:
    """Return where ticks come from: ``"processor"``, or ``"clock_gettime"`` where the counter's rate is not constant."""
    return "processor" if _tick_source() == TICKS_PROCESSOR else "clock_gettime"


def ticks_per_second() -> int:
    """Return the calibrated rate of the tick counter, in ticks a second (10^9 where ticks are nanoseconds)."""
    return (load_word(&_ticks_per_ns, RELAXED) * 1_000_000_000) >> 32


def calibrate(wait_ns: int = 0) -> int:
    """Measure the tick rate against CLOCK_MONOTONIC since this module was imported, and use it from now on.

    Parameters
    ----------
    wait_ns : int
        Sleep this long first. The error is about 50 ns over the time since the import: 10 ppm after 5 ms,
        below 0.1 ppm after a second.

    Returns
    -------
    int
        The new rate in ticks a second.

    Any thread may call it; readers see the old or the new rate, never a mixture.
    """
    if wait_ns < 0:
        raise ValueError(f"wait_ns must not be negative, was {wait_ns}")
    if wait_ns:
        time.sleep(wait_ns / 1e9)
    cdef uint64_t ticks = 0
    cdef int64_t now_ns = 0
    _read_pair(&ticks, &now_ns)
    if _tick_source() == TICKS_PROCESSOR and now_ns > _origin_ns and ticks > _origin_ticks:
        elapsed_ns = <object>(now_ns - _origin_ns)
        elapsed_ticks = <object>(ticks - _origin_ticks)
        store_word(&_ns_per_tick, (elapsed_ns << 32) // elapsed_ticks, RELAXED)
        store_word(&_ticks_per_ns, (elapsed_ticks << 32) // elapsed_ns, RELAXED)
    return ticks_per_second()


def read_costs(reads: int = 10_000) -> dict[str, float]:
    """Measure what reading each clock costs and the smallest step ticks are seen to make.

    Parameters
    ----------
    reads : int
        Readings of each clock, at least 2.

    Returns
    -------
    dict
        ``ticks_ns``, ``monotonic_ns``, ``wall_ns``: mean nanoseconds a reading;
        ``tick_step_ns``: smallest difference above zero between two readings one after the other.
    """
    if reads < 2:
        raise ValueError(f"reads must be at least 2, was {reads}")
    cdef int64_t n = reads
    cdef int64_t _i
    cdef uint64_t start, previous, now
    cdef uint64_t step = 0xFFFFFFFFFFFFFFFF
    cdef uint64_t spent[3]
    cdef int64_t sink = 0
    with nogil:
        start = tsc_now()
        previous = start
        for _i in range(n):
            now = tsc_now()
            if now != previous and now - previous < step:
                step = now - previous
            previous = now
        spent[0] = previous - start
        start = tsc_now()
        for _i in range(n):
            sink ^= clock_ns(CLOCK_MONOTONIC)
        spent[1] = tsc_now() - start
        start = tsc_now()
        for _i in range(n):
            sink ^= clock_ns(CLOCK_REALTIME)
        spent[2] = tsc_now() - start
    scale = load_word(&_ns_per_tick, RELAXED) / 2**32
    return {
        "ticks_ns": spent[0] * scale / reads,
        "monotonic_ns": spent[1] * scale / reads,
        "wall_ns": spent[2] * scale / reads,
        "tick_step_ns": step * scale,
    }


cdef class SystemClock:
    """The machine's clocks, as objects a program hands around. Any thread may call any method.

    >>> clock = SystemClock()
    >>> start = clock.monotonic_ns()
    >>> clock.monotonic_ns() >= start
    True
    >>> clock.wall_ns() > 1_600_000_000 * 10**9
    True
    """

    def monotonic_ns(self) -> int:
        """Return CLOCK_MONOTONIC: never steps back, unrelated to the date."""
        return monotonic_ns()

    def wall_ns(self) -> int:
        """Return UTC nanoseconds since 1970; may step when somebody sets the clock."""
        return wall_ns()

    def ticks(self) -> int:
        """Return the raw tick counter; only differences mean something."""
        return tsc_now()

    def ticks_to_ns(self, ticks: int) -> int:
        """Return the duration of `ticks` (a difference of two readings) in nanoseconds."""
        return tsc_to_ns(ticks)

    def pair(self) -> tuple[int, int, int]:
        """Return monotonic time, wall time, and how far apart at most (ns) the two readings lie."""
        cdef int64_t mono_ns = 0
        cdef int64_t utc_ns = 0
        cdef int64_t bound_ns = clock_pair(&mono_ns, &utc_ns)
        return mono_ns, utc_ns, bound_ns


cdef class SettableClock:
    """A clock that stands still until told: the time of a replay or of a test. One thread sets it.

    Parameters
    ----------
    wall_ns : int
        UTC at the start.
    monotonic_ns : int
        Monotonic time at the start.

    >>> clock = SettableClock(wall_ns=1_000)
    >>> clock.advance(5)
    >>> clock.wall_ns(), clock.monotonic_ns()
    (1005, 5)
    >>> clock.set_wall(2_000)   # a recorded stamp: monotonic time moves along
    >>> clock.wall_ns(), clock.monotonic_ns()
    (2000, 1000)
    >>> clock.step_wall(-500)   # somebody set the clock: monotonic time does not notice
    >>> clock.wall_ns(), clock.monotonic_ns()
    (1500, 1000)
    """

    def __init__(self, wall_ns: int = 0, monotonic_ns: int = 0) -> None:
        self._wall_ns = wall_ns
        self._mono_ns = monotonic_ns

    def monotonic_ns(self) -> int:
        """Return the monotonic time that was set."""
        return self._mono_ns

    def wall_ns(self) -> int:
        """Return the UTC time that was set."""
        return self._wall_ns

    def advance(self, duration_ns: int) -> None:
        """Let `duration_ns` pass on both clocks; raises ValueError where it is negative."""
        if duration_ns < 0:
            raise ValueError(f"time passes forwards only, was {duration_ns} ns")
        self._mono_ns += duration_ns
        self._wall_ns += duration_ns

    def set_wall(self, wall_ns: int) -> None:
        """Move to a recorded UTC stamp. Monotonic time moves by the same amount, but never back."""
        cdef int64_t moved_ns = <int64_t>wall_ns - self._wall_ns
        if moved_ns > 0:
            self._mono_ns += moved_ns
        self._wall_ns = wall_ns

    def step_wall(self, step_ns: int) -> None:
        """Step the wall clock alone, as an operator or a time server would."""
        self._wall_ns += step_ns

    def pair(self) -> tuple[int, int, int]:
        """Return monotonic time, wall time, and 0: both belong to one moment."""
        return self._mono_ns, self._wall_ns, 0


cdef class WallStepDetector:
    """Notices when the wall clock is set: UTC minus monotonic time moves by more than a threshold. One thread uses it.

    Parameters
    ----------
    threshold_ns : int
        Largest change that is not a step; above zero.

    >>> clock = SettableClock(wall_ns=10**18)
    >>> detector = WallStepDetector(threshold_ns=50_000_000)
    >>> detector.check(clock)
    0
    >>> clock.advance(10**9); detector.check(clock)
    0
    >>> clock.step_wall(-2 * 10**9); detector.check(clock)
    -2000000000
    >>> detector.steps
    1
    """

    def __init__(self, threshold_ns: int = 50_000_000) -> None:
        if threshold_ns <= 0:
            raise ValueError(f"threshold_ns must be above zero, was {threshold_ns}")
        wall_step_init(&self.detector, threshold_ns)

    def check(self, clock) -> int:
        """Read `clock` (anything with `pair()`) and return the size of the step since the last check, 0 where there was none.

        A reading interrupted for longer than the threshold says nothing and returns 0; the next one decides.
        """
        mono_ns, utc_ns, bound_ns = clock.pair()
        if bound_ns > self.detector.threshold_ns:
            return 0
        return wall_step_check(&self.detector, mono_ns, utc_ns)

    @property
    def steps(self) -> int:
        """Steps seen so far."""
        return self.detector.steps

    @property
    def last_step_ns(self) -> int:
        """Signed size of the last step, 0 before the first."""
        return self.detector.last_step_ns


_read_pair(&_origin_ticks, &_origin_ns)
calibrate(wait_ns=5_000_000)
