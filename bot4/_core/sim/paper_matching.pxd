"""Matching of the paper venue: its state, and what an arriving intent or a print does to it."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.book.order_book cimport OrderBook
from bot4._core.sim.delay_line cimport DelayLine
from bot4._core.sim.displayed cimport Displayed
from bot4._core.sim.fees cimport FeeTotals
from bot4._core.sim.fill_model cimport FillState
from bot4._core.sim.resting cimport Resting
from bot4._core.types cimport Event, OrderIntent


cpdef enum PaperReason:
    PAPER_OK = 0
    # refused by paper_submit: no event will come
    PAPER_IN_FLIGHT_FULL = 1    # too many intents on their way
    PAPER_BAD_ORDER = 2         # side, type, time in force, price, quantity or flags make no order
    PAPER_WRONG_INSTRUMENT = 3
    PAPER_OUT_OF_RANGE = 4      # notional or fee beyond the core's integers (also of a REJECTED)
    # reasons of EVENT_ORDER_REJECTED
    PAPER_NO_MARKET = 5         # no book, quote or print yet, a crossed book, or a halted venue
    PAPER_DUPLICATE_ID = 6
    PAPER_SELF_TRADE = 7
    PAPER_WOULD_CROSS = 8       # post-only
    PAPER_REDUCE_ONLY = 9       # nothing to reduce (also of an EXPIRED: the position was closed meanwhile)
    PAPER_NO_LIQUIDITY = 10     # market order and nothing to take
    PAPER_TOO_MANY_ORDERS = 11
    # reasons of EVENT_ORDER_EXPIRED
    PAPER_IOC_REMAINDER = 12
    PAPER_FOK_UNFILLED = 13
    PAPER_MARKET_REMAINDER = 14
    # reason of EVENT_CANCEL_REJECTED
    PAPER_UNKNOWN_ORDER = 15


ctypedef struct PaperCounts:
    int64_t submitted
    int64_t refused             # by paper_submit
    int64_t acknowledged
    int64_t rejected
    int64_t expired
    int64_t canceled
    int64_t cancel_rejected
    int64_t fills_from_book     # taker fills by source of the liquidity
    int64_t fills_from_quote
    int64_t fills_assumed
    int64_t fills_passive
    int64_t prints_skipped      # a print that could not be matched for lack of room for reports
    int64_t arrivals_deferred   # an order kept waiting for the same reason


ctypedef struct PaperVenue:
    ContractSpec spec
    FeeTotals fees
    Displayed displayed
    Resting resting
    FillState fills             # what can be chosen of the fill assumptions, and its state
    DelayLine arrivals          # OrderIntent on their way to the venue
    DelayLine reports           # Event on their way back
    PaperCounts counts
    int64_t limit_ns            # the venue's clock ends here until told otherwise; INT64_MAX: it is ours
    int64_t position_lots       # what the venue holds for us: reduce-only looks here
    int64_t last_trade_id
    uint64_t history            # hash of every report so far
    uint64_t max_in_flight      # placed orders on their way; as many cancels fit beside them
    uint64_t room_needed        # reports one arrival can cause at most
    int32_t reduce_only_count   # resting
    uint16_t instrument
    uint8_t print_kind          # EVENT_TRADE or EVENT_AGG_TRADE: the first seen; the other is the same trades again
    bint is_halted


# Everything that has reached the venue by now takes effect, in the order sent.
cdef void paper_arrive(PaperVenue* venue, const OrderBook* book, int64_t now_ns) noexcept nogil
# For the matching of passive orders (paper_passive). A fill needs room for its report and one of each resting order.
cdef void paper_fill(
    PaperVenue* venue, uint64_t order_id, int side, int64_t price_ticks, int64_t qty_lots, bint is_maker, int64_t now_ns
) noexcept nogil
cdef void paper_expire_reduce_only(PaperVenue* venue, int64_t now_ns) noexcept nogil


cdef inline int64_t paper_reducible(const PaperVenue* venue, int side) noexcept nogil:
    """Lots an order of this side may still take off the position."""
    cdef int64_t lots = venue.position_lots if side == 1 else -venue.position_lots
    return lots if lots > 0 else 0
