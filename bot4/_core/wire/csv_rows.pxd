"""Rows of Binance's public CSV dumps turned into events, one line at a time, nothing allocated.

A kind fixes the columns; a grid fixes the ticks and lots. A refused row writes no event and says why.
"""

from libc.stdint cimport uint16_t

from bot4._core.types cimport Event
from bot4._core.wire.decimal cimport DecimalGrid


cpdef enum CsvKind:
    CSV_TRADES = 0        # id,price,qty,quote_qty,time,is_buyer_maker[,is_best_match]
    CSV_AGG_TRADES = 1    # agg_id,price,qty,first_id,last_id,time,is_buyer_maker[,is_best_match]
    CSV_KLINES = 2        # open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy,taker_buy_quote,ignore


cpdef enum CsvVerdict:
    CSV_OK = 0
    CSV_SKIPPED = 1           # blank line, or the header on a file's first line
    CSV_BAD_COLUMNS = 2       # not the number of columns of this kind
    CSV_BAD_NUMBER = 3        # not a plain decimal (1e-5, 01, 1.), or beyond int64 in steps
    CSV_BAD_ID = 4            # not a whole number, or the first id after the last
    CSV_BAD_TIME = 5          # not a stamp in ms or us, or a bar that closes before it opens
    CSV_BAD_FLAG = 6          # neither true nor false
    CSV_PRICE_OFF_GRID = 7
    CSV_QTY_OFF_GRID = 8
    CSV_NOT_POSITIVE = 9      # a price or a traded quantity of 0 or below
    CSV_BAD_BAR = 10          # high below open or close, low above them, or more bought by takers than traded
    CSV_VERDICTS = 11         # how many there are


ctypedef struct CsvGrid:
    DecimalGrid tick
    DecimalGrid lot
    uint16_t instrument


# Events of one line without its line end: at most two, `count` says how many. Returns a CsvVerdict.
cdef int csv_row(
    const CsvGrid* grid, int kind, const char* line, size_t length, bint first_line, Event* out, size_t* count,
) noexcept nogil
