# cython: language_level=3
"""The feature bank of one instrument and one bar interval.

1. An input is taken in whole or refused whole; a refused one changes nothing but its counter.
2. A feature is NaN and not ready until its warm-up is complete, and finite and ready from then on.
3. Bars come from the bank's own trades or ready-made; one that begins before the last one ended is refused, so an
   interval is never counted twice.
4. The state holds no pointer: its bytes are the snapshot, and the same inputs give the same bytes.
"""

import numpy as np

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from bot4._core.ta.bars cimport BAR_CLOSED, bars_on_time, bars_on_trade, bars_start
from bot4._core.ta.channels cimport channels_on_bar
from bot4._core.ta.elementary cimport UNDEFINED
from bot4._core.ta.history cimport history_push
from bot4._core.ta.inputs cimport INPUT_OK, INPUT_STALE_BAR, check_bar, check_top, check_trade, int64_rows
from bot4._core.ta.inputs import InputVerdict as _InputVerdict
from bot4._core.ta.microstructure cimport microstructure_on_top, microstructure_on_trade, microstructure_start
from bot4._core.ta.momentum cimport momentum_on_bar, momentum_start
from bot4._core.ta.registry cimport (
    CLOCK_BAR,
    CLOCK_QUOTE,
    CLOCK_QUOTED_TRADE,
    CLOCK_TOP,
    CLOCK_TRADE,
    FEATURE_CAPACITY,
    FEATURE_COUNT,
)
from bot4._core.ta.registry import FEATURES as _FEATURES
from bot4._core.ta.registry import FeatureClock as _FeatureClock
from bot4._core.ta.registry import check_registry as _check_registry
from bot4._core.ta.snapshot cimport snapshot_pack, snapshot_unpack
from bot4._core.ta.statistics cimport statistics_on_bar
from bot4._core.ta.trend cimport trend_on_bar, trend_start
from bot4._core.ta.volatility cimport volatility_on_bar, volatility_start
from bot4._core.ta.volume cimport volume_on_bar
from bot4._core.types cimport BOT4_ASSERT, Bar, TopOfBook, aligned_zalloc, hash_mix

# Raise it whenever a change of a kernel gives an old state a new meaning.
cdef uint64_t STATE_VERSION = 1


cdef inline int _refuse(FeatureBank* bank, int verdict) noexcept nogil:
    bank.refused[verdict] += 1
    return verdict


cdef void _mark_ready(FeatureBank* bank, int clock) noexcept nogil:
    cdef int i
    for i in range(FEATURE_COUNT):
        if bank.clock[i] == clock and bank.counts[clock] >= bank.warm_up[i]:
            bank.ready[i >> 6] |= <uint64_t>1 << (i & 63)


cdef inline void _tick_clock(FeatureBank* bank, int clock) noexcept nogil:
    bank.counts[clock] += 1
    if bank.counts[clock] <= bank.longest[clock]:
        _mark_ready(bank, clock)


cdef inline void _take_bar(FeatureBank* bank, const Bar* bar) noexcept nogil:
    cdef double* values = &bank.values[0]
    bank.bar_boundary_ns = bar.close_time_ns
    history_push(&bank.history, bar)
    trend_on_bar(&bank.trend, &bank.history, values)
    momentum_on_bar(&bank.momentum, &bank.history, values)
    channels_on_bar(&bank.channels, &bank.history, values)
    volatility_on_bar(&bank.volatility, &bank.history, values)
    volume_on_bar(&bank.volume, &bank.history, values)
    statistics_on_bar(&bank.history, values)
    _tick_clock(bank, CLOCK_BAR)


cdef int bank_on_bar(FeatureBank* bank, const Bar* bar) noexcept nogil:
    cdef int verdict = check_bar(bar)
    if verdict != INPUT_OK:
        return _refuse(bank, verdict)
    if bar.open_time_ns < bank.bar_boundary_ns:
        return _refuse(bank, INPUT_STALE_BAR)
    _take_bar(bank, bar)
    return INPUT_OK


cdef inline void _take_own_bar(FeatureBank* bank, const Bar* bar) noexcept nogil:
    if bar.open_time_ns < bank.bar_boundary_ns:
        _refuse(bank, INPUT_STALE_BAR)
        return
    _take_bar(bank, bar)


