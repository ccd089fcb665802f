# cython: language_level=3
"""Checks of new orders (contract in request_check.pxd).

Order of the rules: shape, then PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, MAX_POSITION, PERCENT_PRICE(_BY_SIDE),
MIN_NOTIONAL / NOTIONAL, iceberg LOT_SIZE and ICEBERG_PARTS, TRAILING_DELTA, then the counts. While a symbol has no
reference price (nothing set, nothing traded) the filters that compare with one do not apply.

Source: Binance spot API documentation, filters.md (state of 2026-07-21).

Not seen from Python: requests are checked with it.
"""

from libc.stdint cimport int64_t

from bot4._core.book.matching cimport MAX_ORDER_LOTS, MAX_ORDER_TICKS, STP_TRANSFER
from bot4._core.risk.filters cimport VenueFilters, filter_check
from bot4._core.sim.exchange_state cimport AccountState, ExtraFilters, OpenOrders, SymbolState, open_orders_of
from bot4._core.sim.exchange_types cimport (
    ORDER_CLOSE_POSITION, ORDER_REDUCE_ONLY, SYMBOL_TRADING, TIME_GTC, TIME_GTD, TYPE_LIMIT_MAKER, TYPE_MARKET, TYPE_STOP_LOSS,
    TYPE_STOP_LOSS_LIMIT, TYPE_TAKE_PROFIT_LIMIT, VERDICT_BAD_EXPIRY, VERDICT_BAD_FLAGS, VERDICT_BAD_ICEBERG,
    VERDICT_BAD_PRICE, VERDICT_BAD_QUANTITY, VERDICT_BAD_SIDE, VERDICT_BAD_STOP, VERDICT_BAD_STP, VERDICT_BAD_TIF,
    VERDICT_BAD_TYPE, VERDICT_EXCHANGE_MAX_NUM_ALGO_ORDERS, VERDICT_EXCHANGE_MAX_NUM_ICEBERG_ORDERS,
    VERDICT_EXCHANGE_MAX_NUM_ORDER_LISTS, VERDICT_EXCHANGE_MAX_NUM_ORDERS, VERDICT_ICEBERG_PARTS, VERDICT_LOT_SIZE,
    VERDICT_MARKET_LOT_SIZE,
    VERDICT_MAX_NUM_ALGO_ORDERS, VERDICT_MAX_NUM_ICEBERG_ORDERS, VERDICT_MAX_NUM_ORDER_LISTS, VERDICT_MAX_NUM_ORDERS,
    VERDICT_MIN_NOTIONAL, VERDICT_NOT_TRADING, VERDICT_NOTIONAL, VERDICT_OK, VERDICT_REDUCE_ONLY,
    VERDICT_STP_NOT_ALLOWED, VERDICT_TRAILING_DELTA, VERDICT_UNKNOWN_ACCOUNT, VERDICT_UNKNOWN_SYMBOL,
)
from bot4._core.account.balances cimport balance_at
from bot4._core.sim.execution cimport reference_price
from bot4._core.sim.margin_orders cimport check_margin_shape
from bot4._core.types cimport ORDER_LIMIT, ORDER_MARKET, SIDE_BUY, OrderIntent, money_t

# The flags that a new order may carry; the others belong to the cancel of a cancel-replace.
cdef int _NEW_ORDER_FLAGS = 15


cdef int _check_price_and_stop(const ExchangeRequest* request) noexcept nogil:
    cdef bint stops = is_stop(request.type)
    if is_priced(request.type):
        if not 0 < request.price_ticks <= MAX_ORDER_TICKS:
            return VERDICT_BAD_PRICE
    elif request.price_ticks != 0:
        return VERDICT_BAD_PRICE
    if not 0 <= request.stop_ticks <= MAX_ORDER_TICKS or not 0 <= request.trailing_bips < 10000:
        return VERDICT_BAD_STOP
    if stops != (request.stop_ticks != 0 or request.trailing_bips != 0):
        return VERDICT_BAD_STOP
    return VERDICT_OK


cdef int _check_quantity(const ExchangeRequest* request) noexcept nogil:
    if request.type == TYPE_MARKET and request.quote_atoms != 0:
        if request.qty_lots != 0 or request.quote_atoms < 0:
            return VERDICT_BAD_QUANTITY
    elif request.quote_atoms != 0 or not 0 < request.qty_lots <= MAX_ORDER_LOTS:
        return VERDICT_BAD_QUANTITY
    if request.iceberg_lots != 0 and (
        not 0 < request.iceberg_lots <= request.qty_lots or not is_priced(request.type)
        or request.tif not in (TIME_GTC, TIME_GTD)
    ):
        return VERDICT_BAD_ICEBERG
    return VERDICT_OK


