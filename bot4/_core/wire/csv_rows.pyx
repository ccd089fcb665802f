# cython: language_level=3
"""Reader of Binance's public CSV dumps: trades, aggTrades and klines, with or without a header row.

Columns (Source: github.com/binance/binance-public-data, README, read 2026-11):

========== ==================================================================================================
kind       columns
========== ==================================================================================================
trades     id, price, qty, quote (or base) qty, time, is_buyer_maker; spot adds is_best_match
aggTrades  agg id, price, qty, first id, last id, time, is_buyer_maker; spot adds is_best_match
klines     open time, open, high, low, close, volume, close time, quote volume, count, taker buy volume,
           taker buy quote volume, ignore
========== ==================================================================================================

Times are milliseconds, or microseconds in spot dumps since 2025-01-01; the magnitude tells. A dump has no receive
stamp: `recv_ns` equals `venue_ns`. A bar is known when it closes, so its events carry the first nanosecond after it:
a replay that stamped it with its open would look ahead.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t
from libc.string cimport memchr, memcpy, memset

import numpy as np

from bot4._core.types cimport (
    EVENT_AGG_TRADE, EVENT_BAR_FLOW, EVENT_BAR_PRICES, EVENT_TRADE, FLAG_BAR_CLOSED, FLAG_BUYER_IS_MAKER, FLAG_FIRST,
    FLAG_LAST, SIDE_BUY, SIDE_SELL, Event,
)
from bot4._core.wire.capture cimport capture_stamp_ns
from bot4._core.wire.decimal cimport DECIMAL_NEGATIVE, DECIMAL_OFF_GRID, DECIMAL_OK, DecimalGrid, Grid, decimal_parse

from bot4._core.event_dtype import EVENT_DTYPE

cdef enum:
    _MAX_COLUMNS = 13


_VERDICT_NAMES = (
    "ok", "skipped", "bad_columns", "bad_number", "bad_id", "bad_time", "bad_flag", "off_tick", "off_lot",
    "not_positive", "bad_bar",
)


cdef struct Field:
    const char* start
    size_t length


cdef inline bint _is_digit(char c) noexcept nogil:
    return c >= c'0' and c <= c'9'


cdef inline int _steps(const DecimalGrid* grid, const Field* field, int off_grid, int64_t* steps) noexcept nogil:
    cdef int verdict = decimal_parse(grid, field.start, field.length, steps)
    if verdict == DECIMAL_OK:
        return CSV_OK
    if verdict == DECIMAL_OFF_GRID:
        return off_grid
    return CSV_NOT_POSITIVE if verdict == DECIMAL_NEGATIVE else CSV_BAD_NUMBER


cdef int _whole(const Field* field, int64_t* value) noexcept nogil:
    cdef size_t i
    cdef int64_t total = 0
    if field.length == 0 or field.length > 18:
        return CSV_BAD_ID
    for i in range(field.length):
        if not _is_digit(field.start[i]):
            return CSV_BAD_ID
        total = total * 10 + (field.start[i] - c'0')
    value[0] = total
    return CSV_OK


cdef int _decimal_shape(const Field* field) noexcept nogil:
    """A column we do not keep must still be a number: a shifted column shows here."""
    cdef size_t i = 0
    cdef bint point = False
    if field.length and field.start[0] == c'-':
        i = 1
    if i == field.length:
        return CSV_BAD_NUMBER
    while i < field.length:
        if field.start[i] == c'.' and not point:
            point = True
        elif not _is_digit(field.start[i]):
            return CSV_BAD_NUMBER
        i += 1
    return CSV_OK


cdef int _truth(const Field* field, bint* value) noexcept nogil:
    cdef const char* word = b"true"
    cdef size_t i
    if field.length == 5:
        word = b"false"
    elif field.length != 4:
        return CSV_BAD_FLAG
    for i in range(field.length):
        if (field.start[i] | 0x20) != word[i]:
            return CSV_BAD_FLAG
    value[0] = field.length == 4
    return CSV_OK


cdef int _time_ns(const Field* field, int64_t* stamp_ns) noexcept nogil:
    if field.length < 12:
        return CSV_BAD_TIME
    stamp_ns[0] = capture_stamp_ns(field.start, field.length)
    return CSV_OK if stamp_ns[0] > 0 else CSV_BAD_TIME


cdef void _open_event(Event* event, int kind, const CsvGrid* grid, int64_t stamp_ns, int flags) noexcept nogil:
    memset(event, 0, sizeof(Event))
    event.kind = kind
    event.flags = flags
    event.instrument = grid.instrument
    event.venue_ns = stamp_ns
    event.recv_ns = stamp_ns


cdef int _trade_row(const CsvGrid* grid, int kind, Field* fields, int columns, Event* out) noexcept nogil:
    cdef int64_t trade_id, first_id, last_id, price, qty, stamp_ns
    cdef bint buyer_is_maker, best_match
    cdef int at = 5 if kind == CSV_AGG_TRADES else 4
    cdef int verdict
    if columns != at + 2 and columns != at + 3:
        return CSV_BAD_COLUMNS
    verdict = _whole(&fields[0], &trade_id)
    first_id = last_id = trade_id
    if verdict == CSV_OK:
        verdict = _steps(&grid.tick, &fields[1], CSV_PRICE_OFF_GRID, &price)
    if verdict == CSV_OK:
        verdict = _steps(&grid.lot, &fields[2], CSV_QTY_OFF_GRID, &qty)
    if kind == CSV_AGG_TRADES:
        if verdict == CSV_OK:
            verdict = _whole(&fields[3], &first_id)
        if verdict == CSV_OK:
            verdict = _whole(&fields[4], &last_id)
        if verdict == CSV_OK and last_id < first_id:
            verdict = CSV_BAD_ID
    elif verdict == CSV_OK:
        verdict = _decimal_shape(&fields[3])
    if verdict == CSV_OK:
        verdict = _time_ns(&fields[at], &stamp_ns)
    if verdict == CSV_OK:
        verdict = _truth(&fields[at + 1], &buyer_is_maker)
    if verdict == CSV_OK and columns == at + 3:
        verdict = _truth(&fields[at + 2], &best_match)
    if verdict != CSV_OK:
        return verdict
    if price <= 0 or qty <= 0:
        return CSV_NOT_POSITIVE
    _open_event(out, EVENT_AGG_TRADE if kind == CSV_AGG_TRADES else EVENT_TRADE, grid, stamp_ns, FLAG_FIRST | FLAG_LAST)
    if buyer_is_maker:
        out.flags |= FLAG_BUYER_IS_MAKER
    out.side = SIDE_SELL if buyer_is_maker else SIDE_BUY  # the taker's
    out.body.trade.price_ticks = price
    out.body.trade.qty_lots = qty
    out.body.trade.trade_id = trade_id
    out.body.trade.first_id = first_id
    out.body.trade.last_id = last_id
    return CSV_OK


cdef int _kline_row(const CsvGrid* grid, Field* fields, int columns, Event* out) noexcept nogil:
    cdef int64_t open_ns, close_ns, count, volume, taker_buy
    cdef int64_t prices[4]
    cdef int i, verdict
    if columns != 12:
        return CSV_BAD_COLUMNS
    verdict = _time_ns(&fields[0], &open_ns)
    for i in range(4):
        if verdict == CSV_OK:
            verdict = _steps(&grid.tick, &fields[1 + i], CSV_PRICE_OFF_GRID, &prices[i])
    if verdict == CSV_OK:
        verdict = _steps(&grid.lot, &fields[5], CSV_QTY_OFF_GRID, &volume)
    if verdict == CSV_OK:
        verdict = _time_ns(&fields[6], &close_ns)
    if verdict == CSV_OK:
        verdict = _decimal_shape(&fields[7])
    if verdict == CSV_OK:
        verdict = _whole(&fields[8], &count)
    if verdict == CSV_OK:
        verdict = _steps(&grid.lot, &fields[9], CSV_QTY_OFF_GRID, &taker_buy)
    if verdict == CSV_OK:
        verdict = _decimal_shape(&fields[10])
    if verdict != CSV_OK:
        return verdict
    # The close column is the last unit of the bar: one millisecond (or microsecond) before the next.
    close_ns += 1_000 if fields[6].length > 15 else 1_000_000
    if close_ns <= open_ns:
        return CSV_BAD_TIME
    for i in range(4):
        if prices[i] <= 0:
            return CSV_NOT_POSITIVE
    if prices[1] < prices[0] or prices[1] < prices[3] or prices[2] > prices[0] or prices[2] > prices[3]:
        return CSV_BAD_BAR
    if taker_buy > volume:
        return CSV_BAD_BAR
    _open_event(&out[0], EVENT_BAR_PRICES, grid, close_ns, FLAG_FIRST | FLAG_BAR_CLOSED)
    out[0].body.bar.open_ticks = prices[0]
    out[0].body.bar.high_ticks = prices[1]
    out[0].body.bar.low_ticks = prices[2]
    out[0].body.bar.close_ticks = prices[3]
    out[0].body.bar.open_time_ns = open_ns
    _open_event(&out[1], EVENT_BAR_FLOW, grid, close_ns, FLAG_LAST | FLAG_BAR_CLOSED)
    out[1].body.flow.volume_lots = volume
    out[1].body.flow.taker_buy_lots = taker_buy
    out[1].body.flow.trade_count = count
    out[1].body.flow.interval_ns = close_ns - open_ns
    out[1].body.flow.open_time_ns = open_ns
    return CSV_OK


cdef int csv_row(
    const CsvGrid* grid, int kind, const char* line, size_t length, bint first_line, Event* out, size_t* count,
) noexcept nogil:
    cdef Field fields[_MAX_COLUMNS]
    cdef int columns = 0
    cdef size_t start = 0, i
    cdef int verdict
    count[0] = 0
    if length and line[length - 1] == c'\r':
        length -= 1
    if length == 0 or (first_line and not _is_digit(line[0])):
        return CSV_SKIPPED
    for i in range(length + 1):
        if i == length or line[i] == c',':
            if columns == _MAX_COLUMNS:
                return CSV_BAD_COLUMNS
            fields[columns].start = line + start
            fields[columns].length = i - start
            columns += 1
            start = i + 1
    if kind == CSV_KLINES:
        verdict = _kline_row(grid, fields, columns, out)
        count[0] = 2 if verdict == CSV_OK else 0
    else:
        verdict = _trade_row(grid, kind, fields, columns, out)
        count[0] = 1 if verdict == CSV_OK else 0
    return verdict


cdef class CsvRows:
    """Reads the rows of one dump of one instrument. One thread at a time.

    Parameters
    ----------
    kind : int
        A ``CsvKind``.
    tick_size, lot_size : str
        The instrument's grid, as exact decimals.
    instrument : int
        Index the events carry.

    >>> from bot4._core.wire.csv_rows import CsvKind, CsvRows
    >>> rows = CsvRows(CsvKind.CSV_TRADES, "0.01", "0.00001")
    >>> events, lines, rejects = rows.parse(b"1,61837.63,0.5,30918.815,1723161255342,True\\n2,61837.635,1,1,1723161255342,True\\n")
    >>> int(events["a"][0]), int(events["b"][0]), rejects
    (6183763, 50000, [(2, 7)])
    """

    cdef CsvGrid grid
    cdef readonly int kind
    cdef readonly int64_t line_number
    cdef int64_t _counts[16]

    def __init__(self, int kind, str tick_size, str lot_size, int instrument=0):
        if not CSV_TRADES <= kind <= CSV_KLINES:
            raise ValueError(f"kind must be a CsvKind, was {kind}")
        if not 0 <= instrument <= 65535:
            raise ValueError(f"instrument must be 0 to 65535, was {instrument}")
        self.kind = kind
        cdef Grid tick = Grid(tick_size)
        cdef Grid lot = Grid(lot_size)
        self.grid.tick = tick.grid
        self.grid.lot = lot.grid
        self.grid.instrument = instrument

    def parse(self, data):
        """Parse the whole lines of a buffer.

        Parameters
        ----------
        data : bytes-like
            Ends at a line end; what follows the last one is not read.

        Returns
        -------
        events : ndarray of the event layout, shape (n,)
        lines : ndarray[int64], shape (n,)
            Line number of each event, counted from 1 over all calls.
        rejects : list of (int, int)
            Line number and CsvVerdict of each refused row.
        """
        cdef Py_buffer view
        cdef size_t found = 0
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            lines_max = bytes(data).count(b"\n") if not isinstance(data, bytes | bytearray) else data.count(b"\n")
            raw = np.zeros((lines_max * (2 if self.kind == CSV_KLINES else 1), 64), dtype=np.uint8)
            numbers = np.zeros(raw.shape[0], dtype=np.int64)
            rejects = []
            self._fill(<const char*>view.buf, <size_t>view.len, raw, numbers, rejects, &found)
        finally:
            PyBuffer_Release(&view)
        return raw[:found].view(EVENT_DTYPE)[:, 0], numbers[:found], rejects

    cdef int _fill(self, const char* base, size_t length, unsigned char[:, ::1] raw, int64_t[::1] numbers,
                   list rejects, size_t* found) except -1:
        cdef size_t position = 0, count, i
        cdef const char* end
        cdef int verdict
        cdef Event out[2]
        while position < length:
            end = <const char*>memchr(base + position, c'\n', length - position)
            if end == NULL:
                break
            self.line_number += 1
            verdict = csv_row(&self.grid, self.kind, base + position, <size_t>(end - base) - position,
                              self.line_number == 1, out, &count)
            self._counts[verdict] += 1
            for i in range(count):
                memcpy(&raw[found[0], 0], &out[i], sizeof(Event))
                numbers[found[0]] = self.line_number
                found[0] += 1
            if verdict > CSV_SKIPPED:
                rejects.append((self.line_number, verdict))
            position = <size_t>(end - base) + 1
        return 0

    @property
    def counts(self):
        """Rows by the name of their verdict (see `verdict_name`), over all calls."""
        return {name: self._counts[code] for code, name in enumerate(_VERDICT_NAMES)}


def verdict_name(int verdict):
    """Return the name of a CsvVerdict as reports write it.

    >>> verdict_name(CsvVerdict.CSV_PRICE_OFF_GRID)
    'off_tick'
    """
    if not 0 <= verdict < CSV_VERDICTS:
        raise ValueError(f"verdict must be a CsvVerdict, was {verdict}")
    return _VERDICT_NAMES[verdict]
