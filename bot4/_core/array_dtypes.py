"""NumPy layouts of the rows that a backtest reads in place, and of what funding came to."""

from __future__ import annotations

import numpy as np

_STAMPS = [("venue_ns", "<i8"), ("recv_ns", "<i8")]
#: Best bid and ask at a moment: prices in ticks, quantities in lots, stamps in nanoseconds UTC.
QUOTE_ROWS = np.dtype([*_STAMPS, ("bid_ticks", "<i8"), ("bid_lots", "<i8"), ("ask_ticks", "<i8"), ("ask_lots", "<i8")])
#: A print; ``taker_side`` 0 where the buyer took, 1 where the seller did.
TRADE_ROWS = np.dtype([*_STAMPS, ("price_ticks", "<i8"), ("qty_lots", "<i8"), ("taker_side", "<i8")])
#: A level of a depth message: ``side`` 0 bid, 1 ask; ``flags`` 2 on the last row of a message, 4 on each of a snapshot.
L2_ROWS = np.dtype([*_STAMPS, ("price_ticks", "<i8"), ("qty_lots", "<i8"), ("side", "<i4"), ("flags", "<i4")])
#: A closed bar.
BAR_ROWS = np.dtype(
    [
        ("open_ticks", "<i8"),
        ("high_ticks", "<i8"),
        ("low_ticks", "<i8"),
        ("close_ticks", "<i8"),
        ("volume_lots", "<i8"),
        ("taker_buy_lots", "<i8"),
        ("trade_count", "<i8"),
        ("open_ns", "<i8"),
        ("close_ns", "<i8"),
    ]
)
#: A settlement of a perpetual's funding: ``rate_e8`` parts of 10^8, above 0 where who is long pays; ``mark_ticks`` 0:
#: the mid of the moment.
FUNDING_ROWS = np.dtype([("time_ns", "<i8"), ("rate_e8", "<i8"), ("mark_ticks", "<i8")])
#: What was paid at one of them, in atoms of the settle asset; below 0: received.
FUNDING_PAID = np.dtype(
    [
        ("instrument", "<i8"),
        ("time_ns", "<i8"),
        ("rate_e8", "<i8"),
        ("mark_ticks", "<i8"),
        ("position_lots", "<i8"),
        ("atoms", "<i8"),
        ("unpaid_atoms", "<i8"),
    ]
)
