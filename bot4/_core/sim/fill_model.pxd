"""How the paper venue fills: queue position, partial fills, own impact, and the latencies beside the common one."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.sim.latency cimport LatencyModel
from bot4._core.sim.own_impact cimport OwnImpact
from bot4._core.sim.partial_fills cimport PartialFillModel
from bot4._core.sim.queue_position cimport QueueModel
from bot4._core.sim.rng cimport Rng


ctypedef struct FillState:
    QueueModel queue
    PartialFillModel partial
    OwnImpact impact
    LatencyModel cancel_latency
    LatencyModel data_latency   # age of the market a placed order was decided on
    bint has_cancel_latency     # else cancels take as long as placed orders
    Rng dice                    # of partial fills, probabilistic queues and the data's age
    int64_t level_ns            # venue time of the last depth or quote
    uint64_t print_number       # of prints matched
    bint is_default             # nothing of it was chosen


cdef uint64_t fill_state_hash(uint64_t digest, const FillState* state) noexcept nogil


cdef class FillModel:
    cdef FillState state   # as it is at the start, but for the dice
