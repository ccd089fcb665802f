# cython: language_level=3
"""Microstructure family: what the top of the book and the trades say.

Windows of order flow are sums of integer ticks and lots, so they are exact and do not drift.

Sources: order-flow imbalance, Cont, Kukanov, Stoikov (2014), "The price impact of order book events", e_n of section 2.
Kyle's lambda: slope of the price change on the signed quantity of each trade (Kyle 1985, estimated by least squares).
Spread from the autocovariance of price changes: Roll (1984). Microprice: best prices weighted by the opposite quantity.
VPIN: Easley, Lopez de Prado, O'Hara (2012), with the taker's side of each trade in place of bulk classification.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t

from bot4._core.ta.averages cimport ema_start, ema_update
from bot4._core.ta.elementary cimport decay
from bot4._core.ta.registry cimport (
    FEATURE_DEPTH_IMBALANCE_5,
    FEATURE_EFFECTIVE_SPREAD_50,
    FEATURE_KYLE_LAMBDA_50,
    FEATURE_MICROPRICE_OFFSET,
    FEATURE_MID_TREND,
    FEATURE_OFI_50,
    FEATURE_OFI_100,
    FEATURE_OFI_LEVELS_50,
    FEATURE_QUEUE_IMBALANCE,
    FEATURE_RELATIVE_SPREAD,
    FEATURE_ROLL_SPREAD_20,
    FEATURE_TRADE_IMBALANCE_50,
    FEATURE_TRADE_RATE,
    FEATURE_VPIN_50,
)
from bot4._core.ta.window cimport tick_cross_covariance, tick_cross_slide, tick_cross_variance_y

cdef double RATE_TIME_CONSTANT_NS = 10e9
# Above every price: where there is no ask.
cdef int64_t NO_ASK = (<int64_t>1) << 62


cdef void microstructure_start(MicrostructureState* s, double tick_size, double lot_size) noexcept nogil:
    s.tick_size = tick_size
    s.lot_size = lot_size
    ema_start(&s.quote.mid_fast, 20, 2.0 / 21)
    ema_start(&s.quote.mid_slow, 100, 2.0 / 101)
    ema_start(&s.quote.mid_variance, 100, 2.0 / 101)
    ema_start(&s.trade.effective_spread, 50, 2.0 / 51)


cdef inline int64_t _order_flow(
    const QuoteState* q, int64_t bid_ticks, int64_t bid_lots, int64_t ask_ticks, int64_t ask_lots
) noexcept nogil:
    """e_n: what this quote event added to demand and took from supply, in lots."""
    cdef int64_t flow = 0
    if bid_ticks >= q.bid_ticks:
        flow += bid_lots
    if bid_ticks <= q.bid_ticks:
        flow -= q.bid_lots
    if ask_ticks <= q.ask_ticks:
        flow -= ask_lots
    if ask_ticks >= q.ask_ticks:
        flow += q.ask_lots
    return flow


cdef inline void _on_quote(MicrostructureState* s, const TopOfBook* top, double* values) noexcept nogil:
    cdef QuoteState* q = &s.quote
    cdef int64_t place = q.count & (FLOW_EVENTS - 1)
    cdef int64_t flow = 0
    cdef double both = <double>(top.bid_price_ticks[0] + top.ask_price_ticks[0])
    cdef double variance = 0.0
    cdef double fast, slow, change
    if q.count:
        flow = _order_flow(
            q, top.bid_price_ticks[0], top.bid_qty_lots[0], top.ask_price_ticks[0], top.ask_qty_lots[0]
        )
        change = both - <double>(q.bid_ticks + q.ask_ticks)
        variance = ema_update(&s.quote.mid_variance, change * change)
    fast = ema_update(&q.mid_fast, both)
    slow = ema_update(&q.mid_slow, both)
    q.ofi_50 += flow - q.flow_lots[(q.count - 50) & (FLOW_EVENTS - 1)]
    q.flow_lots[place] = flow
    q.count += 1
    q.bid_ticks = top.bid_price_ticks[0]
    q.ask_ticks = top.ask_price_ticks[0]
    q.bid_lots = top.bid_qty_lots[0]
    q.ask_lots = top.ask_qty_lots[0]
    if q.count > 50:
        values[FEATURE_OFI_50] = <double>q.ofi_50 * s.lot_size
    if q.count > 100:
        values[FEATURE_MID_TREND] = (fast - slow) / sqrt(variance) if variance > 0.0 else 0.0


cdef bint microstructure_on_top(MicrostructureState* s, const TopOfBook* top, double* values) noexcept nogil:
    cdef int64_t bid = top.bid_price_ticks[0]
    cdef int64_t ask = top.ask_price_ticks[0]
    cdef int64_t bid_lots = top.bid_qty_lots[0]
    cdef int64_t ask_lots = top.ask_qty_lots[0]
    cdef int64_t bid_depth = bid_lots
    cdef int64_t ask_depth = ask_lots
    cdef double imbalance = <double>(bid_lots - ask_lots) / <double>(bid_lots + ask_lots)
    cdef int level
    for level in range(1, top.bid_levels):
        bid_depth += top.bid_qty_lots[level]
    for level in range(1, top.ask_levels):
        ask_depth += top.ask_qty_lots[level]
    values[FEATURE_RELATIVE_SPREAD] = 2.0 * <double>(ask - bid) / <double>(ask + bid)
    values[FEATURE_QUEUE_IMBALANCE] = imbalance
    values[FEATURE_DEPTH_IMBALANCE_5] = <double>(bid_depth - ask_depth) / <double>(bid_depth + ask_depth)
    # microprice - mid = (ask bid_lots + bid ask_lots) / (bid_lots + ask_lots) - (ask + bid) / 2, without cancellation.
    values[FEATURE_MICROPRICE_OFFSET] = 0.5 * <double>(ask - bid) * imbalance * s.tick_size
    if bid == s.quote.bid_ticks and ask == s.quote.ask_ticks and (
        bid_lots == s.quote.bid_lots and ask_lots == s.quote.ask_lots
    ):
        return 0
    _on_quote(s, top, values)
    return 1


cdef void microstructure_on_trade(
    MicrostructureState* s, int64_t price_ticks, int64_t qty_lots, bint seller_is_taker, int64_t ts_ns, double* values
) noexcept nogil:
    cdef TradeState* t = &s.trade
    cdef int64_t mask = FLOW_TRADES - 1
    cdef int64_t signed_lots = -qty_lots if seller_is_taker else qty_lots
    cdef int64_t change = price_ticks - t.price_ticks if t.count else 0
    cdef int64_t gone = t.signed_lots[(t.count - 50) & mask]
    cdef int64_t elapsed_ns, both
    cdef double covariance, spread, variance

    t.signed_50 += signed_lots - gone
    t.volume_50 += qty_lots - (gone if gone >= 0 else -gone)
    tick_cross_slide(&t.kyle_50, change, signed_lots, t.change_ticks[(t.count - 50) & mask], gone)
    tick_cross_slide(
        &t.roll_20, change, t.change_ticks[(t.count - 1) & mask],
        t.change_ticks[(t.count - 20) & mask], t.change_ticks[(t.count - 21) & mask],
    )
    # A stamp behind the last one counts as the same instant.
    elapsed_ns = ts_ns - t.last_ns if t.count and ts_ns > t.last_ns else 0
    t.arrivals_per_s = (
        t.arrivals_per_s * decay(<double>elapsed_ns / RATE_TIME_CONSTANT_NS) + 1e9 / RATE_TIME_CONSTANT_NS
    )
    t.change_ticks[t.count & mask] = change
    t.signed_lots[t.count & mask] = signed_lots
    t.count += 1
    t.price_ticks = price_ticks
    if ts_ns > t.last_ns:
        t.last_ns = ts_ns

    if s.quote.count:
        both = s.quote.bid_ticks + s.quote.ask_ticks
        spread = 2.0 * <double>(2 * price_ticks - both) / <double>both
        values[FEATURE_EFFECTIVE_SPREAD_50] = ema_update(&t.effective_spread, -spread if seller_is_taker else spread)
    if t.count >= 50:
        values[FEATURE_TRADE_IMBALANCE_50] = <double>t.signed_50 / <double>t.volume_50
        values[FEATURE_TRADE_RATE] = t.arrivals_per_s
    if t.count > 50:
        variance = tick_cross_variance_y(&t.kyle_50, 50)
        values[FEATURE_KYLE_LAMBDA_50] = (
            tick_cross_covariance(&t.kyle_50, 50) / variance * (s.tick_size / s.lot_size) if variance > 0.0 else 0.0
        )
    if t.count >= 22:
        covariance = tick_cross_covariance(&t.roll_20, 20) / 400.0
        values[FEATURE_ROLL_SPREAD_20] = 2.0 * sqrt(-covariance) * s.tick_size if covariance < 0.0 else 0.0


cdef inline int64_t _level_flow(int64_t* ticks, int64_t* lots, int64_t now_ticks, int64_t now_lots) noexcept nogil:
    """What this level of a bid gained; the level becomes the new one."""
    cdef int64_t flow = 0
    if now_ticks >= ticks[0]:
        flow += now_lots
    if now_ticks <= ticks[0]:
        flow -= lots[0]
    ticks[0] = now_ticks
    lots[0] = now_lots
    return flow


cdef bint depth_on_top(
    DepthState* s, const MicrostructureState* base, const TopOfBook* top, bint is_quote, double* values
) noexcept nogil:
    cdef const QuoteState* q = &base.quote
    cdef int64_t place = s.count & 63
    cdef int64_t flow = 0
    cdef int64_t ticks, lots
    cdef bint changed = s.count == 0
    cdef int level
    if is_quote:
        s.ofi_100 += q.flow_lots[(q.count - 1) & (FLOW_EVENTS - 1)] - q.flow_lots[(q.count - 101) & (FLOW_EVENTS - 1)]
        if q.count > 100:
            values[FEATURE_OFI_100] = <double>s.ofi_100 * base.lot_size
    for level in range(5):
        ticks = top.bid_price_ticks[level] if level < top.bid_levels else 0
        lots = top.bid_qty_lots[level] if level < top.bid_levels else 0
        changed = changed or ticks != s.bid_ticks[level] or lots != s.bid_lots[level]
        flow += _level_flow(&s.bid_ticks[level], &s.bid_lots[level], ticks, lots)
        # An ask is a bid at minus its price.
        ticks = -top.ask_price_ticks[level] if level < top.ask_levels else -NO_ASK
        lots = top.ask_qty_lots[level] if level < top.ask_levels else 0
        changed = changed or ticks != s.ask_ticks[level] or lots != s.ask_lots[level]
        flow -= _level_flow(&s.ask_ticks[level], &s.ask_lots[level], ticks, lots)
    if not changed:
        return 0
    flow = flow if s.count else 0
    s.ofi_levels_50 += flow - s.flow_lots[(s.count - 50) & 63]
    s.flow_lots[place] = flow
    s.count += 1
    if s.count > 50:
        values[FEATURE_OFI_LEVELS_50] = <double>s.ofi_levels_50 * base.lot_size
    return 1


cdef inline void _fill_bucket(VpinState* s) noexcept nogil:
    cdef int64_t apart = s.signed_lots if s.signed_lots >= 0 else -s.signed_lots
    s.sum_50 += apart - s.apart_lots[(s.count - 50) & 63]
    s.apart_lots[s.count & 63] = apart
    s.count += 1
    s.filled_lots = s.signed_lots = 0


cdef int64_t vpin_on_trade(VpinState* s, int64_t qty_lots, bint seller_is_taker, double* values) noexcept nogil:
    cdef int64_t sign = -1 if seller_is_taker else 1
    cdef int64_t before = s.count
    cdef int64_t skipped, part
    while qty_lots >= s.bucket_lots - s.filled_lots:
        part = s.bucket_lots - s.filled_lots
        s.signed_lots += sign * part
        qty_lots -= part
        _fill_bucket(s)
        # Beyond 64 buckets of one side the window holds nothing else: they are counted and not filled.
        skipped = qty_lots / s.bucket_lots - 64
        if skipped > 0:
            qty_lots -= skipped * s.bucket_lots
            before -= skipped
    s.filled_lots += qty_lots
    s.signed_lots += sign * qty_lots
    if s.count >= 50:
        values[FEATURE_VPIN_50] = <double>s.sum_50 / (50.0 * <double>s.bucket_lots)
    return s.count - before
