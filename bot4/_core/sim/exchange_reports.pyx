# cython: language_level=3
"""Writing the records (contract in exchange_reports.pxd).

Not seen from Python: `Exchange.take_reports` hands them over.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memset

from bot4._core.account.balances cimport balances_next_round
from bot4._core.book.order_index cimport NO_SLOT
from bot4._core.sim.exchange_state cimport holding_of, open_orders_of
from bot4._core.sim.exchange_types cimport (
    EXECUTION_BALANCE, EXECUTION_LIST_STATUS, EXECUTION_POSITION, EXECUTION_REPLACED, REASON_REDUCE_ONLY, STATUS_NEW,
    STATUS_PARTIALLY_FILLED,
)
from bot4._core.sim.margin_state cimport Holding, MarginState, Position, leverage_of, unrealised
from bot4._core.types cimport BOT4_ASSERT


cdef ExchangeReport* report_new(ExchangeState* state, int execution_type) noexcept nogil:
    cdef ExchangeReport* report = &state.log.records[state.log.count]
    BOT4_ASSERT(state.log.count < state.log.capacity)
    state.log.count += 1
    state.log.sequence += 1
    memset(report, 0, sizeof(ExchangeReport))
    report.sequence = state.log.sequence
    report.time_ns = state.now_ns
    report.execution_type = execution_type
    report.request_key = state.request_key
    report.list_id = report.trade_id = report.working_ns = -1
    report.asset = report.counterparty_account = -1
    return report


cdef ExchangeReport* report_order(
    ExchangeState* state, const ExchangeOrder* order, int execution_type, int reason
) noexcept nogil:
    """Append a record of an order as it is now; the caller adds what is particular to the execution type."""
    cdef ExchangeReport* report = report_new(state, execution_type)
    report.order_id = order.order_id
    report.client_key = order.client_key
    report.list_id = order.list_id
    report.price_ticks = order.price_ticks
    report.stop_ticks = order.stop_ticks
    report.orig_lots = order.orig_lots
    report.executed_lots = order.executed_lots
    report.prevented_lots = order.prevented_lots
    report.cumulative_quote_atoms = order.cumulative_quote_atoms
    report.iceberg_lots = order.iceberg_lots
    report.created_ns = order.created_ns
    report.working_ns = order.working_ns
    report.side = order.side
    report.type = order.type
    report.tif = order.tif
    report.status = order.status
    report.reason = reason
    report.is_working = order.working_ns >= 0 and order.status in (STATUS_NEW, STATUS_PARTIALLY_FILLED)
    report.stp = order.stp
    report.symbol = order.symbol
    report.account = order.account
    report.flags = order.flags
    report.origin = order.origin
    report.trailing_bips = order.trailing_bips
    return report


cdef void report_list(
    ExchangeState* state, const OrderList* order_list, int list_status, int list_order_status
) noexcept nogil:
    cdef ExchangeReport* report = report_new(state, EXECUTION_LIST_STATUS)
    report.list_id = order_list.list_id
    report.client_key = order_list.client_key
    report.account = order_list.account
    report.symbol = order_list.symbol
    report.list_kind = order_list.kind
    report.list_status = list_status
    report.list_order_status = list_order_status


cdef void _report_cuts(ExchangeState* state, int32_t account, int symbol) noexcept nogil:
    """Tell of reduce-only orders that a smaller position has cut, once a request."""
    cdef uint32_t slot = open_orders_of(state, account, symbol).head
    cdef ExchangeOrder* order
    if holding_of(state, account, symbol).reducing == 0:
        return
    while slot != NO_SLOT:
        order = &state.orders[slot]
        if order.is_cut:
            order.is_cut = False
            report_order(state, order, EXECUTION_REPLACED, REASON_REDUCE_ONLY)
        slot = order.next


cdef void _report_positions(ExchangeState* state) noexcept nogil:
    """One record for each position that this request changed, in the order it first did; ends the round."""
    cdef MarginState* margin = &state.margin
    cdef const Holding* holding
    cdef const Position* position
    cdef ExchangeReport* report
    cdef int64_t i
    cdef int32_t at
    for i in range(margin.touched_count):
        at = <int32_t>(margin.touched[i] >> 2)
        _report_cuts(state, at // state.max_symbols, at % state.max_symbols)
    for i in range(margin.touched_count):
        at = <int32_t>(margin.touched[i] >> 2)
        holding = &margin.holdings[at]
        position = &holding.positions[margin.touched[i] & 3]
        report = report_new(state, EXECUTION_POSITION)
        report.account = at // state.max_symbols
        report.symbol = at % state.max_symbols
        report.asset = state.symbols[report.symbol].quote_asset
        report.flags = (margin.touched[i] & 3) << 6
        report.reason = margin.cause
        report.is_maker = holding.is_isolated
        report.price_ticks = leverage_of(holding)
        report.orig_lots = position.lots
        report.cumulative_quote_atoms = position.entry_atoms
        report.last_quote_atoms = unrealised(state.symbols[report.symbol].perpetual, position)
        report.last_price_ticks = state.symbols[report.symbol].perpetual.mark_price
        report.fee_atoms = position.realised_atoms
        report.free_atoms = position.isolated_atoms
    margin.touched_count = 0
    margin.round += 1


cdef void report_balances(ExchangeState* state) noexcept nogil:
    """One record for each account and asset that this request changed, in the order it first did; ends the round."""
    cdef int64_t i
    cdef uint32_t cell
    cdef ExchangeReport* report
    if state.margin.touched_count != 0:
        _report_positions(state)
    for i in range(state.balances.touched_count):
        cell = state.balances.touched[i]
        report = report_new(state, EXECUTION_BALANCE)
        report.reason = state.margin.cause
        report.account = <int32_t>cell // state.balances.assets
        report.asset = <int32_t>cell % state.balances.assets
        report.free_atoms = state.balances.cells[cell].free_atoms
        report.locked_atoms = state.balances.cells[cell].locked_atoms
    balances_next_round(&state.balances)
    state.margin.cause = 0
