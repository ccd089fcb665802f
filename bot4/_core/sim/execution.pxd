"""A taker's way through the book, from its funds to where its rest goes, and what its prices trigger."""

from libc.stdint cimport int64_t, uint32_t

from bot4._core.book.matching cimport FillPlan, Taker
from bot4._core.sim.exchange_state cimport ExchangeOrder, ExchangeState


# The taker that an order is, with the prices it accepts.
cdef void taker_of(const ExchangeState* state, const ExchangeOrder* order, Taker* taker) noexcept nogil
# Give a market order its quantity and its lock; the plan is what the book gives it. A verdict.
cdef int fund_market(ExchangeState* state, ExchangeOrder* order, FillPlan* plan) noexcept nogil
# Match an order that is nowhere yet, then rest, expire or close it.
cdef void execute(ExchangeState* state, uint32_t slot) noexcept nogil
# Whether a LIMIT_MAKER would take or a stop trigger at once: a verdict.
cdef int check_entry(const ExchangeState* state, ExchangeOrder* order) noexcept nogil
# Lock what an order may spend: a verdict.
cdef int fund_order(ExchangeState* state, ExchangeOrder* order) noexcept nogil
# Report an order that is funded as NEW, then let it wait or execute it.
cdef void start_order(ExchangeState* state, uint32_t slot) noexcept nogil
# Whether a limit order of this side would trade now.
cdef bint would_take(const ExchangeState* state, int symbol, int side, int64_t price_ticks) noexcept nogil
# Reference price of a symbol in ticks: the one set from outside, else the average, else the last; 0: none.
cdef int64_t reference_price(ExchangeState* state, int symbol) noexcept nogil
