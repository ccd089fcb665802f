# cython: language_level=3
"""Time bars from trades, or from the bars of a shorter interval.

1. A bar covers [k interval, (k + 1) interval) of the trades' own time, not of the clock on the wall.
2. A bar is finished by the first trade at or after its end, or by a timer that says so; never earlier.
3. An interval without trades makes no bar. A gap shows as open times further apart than the interval, and one trade
   finishes at most one bar, so the work of a trade is bounded however long the silence was.
4. A trade of an earlier interval is late: refused and counted. Within the bar, the order of arrival counts.
5. A bar's volume stays within 2**53 lots; the trade that would pass it is refused and counted. Of a shorter bar that
   would pass it, the prices are taken in, the volume is not, and it is counted.
6. A bar of shorter bars holds those that open within it, and is finished as soon as the time of an input has reached its
   end: never by what comes after that input.
"""

import numpy as np

from libc.stdint cimport int64_t
from libc.string cimport memset

from bot4._core.ta.elementary cimport QUANTITY_MAX
from bot4._core.ta.inputs cimport INPUT_OK, check_trade, int64_rows
from bot4._core.types cimport Bar

_TIME_MAX = 1 << 62
cdef int64_t _TRADES_MAX = (<int64_t>1) << 62    # a bar's count of trades stays where it would pass this


cdef void bars_start(TimeBars* b, int64_t interval_ns) noexcept nogil:
    memset(b, 0, sizeof(TimeBars))
    b.interval_ns = interval_ns


cdef inline void _finish(TimeBars* b, Bar* closed) noexcept nogil:
    closed[0] = b.open_bar
    b.boundary_ns = b.open_bar.close_time_ns
    b.bars += 1
    b.is_open = 0


cdef inline void _open(TimeBars* b, int64_t ts_ns) noexcept nogil:
    b.is_open = 1
    b.open_bar.open_time_ns = ts_ns - ts_ns % b.interval_ns
    b.open_bar.close_time_ns = b.open_bar.open_time_ns + b.interval_ns
    b.boundary_ns = b.open_bar.open_time_ns
    b.open_bar.volume_lots = b.open_bar.taker_buy_lots = b.open_bar.trade_count = 0


cdef int bars_on_trade(
    TimeBars* b, int64_t price_ticks, int64_t qty_lots, bint seller_is_taker, int64_t ts_ns, Bar* closed
) noexcept nogil:
    cdef Bar* bar = &b.open_bar
    cdef int verdict = BAR_OPEN
    if check_trade(price_ticks, qty_lots, ts_ns) != INPUT_OK:
        b.refused_trades += 1
        return BAR_REFUSED
    if ts_ns < b.boundary_ns:
        b.late_trades += 1
        return BAR_LATE
    if b.is_open and ts_ns >= bar.close_time_ns:
        _finish(b, closed)
        verdict = BAR_CLOSED
    if not b.is_open:
        _open(b, ts_ns)
        bar.open_ticks = bar.high_ticks = bar.low_ticks = price_ticks
    elif bar.volume_lots > QUANTITY_MAX - qty_lots:
        b.refused_trades += 1
        return BAR_REFUSED
    if price_ticks > bar.high_ticks:
        bar.high_ticks = price_ticks
    if price_ticks < bar.low_ticks:
        bar.low_ticks = price_ticks
    bar.close_ticks = price_ticks
    bar.volume_lots += qty_lots
    if not seller_is_taker:
        bar.taker_buy_lots += qty_lots
    bar.trade_count += 1
    return verdict


cdef bint bars_on_time(TimeBars* b, int64_t now_ns, Bar* closed) noexcept nogil:
    if not b.is_open or now_ns < b.open_bar.close_time_ns:
        return 0
    _finish(b, closed)
    return 1


cdef void bars_on_bar(TimeBars* b, const Bar* part) noexcept nogil:
    cdef Bar* bar = &b.open_bar
    if not b.is_open:
        _open(b, part.open_time_ns)
        bar.open_ticks = part.open_ticks
        bar.high_ticks = part.high_ticks
        bar.low_ticks = part.low_ticks
    bar.high_ticks = max(bar.high_ticks, part.high_ticks)
    bar.low_ticks = min(bar.low_ticks, part.low_ticks)
    bar.close_ticks = part.close_ticks
    if part.trade_count <= _TRADES_MAX - bar.trade_count:
        bar.trade_count += part.trade_count
    if bar.volume_lots > QUANTITY_MAX - part.volume_lots:
        b.refused_trades += 1
        return
    bar.volume_lots += part.volume_lots
    bar.taker_buy_lots += part.taker_buy_lots


cdef tuple _bar_row(const Bar* bar):
    return (
        bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks, bar.volume_lots, bar.taker_buy_lots,
        bar.trade_count, bar.open_time_ns, bar.close_time_ns,
    )


cdef class TimeBarBuilder:
    """Time bars of one instrument from its trades. Not thread-safe: one owner.

    Parameters
    ----------
    interval_ns : int
        Length of a bar, nanoseconds, 1 to 2**61.

    Raises
    ------
    ValueError
        Where the interval is outside that range.

    >>> builder = TimeBarBuilder(1_000)
    >>> builder.on_trades([[100, 5, 0, 10], [103, 2, 1, 990], [101, 1, 0, 2_500]])[:, :7].tolist()
    [[100, 103, 100, 103, 7, 5, 2]]
    >>> builder.on_time(3_000)
    (101, 101, 101, 101, 1, 1, 1, 2000, 3000)
    """

    def __cinit__(self, int64_t interval_ns):
        if not 1 <= interval_ns <= _TIME_MAX >> 1:
            raise ValueError(f"interval_ns must be 1 to 2**61, was {interval_ns}")
        bars_start(&self.bars, interval_ns)

    def on_trades(self, trades):
        """Take trades in and return the bars they finished.

        Parameters
        ----------
        trades : array_like[int64], shape (n, 4)
            price (ticks), quantity (lots), 1 where the seller was the taker else 0, time (ns).

        Returns
        -------
        ndarray[int64], shape (bars, 9)
            open, high, low, close (ticks), volume, taker-bought volume (lots), trades, open time, close time (ns).

        Raises
        ------
        TypeError
            Where the values are not integers.
        ValueError
            Where there are not four columns.
        """
        cdef const int64_t[:, ::1] rows = int64_rows(trades, 4, "trades")
        cdef Bar closed
        finished = []
        for i in range(rows.shape[0]):
            if bars_on_trade(&self.bars, rows[i, 0], rows[i, 1], rows[i, 2] != 0, rows[i, 3], &closed) == BAR_CLOSED:
                finished.append(_bar_row(&closed))
        return np.array(finished, dtype=np.int64).reshape(-1, 9)

    def on_time(self, int64_t now_ns):
        """Finish the open bar if `now_ns` is at or past its end; the bar's nine values, else None."""
        cdef Bar closed
        return _bar_row(&closed) if bars_on_time(&self.bars, now_ns, &closed) else None

    @property
    def late_trades(self):
        """Trades refused because they belong before the open bar."""
        return self.bars.late_trades

    @property
    def refused_trades(self):
        """Trades refused because a value was out of range."""
        return self.bars.refused_trades
