"""Layouts of the arrays a backtest reads in place."""

from __future__ import annotations

from bot4._core.array_dtypes import BAR_ROWS, FUNDING_ROWS, L2_ROWS, QUOTE_ROWS, TRADE_ROWS
from bot4._core.event_dtype import EVENT_DTYPE


class Rows:
    """NumPy dtypes of market data: prices in whole ticks, quantities in whole lots, stamps in nanoseconds UTC.

    ``venue_ns`` is when the venue did it (0: not known), ``recv_ns`` when we heard of it; rows go by ``recv_ns``.

    Attributes
    ----------
    QUOTES : venue_ns, recv_ns, bid_ticks, bid_lots, ask_ticks, ask_lots
        Best bid and ask.
    TRADES : venue_ns, recv_ns, price_ticks, qty_lots, taker_side
        Prints; taker_side 0 where the buyer took, 1 where the seller did.
    L2 : venue_ns, recv_ns, price_ticks, qty_lots, side, flags
        Levels of depth messages: what the level holds from now on, side 0 bid, 1 ask. Flag 2 is on the last row of a
        message, flag 4 on every row of one that replaces the book; the first message is one.
    BARS : open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, taker_buy_lots, trade_count, open_ns, close_ns
        Closed bars.
    FUNDING : time_ns, rate_e8, mark_ticks
        Settlements of a perpetual's funding, for the argument ``funding``: the rate in parts of 10^8 (10_000 is
        0.01 %), above 0 where who is long pays; mark_ticks 0 takes the mid of the moment.
    EVENTS
        The core's own 64-byte events, of any instrument.

    >>> Rows.QUOTES.itemsize, Rows.L2.itemsize
    (48, 40)

    """

    QUOTES = QUOTE_ROWS
    TRADES = TRADE_ROWS
    L2 = L2_ROWS
    BARS = BAR_ROWS
    FUNDING = FUNDING_ROWS
    EVENTS = EVENT_DTYPE
