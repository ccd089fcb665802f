"""Strategies at work: told what happened, and their requests taken to the desk."""

from libc.stdint cimport int64_t

from bot4._core.engine.lane_state cimport Lane
from bot4._core.engine.strategy_call cimport StrategyHook
from bot4._core.types cimport Event


# Tell the strategy of `lane`'s shard, where it wants to know; its requests go to the desk now, or after its latency.
cdef void strategy_tell(Lane* lane, int kind, const Event* event, int64_t now_ns) noexcept nogil
# Bars of prints where the data has none: the one that ended before this event is told, the event is taken in.
cdef void strategy_make_bars(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil
# When a request or the timer is next due; INT64_MAX: never.
cdef int64_t strategy_next_due(const StrategyHook* hook) noexcept nogil
# What a strategy on another thread asked for (CONTROL_ASK_*), taken as the request it is.
cdef void strategy_take_ask(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil
# Requests and timers due by now, over all lanes of a shard.
cdef void strategy_apply_time(StrategyHook* hook, Lane* lanes, int lane_count, int64_t now_ns) noexcept nogil


cdef class StrategyHost:
    cdef StrategyHook* hook
    cdef object _owner       # what `hook.state` points into
    cdef readonly object error   # what its Python code raised; it is told nothing more
