"""Orders on perpetuals: their checks, their margin, reduce-only, and the conditional orders with ids of their own."""

from libc.stdint cimport int64_t, uint32_t

from bot4._core.book.matching cimport Taker
from bot4._core.sim.exchange_state cimport ExchangeOrder, ExchangeRequest, ExchangeState, SymbolState


# Whether a row is an order, or an algo order, that a perpetual takes.
cdef int check_margin_shape(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil
# Records that a request on a perpetual with so many new orders may write.
cdef int64_t margin_records(const ExchangeState* state, int64_t orders) noexcept nogil
# Records that any later request may write once they are open: an order that was filled in part has opened a position
# and may still open, or liquidate, another. What an order is admitted by, so that an empty log is never too small.
cdef int64_t margin_records_later(const ExchangeState* state, int64_t orders) noexcept nogil
# Cut a reduce-only order to its position, or see that there is margin for an order that opens: a verdict.
cdef int margin_fund(ExchangeState* state, ExchangeOrder* order) noexcept nogil
# Keep what a taker accepts within parts per million of a reference price, 0: no bound; true where that is what bounds it.
cdef bint bound_taker(int side, int64_t reference_ticks, int64_t ppm, Taker* taker) noexcept nogil
# Bound a market order of a perpetual as the symbol's range says, around the mark; every other order has its own price.
cdef bint bound_market(const SymbolState* symbol, const ExchangeOrder* order, Taker* taker) noexcept nogil
# Cut or end the resting reduce-only orders of both sides of a trade.
cdef void margin_after_trade(ExchangeState* state, const ExchangeOrder* taker, const ExchangeOrder* maker) noexcept nogil
# Lots by which an order of this side may reduce a position; 0: it would not reduce.
cdef int64_t reducible_lots(const ExchangeState* state, const ExchangeOrder* order) noexcept nogil
# An algo order's price has come: tell, and queue what it places.
cdef void algo_triggering(ExchangeState* state, uint32_t slot) noexcept nogil
cdef void finish_algo(ExchangeState* state, uint32_t slot, int algo_state, int reason) noexcept nogil
# Queue every algo order that waits for the mark price as it is.
cdef void look_for_mark(ExchangeState* state, int symbol) noexcept nogil
# Queue every guarded algo order that waits for this last price, unless it is too far from the mark price.
cdef void look_for_guarded(ExchangeState* state, int symbol, int64_t last_ticks) noexcept nogil
# The earliest countdown is over: cancel its orders; false where the log has no room for it.
cdef bint run_countdown(ExchangeState* state) noexcept nogil
# Work out which countdown is the earliest.
cdef void plan_countdowns(ExchangeState* state) noexcept nogil
# End the orders, or the algo orders, of an account on a symbol, oldest first; returns how many.
cdef int end_orders(
    ExchangeState* state, int account, int symbol, bint algos, int status, int reason
) noexcept nogil
