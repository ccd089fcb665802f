# cython: language_level=3
"""Pre-trade risk: every order passes `risk_check`, and only orders that did are sent.

`risk_check` is pure; the `risk_apply_*` functions mutate. One shard thread owns a state. The rules in their order (the
first that fails is the verdict; E = entries only, X = exits, that is reduce-only orders, too):

===  ========================  ==  =================================================================================
 1   RISK_WRONG_INSTRUMENT     X   the state is of one instrument
 2   RISK_MALFORMED            X   side, type, time in force, flags known; quantity and a limit's price positive
 3   RISK_REJECT_LATCH         X   latched after n rejects of one code in a row; exits have their own, larger n
 4   RISK_DRAWDOWN_LATCH       E   latched when equity fell from its peak by the limit, until an explicit reset
 5   RISK_NO_EQUITY            E   a drawdown limit without an equity to hold it against
 6   RISK_REDUCE_ONLY          X   an exit opposes the position and, with the open orders of its side, fits into it
 7   RISK_UNKNOWN_OUTCOME      E   no new order beside one of the same side whose outcome nobody knows
 8   RISK_ORDER_QTY            X   quantity of one order
 9   RISK_UNUSUAL_QTY          E   quantity against the running mean of what was sent, after a warm-up
10   RISK_NO_REFERENCE         X   a reference price was applied (a market exit may go without)
11   RISK_STALE_REFERENCE      X   and is young enough; one stamped later than now is refused as well
12   RISK_PRICE_BAND           X   a limit price lies within the band around the reference
13   RISK_ORDER_NOTIONAL       E   price times quantity (a market order: reference times quantity; inverse: contracts)
14   RISK_POSITION             E   position, all open orders of the side counted as filled, plus this one
15   RISK_OPEN_ORDERS          E   own limit of open orders
16   FILTER_*                  X   the venue's filters
17   RISK_DUPLICATE            X   same side, price and quantity as one sent within the window
18   RISK_ORDER_RATE           X   token bucket; entries leave a reserve of tokens to exits
===  ========================  ==  =================================================================================

A cancel is always RISK_OK on the right instrument: it only takes risk away. Rules marked E let exits pass because a
guard that keeps a losing position open is not a guard.
"""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.risk.filters cimport FILTER_NO_REFERENCE, FILTER_OK, filter_check
from bot4._core.risk.state cimport (
    LATCH_DRAWDOWN, LATCH_EXIT_REJECTS, LATCH_REJECTS, LOTS_MAX, ORDER_LOTS_MAX, QTY_SCALE_BITS, RECENT_ORDERS,
    RiskLimits, RiskState, recent_key_of,
)
from bot4._core.risk.token_bucket cimport bucket_has
from bot4._core.types cimport (
    ACTION_CANCEL_ALL, ACTION_PLACE, INTENT_POST_ONLY, INTENT_REDUCE_ONLY, ORDER_LIMIT, ORDER_MARKET, SIDE_BUY,
    SIDE_SELL, TIF_FOK, TIF_GTC, OrderIntent, money_t, mul_wide,
)


cdef extern from *:
    """
    /* Whether one of eight keys is `key`. GCC and Clang vectors: plain code where the machine has none this wide. */
    typedef uint64_t bot4_four_keys __attribute__((vector_size(32), aligned(8), may_alias));
    static inline int bot4_holds_key(const uint64_t *keys, uint64_t key) {
        const bot4_four_keys wanted = {key, key, key, key}, *held = (const bot4_four_keys *)keys;
        const bot4_four_keys equal = (bot4_four_keys)((held[0] == wanted) | (held[1] == wanted));
        return (equal[0] | equal[1] | equal[2] | equal[3]) != 0;
    }
    """
    bint holds_key "bot4_holds_key"(const uint64_t* keys, uint64_t key) noexcept nogil


cdef inline bint _is_well_formed(const OrderIntent* intent) noexcept nogil:
    cdef bint limit = intent.type == ORDER_LIMIT
    if intent.side > SIDE_SELL or intent.type > ORDER_MARKET or intent.tif > TIF_FOK:
        return False
    if intent.flags & ~(INTENT_POST_ONLY | INTENT_REDUCE_ONLY):
        return False
    # Post-only rests or is refused: neither a market order nor an immediate one can.
    if intent.flags & INTENT_POST_ONLY and not (limit and intent.tif == TIF_GTC):
        return False
    return 0 < intent.qty_lots <= ORDER_LOTS_MAX and (not limit or 0 < intent.price_ticks <= LOTS_MAX)


cdef inline bint _reduces(const RiskState* state, int side, int64_t qty_lots) noexcept nogil:
    cdef int64_t closable_lots = state.position_lots if side == SIDE_SELL else -state.position_lots
    # Open orders of the exit side count as filled: two exits of the whole position would turn it around.
    return closable_lots > 0 and qty_lots <= closable_lots - state.open_lots[side]


cdef inline int _check_reference(const RiskLimits* limits, const RiskState* state, int64_t now_ns) noexcept nogil:
    if state.reference_ticks <= 0:
        return RISK_NO_REFERENCE
    # Unsigned, so that a stamp from the future counts as too old: a clock that jumped back must not revive a price.
    if <uint64_t>now_ns - <uint64_t>state.reference_ns > <uint64_t>limits.max_reference_age_ns:
        return RISK_STALE_REFERENCE
    return RISK_OK


cdef inline bint _in_band(const RiskLimits* limits, int64_t price_ticks, int64_t reference_ticks) noexcept nogil:
    cdef int64_t distance_ticks = price_ticks - reference_ticks
    if distance_ticks < 0:
        distance_ticks = -distance_ticks
    return mul_wide(distance_ticks, 1000000) <= mul_wide(reference_ticks, limits.band_ppm)


