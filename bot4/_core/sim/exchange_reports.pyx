# cython: language_level=3
"""Writing the records (contract in exchange_reports.pxd).

Not seen from Python: `Exchange.take_reports` hands them over.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memset

from bot4._core.account.balances cimport balances_next_round
from bot4._core.sim.exchange_types cimport (
    EXECUTION_BALANCE, EXECUTION_LIST_STATUS, STATUS_NEW, STATUS_PARTIALLY_FILLED,
)
from bot4._core.types cimport BOT4_ASSERT


cdef inline ExchangeReport* _append(ExchangeState* state, int execution_type) noexcept nogil:
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
    cdef ExchangeReport* report = _append(state, execution_type)
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
    report.trailing_bips = order.trailing_bips
    return report


cdef void report_list(
    ExchangeState* state, const OrderList* order_list, int list_status, int list_order_status
) noexcept nogil:
    cdef ExchangeReport* report = _append(state, EXECUTION_LIST_STATUS)
    report.list_id = order_list.list_id
    report.client_key = order_list.client_key
    report.account = order_list.account
    report.symbol = order_list.symbol
    report.list_kind = order_list.kind
    report.list_status = list_status
    report.list_order_status = list_order_status


cdef void report_balances(ExchangeState* state) noexcept nogil:
    """One record for each account and asset that this request changed, in the order it first did; ends the round."""
    cdef int64_t i
    cdef uint32_t cell
    cdef ExchangeReport* report
    for i in range(state.balances.touched_count):
        cell = state.balances.touched[i]
        report = _append(state, EXECUTION_BALANCE)
        report.account = <int32_t>cell // state.balances.assets
        report.asset = <int32_t>cell % state.balances.assets
        report.free_atoms = state.balances.cells[cell].free_atoms
        report.locked_atoms = state.balances.cells[cell].locked_atoms
    balances_next_round(&state.balances)
