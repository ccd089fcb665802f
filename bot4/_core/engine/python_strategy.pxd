"""Strategies written as a Python class: their view of the market, and the function that calls their methods."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.engine.lane_state cimport Lane
from bot4._core.engine.strategy cimport StrategyHost
from bot4._core.engine.strategy_call cimport StrategyCall
from bot4._core.types cimport Event, OrderIntent


cdef class Market:
    cdef const Lane* lane            # the shard's, or what its thread was last shown of it
    cdef const double* values        # its features
    cdef const uint64_t* asked       # by instrument, as in the hook
    cdef const uint64_t* taken
    cdef PythonHost host
    cdef readonly str symbol
    cdef readonly int index
    cdef int settle_decimals
    cdef public object instrument    # its grid and rules; None where an engine was made without

    cdef OrderIntent* _request(self) except NULL
    cdef int _place(
        self, int side, int64_t qty_lots, object price_ticks, bint post_only, bint reduce_only, str tif,
        object expected_bps, object confidence
    ) except -1


cdef class PythonHost(StrategyHost):
    cdef OrderIntent* requests       # NULL outside a call
    cdef int32_t request_count
    cdef int64_t now_ns
    cdef int32_t instrument          # of the call
    cdef int64_t missed
    cdef readonly tuple markets
    cdef public object on_error      # called with nothing where the strategy raises
    cdef object engine
    cdef object on_start
    cdef object on_book
    cdef object on_trade
    cdef object on_bar
    cdef object on_timer
    cdef object on_fill
    cdef object on_stop

    cdef size_t _function(self) except 0                       # the C function the engine calls
    cdef int dispatch(self, const StrategyCall* call, const Event* event) except -1
    cdef int fail(self, error) except -1