cdef int bank_on_trade(
    FeatureBank* bank, int64_t price_ticks, int64_t qty_lots, bint seller_is_taker, int64_t ts_ns
) noexcept nogil:
    cdef Bar closed
    cdef int verdict = check_trade(price_ticks, qty_lots, ts_ns)
    if verdict != INPUT_OK:
        return _refuse(bank, verdict)
    microstructure_on_trade(
        &bank.microstructure, price_ticks, qty_lots, seller_is_taker, ts_ns, &bank.values[0]
    )
    _tick_clock(bank, CLOCK_TRADE)
    if bank.counts[<int>CLOCK_TOP]:
        _tick_clock(bank, CLOCK_QUOTED_TRADE)
    if bars_on_trade(&bank.bars, price_ticks, qty_lots, seller_is_taker, ts_ns, &closed) == BAR_CLOSED:
        _take_own_bar(bank, &closed)
    return INPUT_OK


cdef bint bank_on_time(FeatureBank* bank, int64_t now_ns) noexcept nogil:
    cdef Bar closed
    if not bars_on_time(&bank.bars, now_ns, &closed):
        return 0
    _take_own_bar(bank, &closed)
    return 1


cdef int bank_on_top(FeatureBank* bank, const TopOfBook* top, int64_t ts_ns) noexcept nogil:
    cdef int verdict = check_top(top, ts_ns)
    if verdict != INPUT_OK:
        return _refuse(bank, verdict)
    if microstructure_on_top(&bank.microstructure, top, &bank.values[0]):
        _tick_clock(bank, CLOCK_QUOTE)
    _tick_clock(bank, CLOCK_TOP)
    return INPUT_OK


cdef uint64_t bank_hash(const FeatureBank* bank) noexcept nogil:
    cdef const char* bytes = <const char*>bank
    cdef uint64_t hash = STATE_VERSION
    cdef uint64_t word
    cdef size_t i
    for i in range(0, sizeof(FeatureBank), 8):
        memcpy(&word, bytes + i, 8)
        hash = hash_mix(hash, word)
    return hash


cdef void _bank_start(FeatureBank* bank, double tick_size, double lot_size, int64_t bar_interval_ns):
    cdef int i
    memset(bank, 0, sizeof(FeatureBank))
    for i in range(FEATURE_CAPACITY):
        bank.values[i] = UNDEFINED
    for i, feature in enumerate(_FEATURES):
        bank.warm_up[i] = feature.warm_up
        bank.clock[i] = feature.clock
        bank.longest[bank.clock[i]] = max(bank.longest[bank.clock[i]], bank.warm_up[i])
    bank.history.tick_size = tick_size
    bank.history.lot_size = lot_size
    trend_start(&bank.trend)
    momentum_start(&bank.momentum)
    volatility_start(&bank.volatility)
    microstructure_start(&bank.microstructure, tick_size, lot_size)
    bars_start(&bank.bars, bar_interval_ns)


