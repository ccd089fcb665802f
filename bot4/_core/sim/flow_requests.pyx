# cython: language_level=3
"""Requests of the generated market (what they mean: flow_run). Not seen from Python."""

from libc.math cimport exp, floor, log
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from bot4._core.book.book_side cimport LevelWalk, walk_next, walk_start
from bot4._core.book.matching cimport L3Book, l3_best, l3_shown_at
from bot4._core.book.order_book cimport book_key
from bot4._core.book.order_index cimport NO_SLOT, index_find
from bot4._core.book.order_pool cimport BookOrder
from bot4._core.sim.distributions cimport rng_exponential
from bot4._core.sim.exchange_state cimport ExchangeRequest, ExchangeState
from bot4._core.sim.exchange_types cimport REQUEST_CANCEL, REQUEST_PLACE, TIME_GTC, TIME_IOC, TYPE_LIMIT, TYPE_MARKET
from bot4._core.sim.flow_heap cimport heap_build
from bot4._core.sim.flow_model cimport FLOW_QUANTILES
from bot4._core.sim.flow_state cimport FlowState
from bot4._core.sim.rng cimport rng_below, rng_lognormal, rng_uniform
from bot4._core.types cimport SIDE_BUY, SIDE_SELL

cdef double _NOT_KEPT = -1.0


cdef inline int64_t _anchor(const FlowState* flow, int side) noexcept nogil:
    return flow.bid_ticks if side == SIDE_BUY else flow.ask_ticks


cdef double _quantile(FlowState* flow, const double* table) noexcept nogil:
    """A draw from a table of quantiles; between two of them evenly in the logarithm."""
    cdef double place = rng_uniform(&flow.rng) * <double>(FLOW_QUANTILES - 1)
    cdef int i = <int>place
    cdef double low = table[i]
    cdef double high = table[i + 1]
    if low <= 0.0:
        return low + (high - low) * (place - <double>i)
    return low * exp(log(high / low) * (place - <double>i))


cdef inline int64_t _steps(FlowState* flow, double value, int64_t step) noexcept nogil:
    """A number of whole steps whose mean is the value: rounded up with the probability of its fraction."""
    return <int64_t>floor(value / <double>step + rng_uniform(&flow.rng)) * step


cdef int64_t _size(FlowState* flow, double drawn) noexcept nogil:
    """Whole lots of a drawn size, within the symbol's bounds."""
    cdef double scaled = drawn * flow.size_scale
    cdef int64_t size_lots
    if not scaled < <double>flow.max_lots:
        return flow.max_lots
    size_lots = _steps(flow, scaled, flow.qty_step)
    return size_lots if size_lots > flow.min_lots else flow.min_lots


# ---- requests of a step


cdef ExchangeRequest* _request(FlowState* flow, int kind, int32_t account, double life_s) noexcept nogil:
    """The next free request; NULL where the step has too many."""
    cdef ExchangeRequest* request
    if flow.todo_count == flow.max_todo:
        return NULL
    request = &flow.todo[flow.todo_count]
    memset(request, 0, sizeof(ExchangeRequest))
    flow.todo_life_s[flow.todo_count] = life_s
    flow.todo_count += 1
    request.kind, request.account, request.symbol = kind, account, flow.symbol
    return request


cdef void flow_compact(FlowState* flow, const ExchangeState* exchange) noexcept nogil:
    """Forget orders that are open no more."""
    cdef int64_t i, kept = 0
    for i in range(flow.order_count):
        if index_find(&exchange.by_id, flow.orders[i].order_id, 0) != NO_SLOT:
            flow.orders[kept] = flow.orders[i]
            kept += 1
    flow.order_count = kept
    heap_build(flow.orders, kept)


cdef void flow_add(FlowState* flow, int side, int bucket) noexcept nogil:
    cdef int64_t distance = 0
    cdef int64_t price_ticks
    cdef int32_t maker
    cdef double life_s
    cdef ExchangeRequest* request
    if bucket > 0:
        distance = (<int64_t>1 << (bucket - 1)) + <int64_t>rng_below(&flow.rng, <uint64_t>1 << (bucket - 1))
        distance = _steps(flow, <double>distance * flow.price_scale, flow.price_step)
    price_ticks = flow.bid_ticks - distance if side == SIDE_BUY else flow.ask_ticks + distance
    if price_ticks < flow.price_step:
        return
    if flow.order_count + (flow.todo_count - flow.todo_at) >= flow.max_orders:
        flow.counts.full += 1
        return
    # One draw a statement: the order of draws must not hang on how a compiler orders arguments.
    maker = flow.first_maker + <int32_t>rng_below(&flow.rng, flow.makers)
    life_s = rng_exponential(&flow.rng, flow.model.life_s[bucket])
    request = _request(flow, REQUEST_PLACE, maker, life_s)
    if request == NULL:
        flow.counts.full += 1
        return
    request.side, request.type, request.tif = side, TYPE_LIMIT, TIME_GTC
    request.price_ticks = price_ticks
    request.qty_lots = _size(flow, rng_lognormal(&flow.rng, flow.model.add_mu[bucket], flow.model.add_sigma[bucket]))
    flow.counts.adds += 1


