# cython: language_level=3
"""Raw Binance frames to events, straight from the receive buffer (docs/wire.md has the shapes and the refusals)."""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free
from libc.string cimport memcpy

import numpy as np

from bot4._core.types cimport aligned_zalloc
from bot4._core.wire.decimal cimport DecimalGrid, Grid
from bot4._core.event_dtype import EVENT_DTYPE


cdef extern from "bot4/scan.h" nogil:
    const int MAX_INSTRUMENTS "BOT4_MAX_INSTRUMENTS"
    const int SYMBOL_BYTES "BOT4_SYMBOL_BYTES"
    const int VERDICTS "SCAN_VERDICTS"

    ctypedef struct Symbol "bot4_symbol":
        pass

    int scan_into "bot4_scan_frame"(
        ScannerState* scanner, const char* frame, size_t length, int64_t recv_ns, int default_instrument,
        Event* out, size_t capacity, size_t* count
    ) noexcept
    int symbol_from "bot4_symbol_from"(const char* text, size_t length, Symbol* symbol) noexcept
    int symbol_find "bot4_symbol_find"(SymbolTable* table, const Symbol* symbol) noexcept
    int symbol_add "bot4_symbol_add"(
        SymbolTable* table, const Symbol* symbol, const DecimalGrid* price, const DecimalGrid* qty, int skips_off_tick
    ) noexcept


cdef int scan_frame(
    ScannerState* scanner, const char* frame, size_t length, int64_t recv_ns, int default_instrument,
    Event* out, size_t capacity, size_t* count
) noexcept nogil:
    return scan_into(scanner, frame, length, recv_ns, default_instrument, out, capacity, count)