cdef class Features:
    """Streaming features of one instrument: give it bars, trades and tops of the book, read a vector.

    Batch methods run without the GIL. Not thread-safe: one owner at a time.

    Parameters
    ----------
    tick_size, lot_size : float
        Price of one tick (quote currency) and quantity of one lot (base currency), 1e-18 to 1e18.
    bar_interval_ns : int
        Length of the bars the bank makes from trades, nanoseconds, 1 to 2**61.

    Raises
    ------
    ValueError
        Where a parameter is not finite or out of range.

    >>> features = Features(0.01, 0.00001, 60_000_000_000)
    >>> bars = [[100 + i, 101 + i, 99 + i, 100 + i, 10, 5, 3, 60 * i, 60 * (i + 1)] for i in range(10)]
    >>> matrix = features.on_bars(bars)
    >>> matrix.shape == (10, len(features.names))
    True
    >>> round(features.value("sma_10"), 6), features.value("sma_20")
    (1.045, nan)
    """

    def __cinit__(self, double tick_size, double lot_size, int64_t bar_interval_ns):
        for name, size in (("tick_size", tick_size), ("lot_size", lot_size)):
            if not 1e-18 <= size <= 1e18:
                raise ValueError(f"{name} must be 1e-18 to 1e18, was {size}")
        if not 1 <= bar_interval_ns <= 1 << 61:
            raise ValueError(f"bar_interval_ns must be 1 to 2**61, was {bar_interval_ns}")
        self.bank = <FeatureBank*>aligned_zalloc(sizeof(FeatureBank))
        if self.bank is NULL:
            raise MemoryError
        _bank_start(self.bank, tick_size, lot_size, bar_interval_ns)

    def __dealloc__(self):
        free(self.bank)

    @property
    def names(self):
        """Names of the features, in the order of the vector."""
        return tuple(feature.name for feature in _FEATURES)

    def values(self):
        """Return a copy of the vector, float64, NaN where a feature is not ready."""
        vector = np.empty(FEATURE_COUNT)
        cdef double[::1] out = vector
        memcpy(&out[0], &self.bank.values[0], FEATURE_COUNT * sizeof(double))
        return vector

    def ready(self):
        """Return which features are ready, bool, in the order of the vector."""
        return np.array([bank_is_ready(self.bank, i) for i in range(FEATURE_COUNT)], dtype=np.bool_)

    def value(self, str name):
        """Return one feature; NaN where it is not ready; KeyError where there is none of that name."""
        for index, feature in enumerate(_FEATURES):
            if feature.name == name:
                return self.bank.values[index]
        raise KeyError(f"there is no feature {name!r}")

    @property
    def counts(self):
        """Accepted inputs by what they count as: bar, top, quote, trade, quoted_trade."""
        return {
            clock.name.removeprefix("CLOCK_").lower(): self.bank.counts[<int>clock]
            for clock in _FeatureClock if clock.name != "CLOCK_COUNT"
        }

    @property
    def refused(self):
        """Refused inputs by reason, and late trades, which the features of trades take in and the bars do not."""
        refused = {
            verdict.name.removeprefix("INPUT_").lower(): self.bank.refused[<int>verdict]
            for verdict in _InputVerdict if verdict.name not in ("INPUT_OK", "INPUT_VERDICTS")
        }
        return refused | {"late_trade": self.bank.bars.late_trades, "bar_volume": self.bank.bars.refused_trades}

    def on_bars(self, bars):
        """Take finished bars in and return the vector after each.

        Parameters
        ----------
        bars : array_like[int64], shape (n, 9)
            open, high, low, close (ticks), volume, taker-bought volume (lots), trades, open time, close time (ns).

        Returns
        -------
        ndarray[float64], shape (n, features)

        Raises
        ------
        TypeError, ValueError
            Where values are not integers, or the shape is another.
        """
        cdef const int64_t[:, ::1] rows = int64_rows(bars, 9, "bars")
        matrix = np.empty((rows.shape[0], FEATURE_COUNT))
        cdef double[:, ::1] out = matrix
        self._bars(rows, out)
        return matrix

    def apply_bars(self, bars):
        """Take finished bars in, as `on_bars`, and return how many were accepted."""
        return self._bars(int64_rows(bars, 9, "bars"), None)

    cdef int64_t _bars(self, const int64_t[:, ::1] rows, double[:, ::1] out):
        cdef int64_t accepted = 0
        cdef Py_ssize_t i
        cdef bint keep = out is not None
        with nogil:
            for i in range(rows.shape[0]):
                accepted += bank_on_bar(self.bank, <const Bar*>&rows[i, 0]) == INPUT_OK
                if keep:
                    memcpy(&out[i, 0], &self.bank.values[0], FEATURE_COUNT * sizeof(double))
        return accepted

    def on_trades(self, trades):
        """Take trades in and return the vector after each; bars they finish move the bar features.

        Parameters
        ----------
        trades : array_like[int64], shape (n, 4)
            price (ticks), quantity (lots), 1 where the seller was the taker else 0, time (ns).

        Returns
        -------
        ndarray[float64], shape (n, features)
        """
        cdef const int64_t[:, ::1] rows = int64_rows(trades, 4, "trades")
        matrix = np.empty((rows.shape[0], FEATURE_COUNT))
        cdef double[:, ::1] out = matrix
        self._trades(rows, out)
        return matrix

    def apply_trades(self, trades):
        """Take trades in, as `on_trades`, and return how many were accepted."""
        return self._trades(int64_rows(trades, 4, "trades"), None)

    cdef int64_t _trades(self, const int64_t[:, ::1] rows, double[:, ::1] out):
        cdef int64_t accepted = 0
        cdef Py_ssize_t i
        cdef bint keep = out is not None
        with nogil:
            for i in range(rows.shape[0]):
                accepted += bank_on_trade(self.bank, rows[i, 0], rows[i, 1], rows[i, 2] != 0, rows[i, 3]) == INPUT_OK
                if keep:
                    memcpy(&out[i, 0], &self.bank.values[0], FEATURE_COUNT * sizeof(double))
        return accepted

    def on_tops(self, tops):
        """Take tops of the book in and return the vector after each.

        Parameters
        ----------
        tops : array_like[int64], shape (n, 23)
            5 bid prices (ticks), 5 bid quantities (lots), 5 ask prices, 5 ask quantities, each best first and 0 beyond
            the last level; number of bid levels, number of ask levels, time (ns).

        Returns
        -------
        ndarray[float64], shape (n, features)
        """
        cdef const int64_t[:, ::1] rows = int64_rows(tops, 23, "tops")
        matrix = np.empty((rows.shape[0], FEATURE_COUNT))
        cdef double[:, ::1] out = matrix
        self._tops(rows, out)
        return matrix

    def apply_tops(self, tops):
        """Take tops of the book in, as `on_tops`, and return how many were accepted."""
        return self._tops(int64_rows(tops, 23, "tops"), None)

    cdef int64_t _tops(self, const int64_t[:, ::1] rows, double[:, ::1] out):
        cdef int64_t accepted = 0
        cdef Py_ssize_t i
        cdef bint keep = out is not None
        cdef TopOfBook top
        with nogil:
            for i in range(rows.shape[0]):
                memcpy(&top, &rows[i, 0], 20 * sizeof(int64_t))
                # A count that is not 1 to 5 must not become one by losing its high bits.
                top.bid_levels = <int>rows[i, 20] if 0 <= rows[i, 20] <= 5 else -1
                top.ask_levels = <int>rows[i, 21] if 0 <= rows[i, 21] <= 5 else -1
                accepted += bank_on_top(self.bank, &top, rows[i, 22]) == INPUT_OK
                if keep:
                    memcpy(&out[i, 0], &self.bank.values[0], FEATURE_COUNT * sizeof(double))
        return accepted

    def on_time(self, int64_t now_ns):
        """Finish the bank's own open bar if `now_ns` is at or past its end; whether it did."""
        return bank_on_time(self.bank, now_ns)

    def state_hash(self):
        """Return a 64-bit hash of the whole state; equal inputs give equal hashes on every machine."""
        return bank_hash(self.bank)

    def snapshot(self):
        """Return the whole state as bytes, stamped with its meaning and hash; `restore` takes it back."""
        return snapshot_pack(self.bank, sizeof(FeatureBank), bank_hash(self.bank), self._meaning())

    def restore(self, bytes snapshot):
        """Take the state of a snapshot in place of this one.

        Raises
        ------
        ValueError
            Where the bytes are damaged, or of another version, feature list, tick size, lot size or bar interval;
            the state stays as it was.
        """
        cdef FeatureBank* other = <FeatureBank*>aligned_zalloc(sizeof(FeatureBank))
        if other is NULL:
            raise MemoryError
        try:
            hash = snapshot_unpack(snapshot, other, sizeof(FeatureBank), self._meaning())
            if hash != bank_hash(other):
                raise ValueError("a snapshot must carry the hash of its state, did not: it is damaged")
            # In place: the engine may hold the pointer.
            memcpy(self.bank, other, sizeof(FeatureBank))
        finally:
            free(other)

    cdef str _meaning(self):
        """What must agree for one bank's bytes to mean the same in another."""
        features = ",".join(f"{f.name}#{f.number}({f.parameters}){f.warm_up}/{int(f.clock)}" for f in _FEATURES)
        return (
            f"version {STATE_VERSION}, tick size {self.bank.history.tick_size!r}, "
            f"lot size {self.bank.history.lot_size!r}, bar interval {self.bank.bars.interval_ns} ns, features {features}"
        )


_check_registry(_FEATURES)
BOT4_ASSERT(sizeof(FeatureBank) % 8 == 0 and sizeof(Bar) == 72 and sizeof(TopOfBook) == 168)