cdef inline money_t _notional(const RiskLimits* limits, int64_t price_ticks, int64_t qty_lots) noexcept nogil:
    return mul_wide(1 if limits.notional_is_qty else price_ticks, qty_lots)


cdef bint _is_in_ring(const RiskState* state, int64_t price_ticks, int64_t signed_lots, int64_t oldest_ns) noexcept nogil:
    """Exact search of the ring: newest first, ends at the first order that is too old."""
    cdef uint64_t index = state.recent_head
    cdef uint64_t last = index - RECENT_ORDERS if index > RECENT_ORDERS else 0
    cdef uint64_t slot
    while index > last:
        index -= 1
        slot = index & (RECENT_ORDERS - 1)
        if state.recent_ns[slot] <= oldest_ns:
            return False
        if state.recent_price_ticks[slot] == price_ticks and state.recent_qty_lots[slot] == signed_lots:
            return True
    return False


cdef inline bint _is_duplicate(
    const RiskLimits* limits, const RiskState* state, int64_t price_ticks, int64_t signed_lots, int64_t now_ns
) noexcept nogil:
    """Whether the ring holds the same order inside the window.

    Keys are compared eight at a time without a branch, block by block back from the newest; only a key that is found
    leads to the exact search. The block of the newest holds the oldest, too, so at most eight blocks are looked at.
    """
    cdef int64_t oldest_ns = now_ns - limits.duplicate_window_ns
    cdef uint64_t key = recent_key_of(price_ticks, signed_lots)
    cdef uint64_t block = (state.recent_head - 1) & (RECENT_ORDERS - 1) & ~<uint64_t>7
    cdef int blocks
    if state.recent_head == 0:
        return False
    for blocks in range(RECENT_ORDERS // 8):
        # The last slot of a block is its newest, but for the block that is being written.
        if blocks != 0 and state.recent_ns[block + 7] <= oldest_ns:
            return False
        if holds_key(&state.recent_key[block], key):
            return _is_in_ring(state, price_ticks, signed_lots, oldest_ns)
        block = (block - 8) & (RECENT_ORDERS - 1)
    return False


cdef int risk_check(
    const RiskLimits* limits, const RiskState* state, const OrderIntent* intent, int64_t now_ns
) noexcept nogil:
    """First rule that `intent` breaks at `now_ns`, or RISK_OK; pure. See the table at the head of the module."""
    cdef bint market = intent.type == ORDER_MARKET
    cdef bint is_exit = intent.flags & INTENT_REDUCE_ONLY
    cdef int side = intent.side
    cdef int64_t price_ticks
    cdef int64_t reference_ticks = state.reference_ticks
    cdef int64_t exposure_lots
    cdef int verdict
    if intent.instrument != limits.instrument:
        return RISK_WRONG_INSTRUMENT
    if intent.action != ACTION_PLACE:
        return RISK_OK if intent.action <= ACTION_CANCEL_ALL else RISK_MALFORMED
    if not _is_well_formed(intent):
        return RISK_MALFORMED
    if state.latches & (LATCH_EXIT_REJECTS if is_exit else LATCH_REJECTS):
        return RISK_REJECT_LATCH
    if is_exit:
        if not _reduces(state, side, intent.qty_lots):
            return RISK_REDUCE_ONLY
    else:
        if state.latches & LATCH_DRAWDOWN:
            return RISK_DRAWDOWN_LATCH
        if limits.needs_equity and not state.has_equity:
            return RISK_NO_EQUITY
        if state.unknown_orders[side] != 0:
            return RISK_UNKNOWN_OUTCOME
    if intent.qty_lots > limits.max_order_lots:
        return RISK_ORDER_QTY
    if not is_exit and limits.unusual_multiple != 0 and state.sent_orders >= limits.unusual_warmup_orders:
        if mul_wide(intent.qty_lots, 1 << QTY_SCALE_BITS) > mul_wide(state.qty_mean_scaled, limits.unusual_multiple):
            return RISK_UNUSUAL_QTY
    verdict = _check_reference(limits, state, now_ns)
    if verdict != RISK_OK:
        if not (is_exit and market) or limits.exits_need_reference:
            return verdict
        # A filter that needs a price must not be given a stale one.
        reference_ticks = 0
    if not market and not _in_band(limits, intent.price_ticks, reference_ticks):
        return RISK_PRICE_BAND
    if not is_exit:
        price_ticks = reference_ticks if market else intent.price_ticks
        if _notional(limits, price_ticks, intent.qty_lots) > limits.max_order_notional:
            return RISK_ORDER_NOTIONAL
        exposure_lots = state.position_lots if side == SIDE_BUY else -state.position_lots
        if exposure_lots + state.open_lots[side] + intent.qty_lots > limits.max_position_lots[side]:
            return RISK_POSITION
        if state.open_orders >= limits.max_open_orders:
            return RISK_OPEN_ORDERS
    verdict = filter_check(
        &limits.filters, intent, reference_ticks, state.open_orders, state.position_lots + state.open_lots[0]
    )
    # Without a reference only a market exit comes this far; the filters that need a price are the venue's to judge.
    if verdict != FILTER_OK and verdict != FILTER_NO_REFERENCE:
        return verdict
    if limits.duplicate_window_ns != 0 and _is_duplicate(
        limits, state, 0 if market else intent.price_ticks,
        intent.qty_lots if side == SIDE_BUY else -intent.qty_lots, now_ns,
    ):
        return RISK_DUPLICATE
    if not bucket_has(&limits.rate, &state.rate, 1 if is_exit else 1 + limits.reserve_tokens, now_ns):
        return RISK_ORDER_RATE
    return RISK_OK
