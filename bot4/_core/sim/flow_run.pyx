# cython: language_level=3
"""The generator: a price process with regimes, and makers and takers around it.

Two anchors, a bid and an ask, stand for what the makers believe. Arrivals are Poisson, with rates by regime:

moves
    The anchors jump by a drawn size, with a drawn spread between them. Makers pull every quote the anchors passed;
    orders of others that still stand there are taken.
adds
    Limit orders at a drawn distance behind the anchor, of log-normal size. Each lives an exponential time.
takers
    Market orders of drawn size; the side tends to be the last one's.
requotes
    An anchor level that an event emptied is quoted again at once; one that others emptied, before the next arrival.

A regime lasts an exponential time; the next one is drawn by the shares of the others. The same seed, parameters and
requests of others give the same requests, whatever the steps of `flow_advance`.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.book.matching cimport L3Book
from bot4._core.book.order_index cimport NO_SLOT, index_find
from bot4._core.sim.distributions cimport rng_exponential, rng_poisson
from bot4._core.sim.exchange_core cimport exchange_apply
from bot4._core.sim.exchange_state cimport ExchangeRequest, ExchangeState
from bot4._core.sim.exchange_types cimport VERDICT_OK, VERDICT_UNKNOWN_ORDER
from bot4._core.sim.flow_heap cimport FlowOrder, heap_pop, heap_push
from bot4._core.sim.flow_model cimport FLOW_BUCKETS
from bot4._core.sim.flow_requests cimport flow_add, flow_cancel, flow_compact, flow_move, flow_requote, flow_take
from bot4._core.sim.flow_state cimport FlowState
from bot4._core.sim.requests cimport RequestResult
from bot4._core.sim.rng cimport rng_below, rng_hash, rng_uniform
from bot4._core.types cimport hash_mix


cdef double _adds_per_s(const FlowState* flow) noexcept nogil:
    """Of one side, by the present regime."""
    cdef double total = 0.0
    cdef int bucket
    for bucket in range(FLOW_BUCKETS):
        total += flow.model.adds_per_s[bucket]
    return total * flow.model.regimes[flow.regime].quoting


cdef double _rate(const FlowState* flow) noexcept nogil:
    return (
        flow.model.regimes[flow.regime].moves_per_s + flow.model.regimes[flow.regime].takers_per_s
        + 2.0 * _adds_per_s(flow) + 1.0 / flow.model.regimes[flow.regime].mean_s
    )


cdef void _draw_next(FlowState* flow) noexcept nogil:
    flow.next_ns = flow.now_ns + 1 + <int64_t>(rng_exponential(&flow.rng, 1e9 / _rate(flow)))


cdef void _change_regime(FlowState* flow) noexcept nogil:
    cdef double place
    cdef double total = 0.0
    cdef int i
    for i in range(flow.model.regime_count):
        total += flow.model.regimes[i].share if i != flow.regime else 0.0
    place = rng_uniform(&flow.rng) * total
    for i in range(flow.model.regime_count):
        if i != flow.regime:
            place -= flow.model.regimes[i].share
            if place < 0.0:
                flow.regime = i
                return


cdef void _add_somewhere(FlowState* flow) noexcept nogil:
    cdef double place = rng_uniform(&flow.rng) * _adds_per_s(flow) / flow.model.regimes[flow.regime].quoting
    cdef int side = <int>rng_below(&flow.rng, 2)
    cdef int bucket = 0
    while bucket < FLOW_BUCKETS - 1 and place >= flow.model.adds_per_s[bucket]:
        place -= flow.model.adds_per_s[bucket]
        bucket += 1
    flow_add(flow, side, bucket)


cdef void _arrival(FlowState* flow, const L3Book* book) noexcept nogil:
    """One event of the superposed Poisson processes."""
    cdef double place = rng_uniform(&flow.rng) * _rate(flow) - flow.model.regimes[flow.regime].moves_per_s
    if place < 0.0:
        flow_move(flow, book)
        return
    place -= flow.model.regimes[flow.regime].takers_per_s
    if place < 0.0:
        flow_take(flow)
        return
    place -= 1.0 / flow.model.regimes[flow.regime].mean_s
    if place < 0.0:
        _change_regime(flow)
    else:
        _add_somewhere(flow)


cdef void _step(FlowState* flow, const ExchangeState* exchange) noexcept nogil:
    """Make the requests of the next event."""
    cdef const L3Book* book = &exchange.symbols[flow.symbol].book
    cdef FlowOrder due
    flow.may_be_bare = True
    if flow.order_count >= flow.max_orders - FLOW_BUCKETS:
        flow_compact(flow, exchange)
    if flow.order_count > 0 and flow.orders[0].cancel_ns <= flow.next_ns:
        due = flow.orders[0]
        heap_pop(flow.orders, &flow.order_count)
        flow.now_ns = due.cancel_ns if due.cancel_ns > flow.now_ns else flow.now_ns
        if index_find(&exchange.by_id, due.order_id, 0) == NO_SLOT:
            flow.counts.gone += 1
        else:
            flow_cancel(flow, due.order_id, <int32_t>due.account)
            flow.counts.cancels += 1
        return
    flow.now_ns = flow.next_ns
    flow_requote(flow, book)
    _arrival(flow, book)
    _draw_next(flow)


cdef int _drain(FlowState* flow, ExchangeState* exchange) noexcept nogil:
    """Send the requests of the step; FLOW_LOG_FULL leaves the rest for the next call."""
    cdef ExchangeRequest* request
    cdef RequestResult result
    cdef FlowOrder order
    while flow.todo_at < flow.todo_count:
        request = &flow.todo[flow.todo_at]
        request.now_ns = flow.stamp_ns if flow.stamp_ns != 0 else flow.now_ns
        # Others may have used the exchange at a later time than ours.
        if request.now_ns < exchange.now_ns:
            request.now_ns = exchange.now_ns
        if exchange_apply(exchange, request, 1, &result) == 0:
            return FLOW_LOG_FULL
        flow.counts.requests += 1
        if result.verdict != VERDICT_OK:
            if result.verdict == VERDICT_UNKNOWN_ORDER:
                flow.counts.gone += 1
            else:
                flow.counts.refused += 1
        elif flow.todo_life_s[flow.todo_at] >= 0.0 and index_find(&exchange.by_id, result.order_id, 0) != NO_SLOT:
            order.cancel_ns = flow.now_ns + <int64_t>(1e9 * flow.todo_life_s[flow.todo_at])
            order.order_id, order.account = result.order_id, request.account
            heap_push(flow.orders, &flow.order_count, &order)
        flow.todo_at += 1
    flow.todo_at = flow.todo_count = 0
    return FLOW_DONE


cdef int64_t flow_next_due(const FlowState* flow) noexcept nogil:
    if flow.todo_count > 0:
        return flow.now_ns
    if flow.order_count > 0 and flow.orders[0].cancel_ns < flow.next_ns:
        return flow.orders[0].cancel_ns
    return flow.next_ns


cdef int flow_advance(FlowState* flow, ExchangeState* exchange, int64_t until_ns) noexcept nogil:
    while True:
        if _drain(flow, exchange) != FLOW_DONE:
            return FLOW_LOG_FULL
        if flow.may_be_bare:
            flow.may_be_bare = False
            flow_requote(flow, &exchange.symbols[flow.symbol].book)
            continue
        if flow_next_due(flow) > until_ns:
            break
        _step(flow, exchange)
    return FLOW_DONE


cdef uint64_t flow_hash(const FlowState* flow) noexcept nogil:
    cdef uint64_t digest = hash_mix(rng_hash(&flow.rng), <uint64_t>flow.bid_ticks)
    cdef int64_t i
    digest = hash_mix(hash_mix(digest, <uint64_t>flow.ask_ticks), <uint64_t>flow.now_ns)
    digest = hash_mix(hash_mix(digest, <uint64_t>flow.next_ns), <uint64_t>flow.counts.requests)
    digest = hash_mix(hash_mix(digest, <uint64_t>flow.regime), <uint64_t>flow.taker_side)
    for i in range(flow.order_count):
        digest = hash_mix(hash_mix(digest, flow.orders[i].order_id), <uint64_t>flow.orders[i].cancel_ns)
    return digest


cdef void flow_prefill(FlowState* flow) noexcept nogil:
    """The orders that would stand there had the market run for long; exponential lives have no age."""
    cdef int side, bucket
    cdef int64_t _i
    for side in range(2):
        for bucket in range(FLOW_BUCKETS):
            for _i in range(rng_poisson(&flow.rng, min(1024.0, flow.model.adds_per_s[bucket] * flow.model.life_s[bucket]))):
                flow_add(flow, side, bucket)
    flow.may_be_bare = True
    _draw_next(flow)