cdef class Scanner:
    """Scanner of one feed: the instruments it knows, and how many frames met which verdict.

    Parameters
    ----------
    max_events : int
        Most events one frame may give through `scan`; a frame of more is refused as too_many_levels. A REST snapshot of
        5,000 levels a side takes 10,001.

    Raises
    ------
    ValueError
        `max_events` is not between 2 and 1,048,576.

    Notes
    -----
    One thread at a time. Nothing is allocated by the compiled `scan_frame`; `scan` allocates the array it returns.

    >>> scanner = Scanner()
    >>> scanner.add_instrument("BTCUSDT", "0.01", "0.00001")
    0
    >>> frame = b'{"u":7,"s":"BTCUSDT","b":"61837.63","B":"3.5","a":"61837.64","A":"1.25"}'
    >>> [int(word) for word in scanner.scan(frame, recv_ns=1)[0]][7:]
    [6183763, 350000, 6183764, 125000, 7]
    >>> len(scanner.scan(frame[:-1], recv_ns=2)), scanner.last_verdict
    (0, 'truncated')
    """

    def __cinit__(self, int max_events = 16_384) -> None:
        if not 2 <= max_events <= 1 << 20:
            raise ValueError(f"max_events must be between 2 and {1 << 20}, was {max_events}")
        self.capacity = max_events
        self.state = <ScannerState*>aligned_zalloc(sizeof(ScannerState))
        self.scratch = <Event*>aligned_zalloc(<size_t>max_events * sizeof(Event))
        if self.state == NULL or self.scratch == NULL:
            raise MemoryError
        self.verdict = SCAN_IGNORED

    def __dealloc__(self) -> None:
        free(self.state)
        free(self.scratch)

    def add_instrument(
        self, symbol: str, tick_size: str, lot_size: str, *, skip_off_tick_levels: bool = False
    ) -> int:
        """Make a symbol known, before its first frame.

        Parameters
        ----------
        symbol : str
            The venue's own spelling (Binance: upper case), 1 to 32 bytes of UTF-8.
        tick_size, lot_size : str
            Steps of price and quantity as the venue prints them ("0.01000000" is "0.01"). Take for `lot_size` the
            precision of the balances ("0.00000001" on Binance spot) where orders older than a change of the venue's lot
            size may rest in the book.
        skip_off_tick_levels : bool
            Leave depth levels between two ticks out of the events, and count them, instead of refusing the frame: where a
            venue made its tick coarser, older orders rest between the ticks of today.

        Returns
        -------
        int
            Index that the events carry in `instrument`: 0, 1, 2, ...

        Raises
        ------
        ValueError
            The symbol is too long, empty or there already; a step is no plain decimal above zero; the table is full.
        """
        cdef Symbol key
        cdef bytes text = symbol.encode()
        cdef Grid price = Grid(tick_size)
        cdef Grid qty = Grid(lot_size)
        if not symbol_from(text, len(text), &key):
            raise ValueError(f"a symbol must be 1 to {SYMBOL_BYTES} bytes, was {symbol!r}")
        cdef int index = symbol_add(&self.state.symbols, &key, &price.grid, &qty.grid, skip_off_tick_levels)
        if index == -1:
            raise ValueError(f"a scanner must have at most {MAX_INSTRUMENTS} instruments, {symbol!r} is one more")
        if index == -2:
            raise ValueError(f"a symbol must be added once, {symbol!r} is there already")
        return index

    def instrument(self, symbol: str) -> int:
        """Index of `symbol`, -1 where it was not added."""
        cdef Symbol key
        cdef bytes text = symbol.encode()
        return symbol_find(&self.state.symbols, &key) if symbol_from(text, len(text), &key) else -1

    def scan(self, frame: bytes | memoryview, recv_ns: int, default_instrument: int = -1) -> np.ndarray:
        """Events of one frame.

        Parameters
        ----------
        frame : bytes-like, contiguous
            One whole websocket message or REST body.
        recv_ns : int
            Our receive stamp, ns UTC; copied into the events.
        default_instrument : int
            Index that a snapshot without a symbol is of; -1 refuses such a snapshot.

        Returns
        -------
        ndarray[EVENT_DTYPE], shape (n,)
            Empty unless `last_verdict` is "ok".
        """
        cdef const unsigned char[::1] view = frame
        cdef size_t count = 0
        cdef size_t length = view.shape[0]
        self._check_default(default_instrument)
        self.verdict = scan_frame(
            self.state, <const char*>&view[0] if length else NULL, length, recv_ns, default_instrument,
            self.scratch, self.capacity, &count
        )
        out = np.empty(count, dtype=EVENT_DTYPE)
        cdef unsigned char[::1] target
        if count:
            target = out.view(np.uint8)
            memcpy(&target[0], self.scratch, count * sizeof(Event))
        return out

    def scan_many(
        self, data: bytes | memoryview, offsets: np.ndarray, recv_ns: np.ndarray, out: np.ndarray,
        verdicts: np.ndarray, int default_instrument = -1
    ) -> tuple[int, int]:
        """Scan a batch of frames that lie behind one another, without the GIL.

        Parameters
        ----------
        data : bytes-like, contiguous
        offsets : ndarray[int64], shape (n + 1,)
            Frame i is data[offsets[i]:offsets[i + 1]]; never falling, within `data`.
        recv_ns : ndarray[int64], shape (n,)
        out : ndarray[EVENT_DTYPE], shape (m,)
            Takes the events.
        verdicts : ndarray[uint8], shape (n,)
            Takes the ScanVerdict of each frame.
        default_instrument : int
            As in `scan`.

        Returns
        -------
        tuple[int, int]
            Frames done and events written. Fewer frames than given means that `out` had no room for the next one, which
            was not counted: empty `out` and go on from there. A frame that an empty `out` cannot hold is refused.

        Raises
        ------
        ValueError
            The arrays do not fit one another, or an offset leaves `data`.
        """
        cdef const unsigned char[::1] bytes_view = data
        cdef const int64_t[::1] starts = offsets
        cdef const int64_t[::1] stamps = recv_ns
        cdef uint8_t[::1] results = verdicts
        if out.dtype != EVENT_DTYPE or out.ndim != 1 or not out.flags.c_contiguous:
            raise ValueError(f"out must be a contiguous one-dimensional array of EVENT_DTYPE, was {out.dtype}")
        cdef unsigned char[::1] target = out.view(np.uint8)
        cdef Py_ssize_t frames = stamps.shape[0]
        cdef size_t room = out.shape[0]
        cdef size_t written = 0, count = 0
        cdef Py_ssize_t done = 0
        cdef int verdict
        cdef Event* events = <Event*>&target[0] if room else NULL
        cdef const char* first = <const char*>&bytes_view[0] if bytes_view.shape[0] else NULL
        self._check_default(default_instrument)
        if starts.shape[0] != frames + 1 or results.shape[0] != frames:
            raise ValueError(
                f"n frames need n + 1 offsets and n verdicts, was {frames}, {starts.shape[0]} and {results.shape[0]}"
            )
        steps = np.diff(offsets)
        if starts[0] < 0 or starts[frames] > bytes_view.shape[0] or (frames and steps.min() < 0):
            raise ValueError(f"offsets must rise from 0 to at most {bytes_view.shape[0]}")
        with nogil:
            while done < frames:
                verdict = scan_frame(
                    self.state, first + starts[done], starts[done + 1] - starts[done], stamps[done], default_instrument,
                    events + written, room - written, &count
                )
                if verdict == SCAN_TOO_MANY_LEVELS and written:
                    self.state.count[<int>SCAN_TOO_MANY_LEVELS] -= 1
                    break
                results[done] = verdict
                written += count
                done += 1
        return done, written

    cdef int _check_default(self, int index) except -1:
        if not -1 <= index < self.state.symbols.count:
            raise ValueError(f"default_instrument must be -1 or the index of an instrument, was {index}")
        return 0

    @property
    def last_verdict(self) -> str:
        """Verdict of the last `scan`: "ok", "ignored", or why the frame was refused."""
        return _NAMES[self.verdict]

    @property
    def counters(self) -> dict[str, int]:
        """Frames by verdict since the start; ignored_zero_trade and ignored_off_book are parts of ignored.

        skipped_off_tick_level counts levels, not frames.
        """
        counts = {_NAMES[i]: self.state.count[i] for i in range(VERDICTS)}
        counts["ignored_zero_trade"] = self.state.zero_trades
        counts["ignored_off_book"] = self.state.off_book_trades
        counts["skipped_off_tick_level"] = self.state.off_tick_levels
        return counts

    @property
    def refused(self) -> int:
        """Frames refused since the start, for whatever reason."""
        return sum([self.state.count[i] for i in range(<int>SCAN_MALFORMED, VERDICTS)])


_NAMES = [verdict.name.removeprefix("SCAN_").lower() for verdict in ScanVerdict]
