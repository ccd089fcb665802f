# cython: language_level=3
"""The feature bank for Python: what to compute is chosen at the start, inputs go in one at a time or in arrays."""

import numpy as np

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from bot4._core.ta.bank cimport (
    FRAMES_MAX,
    STATE_VERSION,
    FeatureBank,
    bank_extra,
    bank_frame,
    bank_hash,
    bank_new,
    bank_on_bar,
    bank_on_reference,
    bank_on_time,
    bank_on_top,
    bank_on_trade,
    bank_place,
)
from bot4._core.ta.frame cimport FeaturePlan
from bot4._core.ta.inputs cimport INPUT_NOT_INTEGER, INPUT_OK, int64_rows
from bot4._core.ta.inputs import InputVerdict as _InputVerdict
from bot4._core.ta.registry cimport FEATURE_COUNT
from bot4._core.ta.registry import FEATURES as _FEATURES
from bot4._core.ta.registry import GROUPS as _GROUPS
from bot4._core.ta.registry import FeatureClock as _FeatureClock
from bot4._core.ta.registry import check_registry as _check_registry
from bot4._core.ta.registry import feature_index
from bot4._core.ta.selection import Garch, checked_garch, checked_intervals, choose, hidden_places
from bot4._core.ta.snapshot cimport snapshot_pack, snapshot_unpack
from bot4._core.ta.volatility cimport GarchFilter
from bot4._core.types cimport Bar, TopOfBook, aligned_zalloc

cdef enum:
    ROWS_BARS = 0
    ROWS_TOPS = 1
    ROWS_TRADES = 2

_ROWS = (("bars", 9), ("tops", 23), ("trades", 4))
_VERDICTS = tuple(
    (verdict.name.removeprefix("INPUT_").lower(), int(verdict))
    for verdict in _InputVerdict if verdict.name not in ("INPUT_OK", "INPUT_VERDICTS")
)
_CLOCKS = tuple(
    (clock.name.removeprefix("CLOCK_").lower(), int(clock)) for clock in _FeatureClock if clock.name != "CLOCK_COUNT"
)


cdef void _make_plan(FeaturePlan* plan, tuple chosen) except *:
    """What to compute for these features, and which of it nobody asked for."""
    cdef int i
    memset(plan, 0, sizeof(FeaturePlan))
    names = {feature.name for feature in chosen}
    for feature in chosen:
        plan.groups |= _GROUPS[feature.group]
    for i, feature in enumerate(_FEATURES):
        plan.clock[i] = feature.clock
        plan.warm_up[i] = feature.warm_up if feature.name in names else (<int64_t>1) << 62
        if feature.name in names:
            plan.longest[plan.clock[i]] = max(plan.longest[plan.clock[i]], plan.warm_up[i])
    hidden = hidden_places(chosen)
    for i, place in enumerate(hidden["bar"] + hidden["top"] + hidden["trade"]):
        plan.hidden[i] = place
    plan.hidden_bars = len(hidden["bar"])
    plan.hidden_tops = plan.hidden_bars + len(hidden["top"])
    plan.hidden_trades = plan.hidden_tops + len(hidden["trade"])


cdef inline int _take_row(FeatureBank* bank, int kind, const int64_t* row) noexcept nogil:
    cdef TopOfBook top
    if kind == ROWS_BARS:
        return bank_on_bar(bank, <const Bar*>row)
    if kind == ROWS_TRADES:
        return bank_on_trade(bank, row[0], row[1], row[2] != 0, row[3])
    memcpy(&top, row, 20 * sizeof(int64_t))
    # A count that is not 1 to 5 must not become one by losing its high bits.
    top.bid_levels = <int>row[20] if 0 <= row[20] <= 5 else -1
    top.ask_levels = <int>row[21] if 0 <= row[21] <= 5 else -1
    return bank_on_top(bank, &top, row[22])


