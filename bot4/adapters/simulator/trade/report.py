"""Reports of the matching engine as Python reads them.

The layout is `ExchangeReport` of bot4/_core/sim/exchange_state.pxd: 256 bytes, money as two words, low first.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_LAYOUT = struct.Struct("<QqQQqQqqqqqqqqQqQqQqQqQqqqq12BH2B4iQ")
REPORT_BYTES = _LAYOUT.size


class Report(NamedTuple):
    """One report; money still in its two words."""

    sequence: int
    time_ns: int
    order_id: int
    client_key: int
    list_id: int
    counterparty_order_id: int
    trade_id: int
    price_ticks: int
    stop_ticks: int
    orig_lots: int
    executed_lots: int
    prevented_lots: int
    last_lots: int
    last_price_ticks: int
    cumulative_quote_low: int
    cumulative_quote_high: int
    last_quote_low: int
    last_quote_high: int
    fee_low: int
    fee_high: int
    free_low: int
    free_high: int
    locked_low: int
    locked_high: int
    iceberg_lots: int
    created_ns: int
    working_ns: int
    execution_type: int
    side: int
    type: int
    tif: int
    status: int
    reason: int
    is_maker: int
    is_working: int
    stp: int
    list_kind: int
    list_status: int
    list_order_status: int
    symbol: int
    flags: int
    origin: int
    account: int
    asset: int
    trailing_bips: int
    counterparty_account: int
    request_key: int


def read_reports(rows: bytes | memoryview) -> Iterator[Report]:
    """Yield the reports of a block of rows."""
    return map(Report._make, _LAYOUT.iter_unpack(rows))


def money(low: int, high: int) -> int:
    """Join the two words of an amount."""
    return low + (high << 64)
