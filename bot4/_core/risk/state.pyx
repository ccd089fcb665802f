# cython: language_level=3
"""The state behind the rules: `risk_apply_*` is all that changes it. One shard thread owns a state.

Life of an order: risk_apply_sent once; risk_apply_fill for each fill; risk_apply_closed exactly once at its end (with 0
unfilled lots where it filled whole). Until then its unfilled lots count as if they would fill, an unknown outcome
included.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from bot4._core.risk.token_bucket cimport bucket_charge
from bot4._core.types cimport (
    ACTION_PLACE, BOT4_ASSERT, INTENT_REDUCE_ONLY, ORDER_MARKET, SIDE_BUY, SIDE_SELL, OrderIntent, hash_mix,
    money_high, money_low, money_t,
)


cdef inline void _remember(RiskState* state, const OrderIntent* intent, int64_t now_ns) noexcept nogil:
    """Write the duplicate ring; when full the oldest order is forgotten."""
    cdef uint64_t slot = state.recent_head & (RECENT_ORDERS - 1)
    cdef uint64_t newest = (state.recent_head - 1) & (RECENT_ORDERS - 1)
    # Stamps never fall, so that the scan may end at the first one that is too old.
    if state.recent_head != 0 and state.recent_ns[newest] > now_ns:
        now_ns = state.recent_ns[newest]
    state.recent_price_ticks[slot] = 0 if intent.type == ORDER_MARKET else intent.price_ticks
    state.recent_qty_lots[slot] = intent.qty_lots if intent.side == SIDE_BUY else -intent.qty_lots
    state.recent_key[slot] = recent_key_of(state.recent_price_ticks[slot], state.recent_qty_lots[slot])
    state.recent_ns[slot] = now_ns
    state.recent_head += 1


cdef inline void _learn_qty(const RiskLimits* limits, RiskState* state, int64_t qty_lots) noexcept nogil:
    cdef int64_t scaled = qty_lots << QTY_SCALE_BITS
    if state.sent_orders == 0:
        state.qty_mean_scaled = scaled
    else:
        state.qty_mean_scaled += (scaled - state.qty_mean_scaled) >> limits.ewma_shift
    state.sent_orders += 1


cdef void risk_apply_sent(
    const RiskLimits* limits, RiskState* state, const OrderIntent* intent, int64_t now_ns
) noexcept nogil:
    """Count an order as open from now on; call it for every order handed to the gateway. Cancels change nothing."""
    if intent.action != ACTION_PLACE:
        return
    BOT4_ASSERT(intent.side <= SIDE_SELL and 0 < intent.qty_lots <= ORDER_LOTS_MAX)
    state.open_lots[intent.side] += intent.qty_lots
    BOT4_ASSERT(state.open_lots[intent.side] <= 2 * LOTS_MAX)
    state.open_orders += 1
    # An exit is as large as the position: it says nothing about the usual size of an entry.
    if not intent.flags & INTENT_REDUCE_ONLY:
        _learn_qty(limits, state, intent.qty_lots)
    _remember(state, intent, now_ns)
    bucket_charge(&limits.rate, &state.rate, 1, now_ns)


cdef void risk_apply_refused(RiskState* state, int verdict) noexcept nogil:
    """Count a refusal under its verdict; an unknown verdict is a broken invariant."""
    BOT4_ASSERT(0 <= verdict < VERDICTS)
    state.refused[verdict] += 1


cdef void risk_apply_accepted(RiskState* state) noexcept nogil:
    """The venue accepted an order: the run of rejects ends. A latch stays."""
    state.reject_run = 0


cdef void risk_apply_unknown(RiskState* state, int side) noexcept nogil:
    """The outcome of an open order became unknown (time-out, reset, 5xx): it stays counted as if it would fill."""
    BOT4_ASSERT(0 <= side <= SIDE_SELL)
    state.unknown_orders[side] += 1


cdef void risk_apply_known(RiskState* state, int side) noexcept nogil:
    """The venue gave evidence about an unknown order; call risk_apply_fill / risk_apply_closed for what it said."""
    BOT4_ASSERT(0 <= side <= SIDE_SELL and state.unknown_orders[side] > 0)
    state.unknown_orders[side] -= 1


cdef void risk_apply_stray_fill(RiskState* state, int side, int64_t qty_lots) noexcept nogil:
    """A fill of no order that is counted as open (found by reconciliation, or later than its close)."""
    BOT4_ASSERT(0 <= side <= SIDE_SELL and 0 < qty_lots <= LOTS_MAX)
    state.position_lots += qty_lots if side == SIDE_BUY else -qty_lots
    BOT4_ASSERT(-LOTS_MAX <= state.position_lots <= LOTS_MAX)


cdef void risk_apply_fill(RiskState* state, int side, int64_t qty_lots) noexcept nogil:
    """A fill of an open order: its lots move from open to position. Its end is told by risk_apply_closed."""
    risk_apply_stray_fill(state, side, qty_lots)
    BOT4_ASSERT(state.open_lots[side] >= qty_lots)
    state.open_lots[side] -= qty_lots


cdef void risk_apply_closed(
    RiskState* state, int side, int64_t unfilled_lots, int closed_by_reject, int reject_code
) noexcept nogil:
    """An open order ended; call it exactly once for every order sent, with 0 unfilled lots where it filled whole.

    `closed_by_reject` extends or starts the run of rejects of `reject_code`; any other end stops the run.
    """
    BOT4_ASSERT(0 <= side <= SIDE_SELL and state.open_orders > 0)
    BOT4_ASSERT(0 <= unfilled_lots <= state.open_lots[side])
    state.open_lots[side] -= unfilled_lots
    state.open_orders -= 1
    if not closed_by_reject:
        state.reject_run = 0
        return
    if state.reject_run == 0 or state.reject_code != reject_code:
        state.reject_run = 0
        state.reject_code = reject_code
    state.reject_run += 1
    if state.reject_run >= state.max_reject_run:
        state.latches |= LATCH_REJECTS
    if state.reject_run >= state.max_exit_reject_run:
        state.latches |= LATCH_EXIT_REJECTS


cdef void risk_apply_reference(RiskState* state, int64_t price_ticks, int64_t ts_ns) noexcept nogil:
    """The reference price of band and notional; a price that is not positive withdraws it."""
    state.reference_ticks = price_ticks if 0 < price_ticks <= LOTS_MAX else 0
    state.reference_ns = ts_ns


cdef inline money_t _drawdown_floor(money_t peak, int64_t max_drawdown_ppm) noexcept nogil:
    """Largest equity at which (peak - equity) * 10**6 >= peak * max_drawdown_ppm, without a product that overflows."""
    cdef money_t whole = (peak / 1000000) * max_drawdown_ppm
    cdef money_t part = ((peak % 1000000) * max_drawdown_ppm + 999999) / 1000000
    return peak - (whole + part)


cdef void risk_apply_equity(const RiskLimits* limits, RiskState* state, money_t equity_atoms) noexcept nogil:
    """Equity now, in atoms of the account's asset: moves the peak up, latches where it fell from it by the limit."""
    if not state.has_equity or equity_atoms > state.equity_peak:
        state.has_equity = 1
        state.equity_peak = equity_atoms
        # The quotient is only made when the peak moves; the check of every other call is one comparison. Without
        # capital there is nothing to lose a share of: an equity that is not positive latches at once.
        state.equity_floor = _drawdown_floor(equity_atoms, limits.max_drawdown_ppm) if equity_atoms > 0 else equity_atoms
    if limits.max_drawdown_ppm != 0 and equity_atoms <= state.equity_floor:
        state.latches |= LATCH_DRAWDOWN