cdef class Features:
    """Streaming features of one instrument: give it bars, trades and tops of the book, read a vector for each interval.

    Array methods run without the GIL. Not thread-safe: one owner at a time. As a buffer it is the vector of the shortest
    interval itself: `numpy.frombuffer(features)` shows every change without a copy.

    Parameters
    ----------
    tick_size, lot_size : float
        Price of one tick (quote currency) and quantity of one lot (base currency), 1e-18 to 1e18.
    bar_interval_ns : int
        Length of the bars the bank makes from trades, nanoseconds, 1 to 2**61.
    select : collection of str, "all" or None
        Features to compute; "all" is each whose parameters are there, None the 32 of the group `base`.
    longer_intervals_ns : sequence of int
        Multiples of `bar_interval_ns`, rising, at most 15: each has a vector of its own.
    garch : Garch, mapping of int to Garch, or None
        Fitted parameters of `garch_vol`, by interval (ns); alone they are the shortest interval's.
    vpin_bucket_lots : int
        Volume of a bucket of `vpin_50`; 0 where there is none.

    Raises
    ------
    ValueError
        Where a parameter is not finite or out of range, or a feature is unknown or lacks its parameters.

    >>> features = Features(0.01, 0.00001, 60_000_000_000)
    >>> bars = [[100 + i, 101 + i, 99 + i, 100 + i, 10, 5, 3, 60 * i, 60 * (i + 1)] for i in range(10)]
    >>> matrix = features.on_bars(bars)
    >>> matrix.shape == (10, len(features.names))
    True
    >>> round(features.value("sma_10"), 6), features.value("sma_20")
    (1.045, nan)
    """

    def __cinit__(
        self, double tick_size, double lot_size, int64_t bar_interval_ns, *, select=None, longer_intervals_ns=(),
        garch=None, int64_t vpin_bucket_lots=0,
    ):
        cdef FeaturePlan plan
        cdef GarchFilter* filter
        cdef int64_t intervals[FRAMES_MAX]
        for name, size in (("tick_size", tick_size), ("lot_size", lot_size)):
            if not 1e-18 <= size <= 1e18:
                raise ValueError(f"{name} must be 1e-18 to 1e18, was {size}")
        if not 0 <= vpin_bucket_lots <= 1 << 53:
            raise ValueError(f"vpin_bucket_lots must be 0 to 2**53, was {vpin_bucket_lots}")
        self.intervals_ns = checked_intervals(bar_interval_ns, longer_intervals_ns, FRAMES_MAX)
        if garch is not None and isinstance(garch, tuple):
            garch = {bar_interval_ns: garch}
        filters = {interval: checked_garch(Garch(*parameters)) for interval, parameters in (garch or {}).items()}
        if not set(filters) <= set(self.intervals_ns):
            raise ValueError(f"garch must be by intervals of {self.intervals_ns}, was by {tuple(filters)}")
        chosen = choose(select, has_garch=bool(filters), has_bucket=vpin_bucket_lots > 0)
        self.selected = tuple(feature.name for feature in chosen)
        self.parameters = f"intervals {self.intervals_ns}, garch {filters}, bucket {vpin_bucket_lots}"
        _make_plan(&plan, chosen)
        for index, interval in enumerate(self.intervals_ns):
            intervals[index] = interval
        self.bank = bank_new(&plan, tick_size, lot_size, intervals, len(self.intervals_ns))
        if self.bank is NULL:
            raise MemoryError
        self.bank.vpin.bucket_lots = vpin_bucket_lots
        if "garch_vol" in self.selected:
            for interval, fitted in filters.items():
                filter = &bank_extra(self.bank, self.intervals_ns.index(interval)).garch
                filter.mean, filter.omega, filter.alpha, filter.beta, filter.variance = fitted

    def __dealloc__(self):
        free(self.bank)

    def __getbuffer__(self, Py_buffer* view, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("the vector of a feature bank is read only")
        self.exported_shape[0] = FEATURE_COUNT
        view.buf = &self.bank.base.values[0]
        view.obj = self
        view.len = FEATURE_COUNT * sizeof(double)
        view.itemsize = sizeof(double)
        view.readonly = 1
        view.format = NULL
        if flags & PyBUF_FORMAT:
            view.format = "d"
        view.ndim = 1
        view.shape = self.exported_shape
        view.strides = &view.itemsize
        view.suboffsets = NULL
        view.internal = NULL

    cdef int64_t _frame(self, object interval_ns) except -1:
        if interval_ns is None:
            return 0
        if interval_ns not in self.intervals_ns:
            raise KeyError(f"there is no interval of {interval_ns} ns, there are {self.intervals_ns}")
        return self.intervals_ns.index(interval_ns)

    @property
    def names(self):
        """Names of all features, in the order of the vector; those not selected stay NaN."""
        return tuple(feature.name for feature in _FEATURES)

    def place(self, str name, interval_ns=None):
        """Return the index of a feature of an interval from the address of the first vector, for compiled readers."""
        return bank_place(self._frame(interval_ns), feature_index(name))

    def has_place(self, int64_t place):
        """Return whether there is a selected feature at that place."""
        cdef int64_t frame, feature
        for frame in range(self.bank.frames):
            feature = place - bank_place(frame, 0)
            if 0 <= feature < FEATURE_COUNT:
                return _FEATURES[feature].name in self.selected
        return False

    def values(self, interval_ns=None):
        """Return a copy of the vector of an interval (default the shortest), float64, NaN where a feature is not ready."""
        cdef const double* values = bank_frame(self.bank, self._frame(interval_ns)).values
        return np.array([values[i] for i in range(FEATURE_COUNT)])

    def ready(self, interval_ns=None):
        """Return which features of an interval are ready, bool, in the order of the vector."""
        cdef int64_t frame = self._frame(interval_ns)
        return np.array(
            [(bank_frame(self.bank, frame).ready[i >> 6] >> (i & 63)) & 1 for i in range(FEATURE_COUNT)], dtype=np.bool_
        )

    def value(self, str name, interval_ns=None):
        """Return one feature; NaN where it is not ready; KeyError where there is none of that name or interval."""
        cdef int64_t place = feature_index(name)
        return bank_frame(self.bank, self._frame(interval_ns)).values[place]

    @property
    def counts(self):
        """Accepted inputs by what they count as: bar, top, quote, trade, quoted_trade, reference, depth, bucket."""
        counts = {name: self.bank.counts[<int>clock] for name, clock in _CLOCKS}
        counts["reference"] = bank_extra(self.bank, 0).reference.count if self.bank.extras else 0
        return counts

    @property
    def refused(self):
        """Refused inputs by reason, and late trades, which the features of trades take in and the bars do not."""
        refused = {name: self.bank.refused[<int>verdict] for name, verdict in _VERDICTS}
        refused["late_trade"] = self.bank.base.bars.late_trades
        refused["bar_volume"] = sum(bank_frame(self.bank, k).bars.refused_trades for k in range(self.bank.frames))
        return refused

    def take_bar(
        self, int64_t open_ticks, int64_t high_ticks, int64_t low_ticks, int64_t close_ticks, int64_t volume_lots,
        int64_t taker_buy_lots, int64_t trade_count, int64_t open_time_ns, int64_t close_time_ns,
    ):
        """Take one finished bar in; whether it was accepted. The buffer then holds the new vector."""
        cdef Bar bar
        bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks = open_ticks, high_ticks, low_ticks, close_ticks
        bar.volume_lots, bar.taker_buy_lots, bar.trade_count = volume_lots, taker_buy_lots, trade_count
        bar.open_time_ns, bar.close_time_ns = open_time_ns, close_time_ns
        return bank_on_bar(self.bank, &bar) == INPUT_OK

    def take_reference(self, int64_t price_ticks):
        """Take a price of the reference instrument in (its own ticks), in force for the bars that end after it."""
        return bank_on_reference(self.bank, price_ticks) == INPUT_OK

    def on_bars(self, bars, references=None, interval_ns=None):
        """Take finished bars in and return the vector of an interval after each.

        Parameters
        ----------
        bars : array_like[int64], shape (n, 9)
            open, high, low, close (ticks), volume, taker-bought volume (lots), trades, open time, close time (ns).
        references : array_like[int64], shape (n,), or None
            Price of the reference instrument in force at the end of each bar; 0 is none.
        interval_ns : int or None
            Interval whose vectors to return; default the shortest.

        Returns
        -------
        ndarray[float64], shape (n, features)

        Raises
        ------
        TypeError, ValueError
            Where values are not integers, or the shape is another.
        """
        return self._feed(bars, ROWS_BARS, interval_ns, references, True)

    def apply_bars(self, bars, references=None):
        """Take finished bars in, as `on_bars`, and return how many were accepted."""
        return self._feed(bars, ROWS_BARS, None, references, False)

    def on_trades(self, trades, interval_ns=None):
        """Take trades in and return the vector of an interval after each; bars they finish move the bar features.

        Parameters
        ----------
        trades : array_like[int64], shape (n, 4)
            price (ticks), quantity (lots), 1 where the seller was the taker else 0, time (ns).
        interval_ns : int or None
            As of `on_bars`.

        Returns
        -------
        ndarray[float64], shape (n, features)
        """
        return self._feed(trades, ROWS_TRADES, interval_ns, None, True)

    def apply_trades(self, trades):
        """Take trades in, as `on_trades`, and return how many were accepted."""
        return self._feed(trades, ROWS_TRADES, None, None, False)

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
        return self._feed(tops, ROWS_TOPS, None, None, True)

    def apply_tops(self, tops):
        """Take tops of the book in, as `on_tops`, and return how many were accepted."""
        return self._feed(tops, ROWS_TOPS, None, None, False)

    cdef object _feed(self, object rows, int kind, object interval_ns, object references, bint keep):
        cdef Py_buffer inputs
        cdef Py_buffer beside
        cdef const double* values = bank_frame(self.bank, self._frame(interval_ns)).values
        cdef double* out = NULL
        cdef const int64_t* prices = NULL
        cdef int64_t accepted = 0
        cdef Py_ssize_t i, count
        name, columns = _ROWS[kind]
        cdef Py_ssize_t width = columns
        try:
            array = int64_rows(rows, columns, name)
            other = None if references is None else int64_rows(np.reshape(references, (-1, 1)), 1, "references")
        except TypeError:
            self.bank.refused[<int>INPUT_NOT_INTEGER] += 1
            raise
        count = len(array)
        if other is not None and len(other) != count:
            raise ValueError(f"references must be one for each of {count} bars, were {len(other)}")
        matrix = np.empty((count, FEATURE_COUNT)) if keep else None
        if count == 0:
            return matrix if keep else 0
        if keep:
            PyObject_GetBuffer(matrix, &beside, PyBUF_C_CONTIGUOUS)
            out = <double*>beside.buf
            PyBuffer_Release(&beside)    # the matrix lives to the end of this call
        if other is not None:
            PyObject_GetBuffer(other, &beside, PyBUF_C_CONTIGUOUS)
            prices = <const int64_t*>beside.buf
            PyBuffer_Release(&beside)
        PyObject_GetBuffer(array, &inputs, PyBUF_C_CONTIGUOUS)
        with nogil:
            for i in range(count):
                if prices != NULL and prices[i] != 0:
                    bank_on_reference(self.bank, prices[i])
                accepted += _take_row(self.bank, kind, <const int64_t*>inputs.buf + i * width) == INPUT_OK
                if out != NULL:
                    memcpy(out + i * FEATURE_COUNT, values, FEATURE_COUNT * sizeof(double))
        PyBuffer_Release(&inputs)
        return matrix if keep else accepted

    def on_time(self, int64_t now_ns):
        """Finish the bank's own open bars whose end `now_ns` has reached; whether one of the shortest interval was."""
        return bank_on_time(self.bank, now_ns)

    def state_hash(self):
        """Return a 64-bit hash of the whole state; equal inputs give equal hashes on every machine."""
        return bank_hash(self.bank)

    def snapshot(self):
        """Return the whole state as bytes, stamped with its meaning and hash; `restore` takes it back."""
        return snapshot_pack(self.bank, self.bank.size, bank_hash(self.bank), self.meaning)

    def restore(self, bytes snapshot):
        """Take the state of a snapshot in place of this one.

        Raises
        ------
        ValueError
            Where the bytes are damaged, or of another version, selection, tick size, lot size, parameter or interval;
            the state stays as it was.
        """
        cdef FeatureBank* other = <FeatureBank*>aligned_zalloc(self.bank.size)
        if other is NULL:
            raise MemoryError
        try:
            hash = snapshot_unpack(snapshot, other, self.bank.size, self.meaning)
            # The size first: a damaged one would be read past the end.
            if other.size != self.bank.size or hash != bank_hash(other):
                raise ValueError("a snapshot must carry the hash of its state, did not: it is damaged")
            # In place: the engine may hold the pointer.
            memcpy(self.bank, other, self.bank.size)
        finally:
            free(other)

    @property
    def meaning(self):
        """What must agree for one bank's numbers to mean the same in another: definitions, selection, parameters, grid."""
        features = ",".join(f"{f.name}#{f.number}({f.parameters}){f.warm_up}/{int(f.clock)}" for f in _FEATURES)
        return (
            f"version {STATE_VERSION}, tick size {self.bank.base.history.tick_size!r}, "
            f"lot size {self.bank.base.history.lot_size!r}, {self.parameters}, "
            f"selected {','.join(self.selected)}, features {features}"
        )


_check_registry(_FEATURES)
