"""NumPy layouts of the exchange's records. Money is two words, ``_low`` (unsigned) and ``_high``; see `money_of`."""

from __future__ import annotations

from typing import Any

import numpy as np

#: One `ExchangeRequest`, 96 bytes.
REQUEST_DTYPE = np.dtype(
    [
        ("kind", "u1"),
        ("side", "u1"),
        ("type", "u1"),
        ("tif", "u1"),
        ("stp", "u1"),
        ("flags", "u1"),
        ("symbol", "u2"),
        ("account", "i4"),
        ("trailing_bips", "i4"),
        ("qty_lots", "i8"),
        ("price_ticks", "i8"),
        ("stop_ticks", "i8"),
        ("iceberg_lots", "i8"),
        ("quote_atoms_low", "u8"),
        ("quote_atoms_high", "i8"),
        ("expire_ns", "i8"),
        ("client_key", "u8"),
        ("now_ns", "i8"),
        ("order_id", "u8"),
    ]
)

#: Outcome of one request, 16 bytes.
RESULT_DTYPE = np.dtype([("order_id", "u8"), ("verdict", "i4"), ("cancel_verdict", "i4")])

#: One `ExchangeReport`, 256 bytes: a change of an order, a list or a balance.
REPORT_DTYPE = np.dtype(
    [
        ("sequence", "u8"),
        ("time_ns", "i8"),
        ("order_id", "u8"),
        ("client_key", "u8"),
        ("list_id", "i8"),
        ("counterparty_order_id", "u8"),
        ("trade_id", "i8"),
        ("price_ticks", "i8"),
        ("stop_ticks", "i8"),
        ("orig_lots", "i8"),
        ("executed_lots", "i8"),
        ("prevented_lots", "i8"),
        ("last_lots", "i8"),
        ("last_price_ticks", "i8"),
        ("cumulative_quote_atoms_low", "u8"),
        ("cumulative_quote_atoms_high", "i8"),
        ("last_quote_atoms_low", "u8"),
        ("last_quote_atoms_high", "i8"),
        ("fee_atoms_low", "u8"),
        ("fee_atoms_high", "i8"),
        ("free_atoms_low", "u8"),
        ("free_atoms_high", "i8"),
        ("locked_atoms_low", "u8"),
        ("locked_atoms_high", "i8"),
        ("iceberg_lots", "i8"),
        ("created_ns", "i8"),
        ("working_ns", "i8"),
        ("execution_type", "u1"),
        ("side", "u1"),
        ("type", "u1"),
        ("tif", "u1"),
        ("status", "u1"),
        ("reason", "u1"),
        ("is_maker", "u1"),
        ("is_working", "u1"),
        ("stp", "u1"),
        ("list_kind", "u1"),
        ("list_status", "u1"),
        ("list_order_status", "u1"),
        ("symbol", "u2"),
        ("flags", "u1"),
        ("origin", "u1"),
        ("account", "i4"),
        ("asset", "i4"),
        ("trailing_bips", "i4"),
        ("counterparty_account", "i4"),
        ("request_key", "u8"),
    ]
)

#: One `ExchangeOrder`, 208 bytes: an open order as it is.
ORDER_DTYPE = np.dtype(
    [
        ("order_id", "u8"),
        ("client_key", "u8"),
        ("list_id", "i8"),
        ("price_ticks", "i8"),
        ("stop_ticks", "i8"),
        ("lock_ticks", "i8"),
        ("orig_lots", "i8"),
        ("executed_lots", "i8"),
        ("prevented_lots", "i8"),
        ("iceberg_lots", "i8"),
        ("expire_ns", "i8"),
        ("created_ns", "i8"),
        ("working_ns", "i8"),
        ("updated_ns", "i8"),
        ("cumulative_quote_atoms_low", "u8"),
        ("cumulative_quote_atoms_high", "i8"),
        ("quote_atoms_low", "u8"),
        ("quote_atoms_high", "i8"),
        ("locked_atoms_low", "u8"),
        ("locked_atoms_high", "i8"),
        ("account", "i4"),
        ("list_slot", "i4"),
        ("trailing_bips", "i4"),
        ("amends", "i4"),
        ("prev", "u4"),
        ("next", "u4"),
        ("symbol", "u2"),
        ("side", "u1"),
        ("type", "u1"),
        ("tif", "u1"),
        ("status", "u1"),
        ("stp", "u1"),
        ("place", "u1"),
        ("shares_lock", "u1"),
        ("is_exhausted", "u1"),
        ("flags", "u1"),
        ("origin", "u1"),
        ("is_algo", "u1"),
        ("opens", "u1"),
        ("from_algo", "u1"),
        ("is_cut", "u1"),
        ("parts", "i8"),
    ]
)

#: One changed or standing level; quantity 0: gone.
DEPTH_DTYPE = np.dtype([("side", "i8"), ("price_ticks", "i8"), ("qty_lots", "i8")])


def money_of(record: Any, field: str) -> int:
    """Exact integer of a money field of one record.

    >>> import numpy as np
    >>> report = np.zeros((), REPORT_DTYPE)
    >>> report["fee_atoms_low"], report["fee_atoms_high"] = 5, 1
    >>> money_of(report, "fee_atoms") == 2**64 + 5
    True
    """
    return (int(record[field + "_high"]) << 64) + int(record[field + "_low"])