cdef void risk_apply_reset(RiskState* state, uint32_t latches) noexcept nogil:
    """Operator's reset of `latches` (RiskLatch bits). After the drawdown latch the peak starts at the next equity."""
    state.latches &= ~latches
    if latches & (LATCH_REJECTS | LATCH_EXIT_REJECTS):
        state.reject_run = 0
    if latches & LATCH_DRAWDOWN:
        state.has_equity = 0


cdef uint64_t risk_hash(const RiskState* state) noexcept nogil:
    """Hash of everything a later verdict depends on, counters excluded; equal states have equal hashes."""
    cdef uint64_t value = hash_mix(state.latches, state.has_equity)
    cdef int slot
    for slot in range(2):
        value = hash_mix(value, <uint64_t>state.open_lots[slot])
        value = hash_mix(value, <uint64_t>state.unknown_orders[slot])
    value = hash_mix(value, <uint64_t>state.position_lots)
    value = hash_mix(value, <uint64_t>state.open_orders)
    value = hash_mix(value, <uint64_t>state.reference_ticks)
    value = hash_mix(value, <uint64_t>state.reference_ns)
    value = hash_mix(value, <uint64_t>state.qty_mean_scaled)
    value = hash_mix(value, <uint64_t>state.sent_orders)
    value = hash_mix(value, <uint64_t>state.rate.level_units)
    value = hash_mix(value, <uint64_t>state.rate.last_ns)
    value = hash_mix(value, state.recent_head)
    for slot in range(RECENT_ORDERS):
        value = hash_mix(value, <uint64_t>state.recent_price_ticks[slot])
        value = hash_mix(value, <uint64_t>state.recent_qty_lots[slot])
        value = hash_mix(value, <uint64_t>state.recent_ns[slot])
    value = hash_mix(value, <uint64_t>money_high(state.equity_peak))
    value = hash_mix(value, money_low(state.equity_peak))
    value = hash_mix(value, <uint64_t>state.reject_code)
    return hash_mix(value, <uint64_t>state.reject_run)