cdef void flow_cancel(FlowState* flow, uint64_t order_id, int32_t account) noexcept nogil:
    cdef ExchangeRequest* request = _request(flow, REQUEST_CANCEL, account, _NOT_KEPT)
    if request != NULL:
        request.order_id = order_id


cdef void flow_take(FlowState* flow) noexcept nogil:
    cdef ExchangeRequest* request = _request(flow, REQUEST_PLACE, flow.taker, _NOT_KEPT)
    if rng_uniform(&flow.rng) >= flow.model.taker_persistence:
        flow.taker_side = 1 - flow.taker_side
    if request != NULL:
        request.side, request.type = flow.taker_side, TYPE_MARKET
        request.qty_lots = _size(flow, _quantile(flow, flow.model.taker_size))
        flow.counts.takers += 1


cdef int64_t _pull_level(FlowState* flow, const L3Book* book, uint32_t slot) noexcept nogil:
    """Cancel our orders of a level from its oldest on; returns the lots that others have there."""
    cdef int64_t others_lots = 0
    cdef const BookOrder* order
    while slot != NO_SLOT:
        order = &book.pool.orders[slot]
        # A few places are kept for the sweeps and requotes of the same step.
        if flow.first_maker <= order.account < flow.first_maker + flow.makers and flow.todo_count < flow.max_todo - 8:
            flow_cancel(flow, order.order_id, order.account)
            flow.counts.pulls += 1
        else:
            others_lots += order.open_lots
        slot = order.next
    return others_lots


cdef void _pull(FlowState* flow, const L3Book* book, int side) noexcept nogil:
    """Take back our quotes of a side that its anchor has passed, and take what others left there."""
    cdef LevelWalk walk
    cdef int64_t key = 0
    cdef int64_t held = 0
    cdef int64_t others_lots = 0
    cdef int64_t anchor_key = book_key(side, _anchor(flow, side))
    cdef ExchangeRequest* request
    walk_start(&walk, &book.sides[side])
    while walk_next(&walk, &key, &held) and key > anchor_key:
        others_lots += _pull_level(flow, book, book.pool.levels[held - 1].head)
    if others_lots == 0:
        return
    request = _request(flow, REQUEST_PLACE, flow.taker, _NOT_KEPT)
    if request != NULL:
        request.side, request.type, request.tif = 1 - side, TYPE_LIMIT, TIME_IOC
        request.price_ticks = flow.ask_ticks - flow.price_step if side == SIDE_SELL else flow.bid_ticks + flow.price_step
        request.qty_lots = others_lots if others_lots < flow.max_lots else flow.max_lots
        flow.counts.sweeps += 1


cdef void flow_move(FlowState* flow, const L3Book* book) noexcept nogil:
    cdef double place = rng_uniform(&flow.rng)
    cdef int64_t jump = _steps(flow, 0.5 * _quantile(flow, flow.model.move_size) * flow.price_scale, flow.price_step)
    cdef int64_t spread = flow.price_step
    cdef int i = 0
    # A buyer (side 0) before a move makes a rise likely.
    if (rng_uniform(&flow.rng) < flow.model.move_follows) == (flow.taker_side == SIDE_SELL):
        jump = -jump
    if not flow.floor_ticks <= flow.bid_ticks + jump <= flow.ceiling_ticks:
        jump = -jump
        # A jump too large for either way stays out.
        if not flow.floor_ticks <= flow.bid_ticks + jump <= flow.ceiling_ticks:
            jump = 0
    while i < flow.model.spread_count - 1 and place >= flow.model.spread_share[i]:
        i += 1
    spread = _steps(flow, <double>flow.model.spread_ticks[i] * flow.price_scale, flow.price_step)
    if spread < flow.price_step:
        spread = flow.price_step
    flow.bid_ticks += jump
    flow.ask_ticks = flow.bid_ticks + spread
    flow.counts.moves += 1
    _pull(flow, book, SIDE_BUY)
    _pull(flow, book, SIDE_SELL)


cdef void flow_requote(FlowState* flow, const L3Book* book) noexcept nogil:
    cdef int side
    for side in range(2):
        if l3_best(book, side) != _anchor(flow, side) and l3_shown_at(book, side, _anchor(flow, side)) == 0:
            flow_add(flow, side, 0)
            flow.counts.requotes += 1