cdef int check_shape(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    """Whether a row is an order at all, on a symbol that trades, of an account that exists."""
    cdef int verdict
    if request.symbol >= state.symbol_count:
        return VERDICT_UNKNOWN_SYMBOL
    if not 0 < request.account < state.account_count or not state.accounts[request.account].is_open:
        return VERDICT_UNKNOWN_ACCOUNT
    if state.symbols[request.symbol].status != SYMBOL_TRADING:
        return VERDICT_NOT_TRADING
    if state.symbols[request.symbol].perpetual != NULL:
        return check_margin_shape(state, request)
    if request.side > 1:
        return VERDICT_BAD_SIDE
    if request.type > TYPE_TAKE_PROFIT_LIMIT:
        return VERDICT_BAD_TYPE
    if request.flags & ORDER_REDUCE_ONLY:
        return VERDICT_REDUCE_ONLY
    if request.flags & ~_NEW_ORDER_FLAGS:
        return VERDICT_BAD_FLAGS
    if request.tif > TIME_GTD or (not is_priced(request.type) and request.tif != TIME_GTC) or (
        request.type == TYPE_LIMIT_MAKER and request.tif not in (TIME_GTC, TIME_GTD)
    ):
        return VERDICT_BAD_TIF
    if (request.tif == TIME_GTD) != (request.expire_ns != 0) or (
        request.expire_ns != 0 and request.expire_ns <= state.now_ns
    ):
        return VERDICT_BAD_EXPIRY
    if request.stp > STP_TRANSFER:
        return VERDICT_BAD_STP
    if not state.symbols[request.symbol].stp_allowed >> request.stp & 1:
        return VERDICT_STP_NOT_ALLOWED
    verdict = _check_price_and_stop(request)
    return verdict if verdict != VERDICT_OK else _check_quantity(request)


cdef int _check_iceberg(const SymbolState* symbol, const ExchangeRequest* request) noexcept nogil:
    cdef const VenueFilters* filters = &symbol.filters
    if request.iceberg_lots == 0:
        return VERDICT_OK
    if request.iceberg_lots < filters.min_qty_lots or (
        filters.max_qty_lots != 0 and request.iceberg_lots > filters.max_qty_lots
    ) or (filters.qty_step_lots > 1 and request.iceberg_lots % filters.qty_step_lots != 0):
        return VERDICT_LOT_SIZE
    if symbol.extra.max_iceberg_parts != 0 and (
        (request.qty_lots + request.iceberg_lots - 1) // request.iceberg_lots > symbol.extra.max_iceberg_parts
    ):
        return VERDICT_ICEBERG_PARTS
    return VERDICT_OK


cdef int _check_trailing(const ExtraFilters* extra, const ExchangeRequest* request) noexcept nogil:
    cdef bint above = (request.type in (TYPE_STOP_LOSS, TYPE_STOP_LOSS_LIMIT)) == (request.side == SIDE_BUY)
    cdef int64_t least = extra.min_trailing_above_bips if above else extra.min_trailing_below_bips
    cdef int64_t most = extra.max_trailing_above_bips if above else extra.max_trailing_below_bips
    if request.trailing_bips == 0:
        return VERDICT_OK
    if request.trailing_bips < least or (most != 0 and request.trailing_bips > most):
        return VERDICT_TRAILING_DELTA
    return VERDICT_OK


cdef int64_t _position_lots(const ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    """Base the account has, free and locked, plus what its open buys may bring; capped far beyond any limit."""
    cdef const SymbolState* symbol = &state.symbols[request.symbol]
    cdef money_t lots = (
        balance_at(&state.balances, request.account, symbol.base_asset).free_atoms
        + balance_at(&state.balances, request.account, symbol.base_asset).locked_atoms
        + symbol.base_atoms_per_lot - 1
    ) // symbol.base_atoms_per_lot
    lots += open_orders_of(state, request.account, request.symbol).open_buy_lots
    return <int64_t>lots if lots < (<money_t>1 << 61) else <int64_t>1 << 61


cdef int _check_quote_amount(const SymbolState* symbol, const ExchangeRequest* request) noexcept nogil:
    """The notional filter of a market order by quote amount: the amount is the notional, no reference is needed."""
    cdef const VenueFilters* filters = &symbol.filters
    cdef money_t ticklots = request.quote_atoms // symbol.quote_atoms_per_ticklot
    if (filters.min_applies_to_market and ticklots < filters.min_notional_ticklots) or (
        filters.max_applies_to_market and filters.max_notional_ticklots != 0
        and ticklots > filters.max_notional_ticklots
    ):
        return VERDICT_MIN_NOTIONAL if filters.notional_is_legacy else VERDICT_NOTIONAL
    return VERDICT_OK


cdef bint _is_exempt(const ExchangeRequest* request, int verdict) noexcept nogil:
    """What reduces a position may be below the least notional; what closes it has no quantity yet."""
    if request.flags & ORDER_CLOSE_POSITION:
        return verdict in (VERDICT_LOT_SIZE, VERDICT_MARKET_LOT_SIZE, VERDICT_MIN_NOTIONAL, VERDICT_NOTIONAL)
    return request.flags & ORDER_REDUCE_ONLY and verdict in (VERDICT_MIN_NOTIONAL, VERDICT_NOTIONAL)


cdef int check_filters(ExchangeState* state, const ExchangeRequest* request) noexcept nogil:
    """The filters of one order; how many orders there are is `check_counts`."""
    cdef SymbolState* symbol = &state.symbols[request.symbol]
    cdef int64_t reference = reference_price(state, request.symbol)
    cdef int64_t position = 0
    cdef OrderIntent intent
    cdef int verdict
    intent.type = ORDER_LIMIT if is_priced(request.type) else ORDER_MARKET
    intent.side = request.side
    intent.price_ticks = request.price_ticks
    intent.trigger_ticks = request.stop_ticks
    intent.qty_lots = request.qty_lots
    if symbol.filters.max_position_lots != 0 and request.side == SIDE_BUY:
        position = _position_lots(state, request)
    if request.quote_atoms == 0:
        verdict = filter_check(
            &symbol.filters if reference != 0 else &symbol.unreferenced, &intent, reference, -1, position
        )
        if verdict != VERDICT_OK:
            return VERDICT_OK if _is_exempt(request, verdict) else verdict
    else:
        verdict = _check_quote_amount(symbol, request)
        if verdict != VERDICT_OK:
            return verdict
    verdict = _check_iceberg(symbol, request)
    return verdict if verdict != VERDICT_OK else _check_trailing(&symbol.extra, request)


cdef inline bint _exceeds(int64_t held, int64_t wanted, int64_t limit) noexcept nogil:
    return limit != 0 and wanted != 0 and held + wanted > limit


cdef int check_counts(
    const ExchangeState* state, const ExchangeRequest* legs, int count, bint is_list
) noexcept nogil:
    """Whether `count` orders more, in the rows at `legs`, stay within every limit on open orders."""
    cdef const SymbolState* symbol = &state.symbols[legs.symbol]
    cdef const OpenOrders* held = open_orders_of(state, legs.account, legs.symbol)
    cdef const AccountState* account = &state.accounts[legs.account]
    cdef int64_t algos = 0, icebergs = 0, lists = is_list
    cdef int i
    for i in range(count):
        algos += is_stop(legs[i].type)
        icebergs += legs[i].iceberg_lots != 0
    if _exceeds(held.count, count, symbol.filters.max_num_orders):
        return VERDICT_MAX_NUM_ORDERS
    if _exceeds(held.algo_count, algos, symbol.extra.max_algo_orders):
        return VERDICT_MAX_NUM_ALGO_ORDERS
    if _exceeds(held.iceberg_count, icebergs, symbol.extra.max_iceberg_orders):
        return VERDICT_MAX_NUM_ICEBERG_ORDERS
    if _exceeds(held.list_count, lists, symbol.extra.max_order_lists):
        return VERDICT_MAX_NUM_ORDER_LISTS
    if _exceeds(account.order_count, count, state.max_orders_exchange):
        return VERDICT_EXCHANGE_MAX_NUM_ORDERS
    if _exceeds(account.algo_count, algos, state.max_algo_exchange):
        return VERDICT_EXCHANGE_MAX_NUM_ALGO_ORDERS
    if _exceeds(account.iceberg_count, icebergs, state.max_iceberg_exchange):
        return VERDICT_EXCHANGE_MAX_NUM_ICEBERG_ORDERS
    if _exceeds(account.list_count, lists, state.max_lists_exchange):
        return VERDICT_EXCHANGE_MAX_NUM_ORDER_LISTS
    return VERDICT_OK
