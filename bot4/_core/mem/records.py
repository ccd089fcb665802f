"""NumPy dtypes of what the rings carry: the one place outside C that knows the layout of `include/bot4/types.h`.

An array of events has `EVENT_DTYPE`; the same memory with the body's fields named is a view:

>>> import numpy as np
>>> events = np.zeros(2, EVENT_DTYPE)
>>> events.view(TRADE_DTYPE)["price_ticks"] = [6_000_000, 6_000_100]
>>> events["body"][:, 0].tolist()
[6000000, 6000100]
"""

from __future__ import annotations

from typing import Final

import numpy as np

_HEADER: Final = [
    ("kind", "<u1"),
    ("side", "<u1"),
    ("flags", "<u2"),
    ("instrument", "<u2"),
    ("reason", "<u2"),
    ("venue_ns", "<i8"),
    ("recv_ns", "<i8"),
]


def _with_body(*names: str) -> np.dtype[np.void]:
    """Event dtype whose five body words are called `names`."""
    return np.dtype(_HEADER + [(name, "<i8") for name in names])


EVENT_DTYPE: Final = np.dtype([*_HEADER, ("body", "<i8", (5,))])

# The same 64 bytes by kind of event; each a view of an EVENT_DTYPE array.
DEPTH_BEGIN_DTYPE: Final = _with_body("first_id", "last_id", "prev_id", "level_count", "checksum")
DEPTH_LEVEL_DTYPE: Final = _with_body("price_ticks", "qty_lots", "last_id", "index", "reserved")
TRADE_DTYPE: Final = _with_body("price_ticks", "qty_lots", "trade_id", "first_id", "last_id")
QUOTE_DTYPE: Final = _with_body("bid_price_ticks", "bid_qty_lots", "ask_price_ticks", "ask_qty_lots", "update_id")
BAR_PRICES_DTYPE: Final = _with_body("open_ticks", "high_ticks", "low_ticks", "close_ticks", "open_time_ns")
BAR_FLOW_DTYPE: Final = _with_body("volume_lots", "taker_buy_lots", "trade_count", "interval_ns", "open_time_ns")
ORDER_DTYPE: Final = _with_body("order_id", "price_ticks", "qty_lots", "trade_id", "fee_atoms")
CONTROL_DTYPE: Final = _with_body("code", "value", "reserved_0", "reserved_1", "reserved_2")

INTENT_DTYPE: Final = np.dtype(
    [
        ("order_id", "<u8"),
        ("instrument", "<u2"),
        ("action", "<u1"),
        ("side", "<u1"),
        ("type", "<u1"),
        ("tif", "<u1"),
        ("flags", "<u1"),
        ("reason", "<u1"),
        ("price_ticks", "<i8"),
        ("qty_lots", "<i8"),
        ("ts_ns", "<i8"),
        ("generation", "<u8"),
        ("trigger_ticks", "<i8"),
        ("score", "<f8"),
    ]
)

WORD_DTYPE: Final = np.dtype("<u8")
