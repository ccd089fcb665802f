"""State of the order-flow generator. Header only."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.sim.exchange_state cimport ExchangeRequest
from bot4._core.sim.flow_heap cimport FlowOrder
from bot4._core.sim.flow_model cimport FlowModel
from bot4._core.sim.rng cimport Rng


ctypedef struct FlowCounts:
    int64_t requests            # all that reached the exchange
    int64_t adds
    int64_t takers
    int64_t moves
    int64_t cancels             # an order's life was over
    int64_t pulls               # a quote the price moved past
    int64_t sweeps              # others' orders the price moved past, taken
    int64_t requotes            # an anchor level that was empty
    int64_t gone                # cancels of orders that had been filled
    int64_t refused             # by the exchange, for another reason
    int64_t full                # adds left out: max_orders are open


ctypedef struct FlowState:
    FlowModel model
    Rng rng
    double price_scale          # ticks of this symbol for one of the model's
    double size_scale           # lots of this symbol for one of the model's
    int64_t price_step          # prices are multiples of it, quantities of qty_step
    int64_t qty_step
    int64_t min_lots
    int64_t max_lots
    int64_t floor_ticks         # the bid anchor stays between these
    int64_t ceiling_ticks
    int64_t bid_ticks           # anchors: where the makers' best quotes belong
    int64_t ask_ticks
    int64_t now_ns
    int64_t stamp_ns            # exchange time of the requests; 0: the generator's own
    int64_t next_ns             # of the next event but a cancel
    FlowOrder* orders           # a heap by cancel_ns
    int64_t order_count
    int64_t max_orders
    ExchangeRequest* todo       # requests of the step in work
    double* todo_life_s         # of an order to be placed; below zero: not one of ours to keep
    int64_t max_todo            # where a step has more, further quotes stay and are taken
    int64_t todo_at
    int64_t todo_count
    FlowCounts counts
    int32_t first_maker         # accounts first_maker ... first_maker + makers - 1
    int32_t makers
    int32_t taker
    int symbol
    int regime
    bint may_be_bare            # a step's requests may have emptied an anchor level
    int taker_side
