"""Birth and end of an order: its slot, its ids, its place among the account's orders, its money."""

from libc.stdint cimport int64_t, uint32_t

from bot4._core.book.conditional cimport ConditionalBook
from bot4._core.sim.exchange_state cimport (
    ExchangeOrder, ExchangeRequest, ExchangeState, holding_of, open_orders_of,
)
from bot4._core.sim.margin_state cimport Holding
from bot4._core.types cimport SIDE_BUY, mul_wide


# A new order from a checked request: numbered, counted, findable, nowhere yet. There is a free slot.
cdef uint32_t open_order(ExchangeState* state, const ExchangeRequest* request) noexcept nogil
# Take an order out of wherever it is, unlock what it still locks and give its slot back. Its record stays readable
# until another order opens.
cdef void close_order(ExchangeState* state, uint32_t slot) noexcept nogil
cdef bint waits_upwards(const ExchangeOrder* order) noexcept nogil
# Among what a conditional order waits: of the last price, the mark price, or guarded from prices that are far apart.
cdef ConditionalBook* waits_in(ExchangeState* state, const ExchangeOrder* order) noexcept nogil


cdef inline void note_left(ExchangeState* state, const ExchangeOrder* order, int64_t lots) noexcept nogil:
    """Count lots that an open order has gained, or lost below zero."""
    cdef Holding* holding
    if order.side == SIDE_BUY:
        open_orders_of(state, order.account, order.symbol).open_buy_lots += lots
    if order.opens:
        holding = holding_of(state, order.account, order.symbol)
        holding.open_lots[order.side] += lots
        holding.open_ticklots[order.side] += mul_wide(order.price_ticks, lots)
