"""A taker's way through the book, and what its trades set off: stops, trailing stops, pending orders."""

from libc.stdint cimport int64_t, uint32_t

from bot4._core.book.matching cimport FillPlan, Taker
from bot4._core.sim.exchange_state cimport ExchangeOrder, ExchangeState


# The taker that an order is, with the prices it accepts.
cdef void taker_of(const ExchangeState* state, const ExchangeOrder* order, Taker* taker) noexcept nogil
# Give a market order its quantity and its lock; the plan is what the book gives it. A verdict.
cdef int fund_market(ExchangeState* state, ExchangeOrder* order, FillPlan* plan) noexcept nogil
# Match an order that is nowhere yet, then rest, expire or close it.
cdef void execute(ExchangeState* state, uint32_t slot) noexcept nogil
# Work off what the request has set off, until nothing is left.
cdef void settle_queue(ExchangeState* state) noexcept nogil
# Best price that a limit order of this side would trade at now; 0: it would not trade.
cdef bint would_take(const ExchangeState* state, int symbol, int side, int64_t price_ticks) noexcept nogil
# Reference price of a symbol in ticks: the one set from outside, else the average, else the last; 0: none.
cdef int64_t reference_price(ExchangeState* state, int symbol) noexcept nogil
