# cython: language_level=3
"""`RiskGate`: the owner of one instrument's limits and state.

The rules are in bot4._core.risk.rules, what changes the state in bot4._core.risk.state.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

import numpy as np

from bot4._core.risk.filters import FilterVerdict
from bot4._core.risk.rules import RiskVerdict as _RiskVerdict

from bot4._core.risk.filters cimport Filters
from bot4._core.risk.state cimport LOTS_MAX, ORDER_LOTS_MAX, RECENT_ORDERS, VERDICTS
from bot4._core.risk.token_bucket cimport bucket_fill, bucket_rule_set
from bot4._core.types cimport SIDE_BUY, SIDE_SELL, OrderIntent, aligned_zalloc, money_from_int, money_to_int

_PPM = 1_000_000


cdef bint _op_holds(const RiskState* state, const RiskOp* op, const OrderIntent* intent) noexcept nogil:
    """Whether a row of `RiskGate.run` is a call that risk_apply_* may be given."""
    cdef int64_t position_lots
    if op.kind == OP_SENT:
        return (
            intent.side <= SIDE_SELL and 0 < intent.qty_lots <= ORDER_LOTS_MAX
            and state.open_lots[intent.side] <= LOTS_MAX
        )
    if op.side > SIDE_SELL:
        return False
    if op.kind == OP_FILL or op.kind == OP_STRAY_FILL:
        position_lots = state.position_lots + (op.value if op.side == SIDE_BUY else -op.value)
        return (
            0 < op.value <= (state.open_lots[op.side] if op.kind == OP_FILL else LOTS_MAX)
            and -LOTS_MAX <= position_lots <= LOTS_MAX
        )
    if op.kind == OP_CLOSED:
        return state.open_orders > 0 and 0 <= op.value <= state.open_lots[op.side]
    if op.kind == OP_KNOWN:
        return state.unknown_orders[op.side] > 0
    return op.kind <= OP_RESET


cdef int _run_op(
    const RiskLimits* limits, RiskState* state, const RiskOp* op, const OrderIntent* intent
) noexcept nogil:
    """One row of `RiskGate.run`: the verdict of an order, 0 for anything else."""
    cdef int verdict = RISK_OK
    if op.kind == OP_CHECK:
        return risk_check(limits, state, intent, op.now_ns)
    if op.kind == OP_SUBMIT:
        verdict = risk_check(limits, state, intent, op.now_ns)
        if verdict == RISK_OK:
            risk_apply_sent(limits, state, intent, op.now_ns)
        else:
            risk_apply_refused(state, verdict)
    elif op.kind == OP_FILL:
        risk_apply_fill(state, op.side, op.value)
    elif op.kind == OP_STRAY_FILL:
        risk_apply_stray_fill(state, op.side, op.value)
    elif op.kind == OP_CLOSED:
        risk_apply_closed(state, op.side, op.value, op.by_reject, op.code)
    elif op.kind == OP_ACCEPTED:
        risk_apply_accepted(state)
    elif op.kind == OP_UNKNOWN:
        risk_apply_unknown(state, op.side)
    elif op.kind == OP_KNOWN:
        risk_apply_known(state, op.side)
    elif op.kind == OP_REFERENCE:
        risk_apply_reference(state, op.value, op.now_ns)
    elif op.kind == OP_EQUITY:
        risk_apply_equity(limits, state, op.value)
    elif op.kind == OP_SENT:
        risk_apply_sent(limits, state, intent, op.now_ns)
    elif op.kind == OP_RESET:
        risk_apply_reset(state, <uint32_t>op.code)
    return verdict


def _between(name, value, low, high):
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, was {value}")
    return value


cdef class RiskGate:
    """Pre-trade limits and state of one instrument.

    Parameters
    ----------
    instrument : int
        Index in the session's instrument table.
    max_order_lots : int
        Largest quantity of one order, at most 2**50.
    max_order_notional : int
        Largest notional of one entry: ticks times lots, or contracts where `notional_is_qty`.
    max_long_lots, max_short_lots : int
        Largest position either way, open orders counted as filled; 0 short for spot.
    filters : Filters or None
        The venue's filters; None where the venue has none.
    notional_is_qty : bool
        Inverse contracts: their notional is their number.
    exits_need_reference : bool
        Refuse a reduce-only market order too where the reference is missing or stale.
    max_open_orders : int
        Own limit of open orders; exits do not count against it, the venue's filter counts all.
    band_ppm : int
        Largest distance of a limit price from the reference, parts per million.
    max_reference_age_ns : int
        Age at which the reference expires, ns.
    unusual_multiple, unusual_warmup_orders, ewma_shift : int
        Largest quantity as a multiple of the running mean of sent entries (weight 2**-ewma_shift), judged after so
        many entries; multiple 0: off.
    max_drawdown_ppm : int
        Fall from the peak of equity at which entries latch shut, parts per million; 0: off.
    duplicate_window_ns : int
        An equal order younger than this is refused, ns; 0: off.
    max_reject_run, max_exit_reject_run : int
        Consecutive rejects of one code that latch entries, and exits, shut.
    orders_per_period, period_ns, burst, reserve_tokens : int
        Token bucket of orders; `reserve_tokens` of the burst are for exits only.

    Raises
    ------
    ValueError
        A limit out of its range, or a duplicate window that can see more orders than the ring of 64 remembers.

    Notes
    -----
    One owner thread. `check` is pure.

    >>> gate = RiskGate(instrument=0, max_order_lots=100, max_order_notional=10**6, max_long_lots=200,
    ...                 max_short_lots=0, max_drawdown_ppm=0)
    >>> gate.check(side=0, price_ticks=1000, qty_lots=10, now_ns=5)
    <RiskVerdict.RISK_NO_REFERENCE: 10>
    >>> gate.apply_reference(1000, ts_ns=5)
    >>> gate.check(side=0, price_ticks=1000, qty_lots=10, now_ns=5)
    <RiskVerdict.RISK_OK: 0>
    """

    def __cinit__(self):
        self.limits = <RiskLimits*>aligned_zalloc(sizeof(RiskLimits))
        self.state = <RiskState*>aligned_zalloc(sizeof(RiskState))
        if self.limits == NULL or self.state == NULL:
            raise MemoryError("no memory for the risk limits")

    def __init__(
        self, *, instrument, max_order_lots, max_order_notional, max_long_lots, max_short_lots, Filters filters=None,
        notional_is_qty=False, exits_need_reference=False, max_open_orders=20, band_ppm=20_000,
        max_reference_age_ns=3_000_000_000, unusual_multiple=10, unusual_warmup_orders=20, ewma_shift=4,
        max_drawdown_ppm=150_000, duplicate_window_ns=250_000_000, max_reject_run=5, max_exit_reject_run=10,
        orders_per_period=10, period_ns=1_000_000_000, burst=20, reserve_tokens=4,
    ):
        cdef RiskLimits* limits = self.limits
        lots_max = int(LOTS_MAX)
        limits.instrument = _between("instrument", instrument, 0, 65535)
        limits.max_order_lots = _between("max_order_lots", max_order_lots, 1, int(ORDER_LOTS_MAX))
        limits.max_order_notional = money_from_int(_between("max_order_notional", max_order_notional, 1, (1 << 126)))
        limits.max_position_lots[0] = _between("max_long_lots", max_long_lots, 0, lots_max)
        limits.max_position_lots[1] = _between("max_short_lots", max_short_lots, 0, lots_max)
        limits.notional_is_qty = bool(notional_is_qty)
        limits.exits_need_reference = bool(exits_need_reference)
        limits.max_open_orders = _between("max_open_orders", max_open_orders, 1, 1 << 31)
        limits.band_ppm = _between("band_ppm", band_ppm, 1, 100 * _PPM)
        limits.max_reference_age_ns = _between("max_reference_age_ns", max_reference_age_ns, 1, lots_max)
        limits.unusual_multiple = _between("unusual_multiple", unusual_multiple, 0, 1 << 20)
        limits.unusual_warmup_orders = _between("unusual_warmup_orders", unusual_warmup_orders, 1, 1 << 31)
        limits.ewma_shift = _between("ewma_shift", ewma_shift, 0, 16)
        limits.max_drawdown_ppm = _between("max_drawdown_ppm", max_drawdown_ppm, 0, _PPM)
        limits.needs_equity = max_drawdown_ppm != 0
        limits.max_reject_run = _between("max_reject_run", max_reject_run, 1, 1 << 20)
        limits.max_exit_reject_run = _between("max_exit_reject_run", max_exit_reject_run, max_reject_run, 1 << 20)
        bucket_rule_set(&limits.rate, orders_per_period, period_ns, burst)
        limits.reserve_tokens = _between("reserve_tokens", reserve_tokens, 0, burst - 1)
        limits.duplicate_window_ns = _between("duplicate_window_ns", duplicate_window_ns, 0, 3600 * 10**9)
        in_window = burst + duplicate_window_ns * orders_per_period // period_ns + 1
        if duplicate_window_ns and in_window > RECENT_ORDERS:
            raise ValueError(
                f"duplicate_window_ns and the order rate must let at most {RECENT_ORDERS} orders into the window, "
                f"were {duplicate_window_ns} ns and {in_window} orders"
            )
        if filters is not None:
            limits.filters = filters.rules[0]
        memset(self.state, 0, sizeof(RiskState))
        self.state.max_reject_run = limits.max_reject_run
        self.state.max_exit_reject_run = limits.max_exit_reject_run
        bucket_fill(&limits.rate, &self.state.rate)

    def __dealloc__(self):
        free(self.limits)
        free(self.state)

    def check(self, *, side, price_ticks, qty_lots, now_ns, order_type=0, tif=0, flags=0, action=0, trigger_ticks=0,
              instrument=None):
        """Verdict of one order at `now_ns`, a `RiskVerdict` or a `FilterVerdict`; pure."""
        cdef OrderIntent intent
        memset(&intent, 0, sizeof(OrderIntent))
        intent.instrument = self.limits.instrument if instrument is None else instrument
        intent.action = action
        intent.side = side
        intent.type = order_type
        intent.tif = tif
        intent.flags = flags
        intent.price_ticks = price_ticks
        intent.qty_lots = qty_lots
        intent.trigger_ticks = trigger_ticks
        return verdict_of(risk_check(self.limits, self.state, &intent, now_ns))

    def check_many(self, const OrderIntent[::1] intents, const int64_t[::1] now_ns):
        """Verdicts of many orders against the state as it is; pure.

        Parameters
        ----------
        intents : ndarray[INTENT_DTYPE], shape (n,)
            The orders.
        now_ns : ndarray[int64], shape (n,)
            Time of each check, ns.

        Returns
        -------
        ndarray[int32], shape (n,)
            `RiskVerdict` or `FilterVerdict` values.
        """
        cdef Py_ssize_t n = intents.shape[0]
        cdef Py_ssize_t i
        if now_ns.shape[0] != n:
            raise ValueError(f"intents and now_ns must be equally long, were {n} and {now_ns.shape[0]}")
        verdicts = np.empty(n, dtype=np.int32)
        cdef int32_t[::1] out = verdicts
        with nogil:
            for i in range(n):
                out[i] = risk_check(self.limits, self.state, &intents[i], now_ns[i])
        return verdicts

    def run(self, const RiskOp[::1] ops, const OrderIntent[::1] intents):
        """Apply rows in order, as the shard would; the verdict of each order, 0 for any other row.

        Parameters
        ----------
        ops : ndarray[RISK_OP_DTYPE], shape (n,)
            What happens: a `RiskOpKind` with its arguments.
        intents : ndarray[INTENT_DTYPE], shape (n,)
            The order of OP_CHECK, OP_SUBMIT and OP_SENT rows; not read in the others.

        Returns
        -------
        ndarray[int32], shape (n,)
            Verdicts.

        Raises
        ------
        ValueError
            A row that cannot happen (a fill of more than is open); the rows before it were applied.
        """
        cdef Py_ssize_t n = ops.shape[0]
        cdef Py_ssize_t i
        cdef Py_ssize_t bad = -1
        if intents.shape[0] != n:
            raise ValueError(f"ops and intents must be equally long, were {n} and {intents.shape[0]}")
        verdicts = np.empty(n, dtype=np.int32)
        cdef int32_t[::1] out = verdicts
        with nogil:
            for i in range(n):
                if not _op_holds(self.state, &ops[i], &intents[i]):
                    bad = i
                    break
                out[i] = _run_op(self.limits, self.state, &ops[i], &intents[i])
        if bad >= 0:
            raise ValueError(f"row {bad} must be possible in the state before it, was {np.asarray(ops)[bad]}")
        return verdicts

    cdef int _apply(self, uint8_t kind, uint8_t side, bint by_reject, int32_t code, int64_t now_ns,
                    int64_t value) except -1:
        cdef RiskOp op
        op.kind = kind
        op.side = side
        op.by_reject = by_reject
        op.reserved = 0
        op.code = code
        op.now_ns = now_ns
        op.value = value
        if not _op_holds(self.state, &op, NULL):
            raise ValueError(f"{RiskOpKind(kind).name} must be possible now, was side {side}, value {value}")
        return _run_op(self.limits, self.state, &op, NULL)

    def apply_fill(self, uint8_t side, int64_t qty_lots):
        """A fill of an open order of `side`."""
        self._apply(OP_FILL, side, False, 0, 0, qty_lots)

    def apply_stray_fill(self, uint8_t side, int64_t qty_lots):
        """A fill of no order counted as open (reconciliation)."""
        self._apply(OP_STRAY_FILL, side, False, 0, 0, qty_lots)

    def apply_closed(self, uint8_t side, int64_t unfilled_lots, *, by_reject=False, reject_code=0):
        """The end of an open order; once for each order sent."""
        self._apply(OP_CLOSED, side, by_reject, reject_code, 0, unfilled_lots)

    def apply_reference(self, int64_t price_ticks, int64_t ts_ns):
        """Reference price and its time; a price below 1 withdraws it."""
        self._apply(OP_REFERENCE, 0, False, 0, ts_ns, price_ticks)

    def apply_equity(self, equity_atoms):
        """Equity now, atoms of the account's asset (any integer of 128 bits)."""
        risk_apply_equity(self.limits, self.state, money_from_int(equity_atoms))

    def reset(self, *, latches):
        """Operator's reset of latches (`RiskLatch` bits)."""
        self._apply(OP_RESET, 0, False, latches, 0, 0)

    def restore_latches(self, *, latches, equity_peak):
        """Take over latches and the peak of equity of an earlier run, so that a restart does not clear them.

        `equity_peak` in atoms, None where none was known.
        """
        self.state.latches |= <uint32_t>_between("latches", latches, 0, 7)
        if equity_peak is not None:
            risk_apply_equity(self.limits, self.state, money_from_int(equity_peak))

    def snapshot(self):
        """State as a dict: latches, position and open lots, reference, equity peak, run of rejects."""
        state = self.state
        return {
            "latches": state.latches,
            "position_lots": state.position_lots,
            "open_buy_lots": state.open_lots[0],
            "open_sell_lots": state.open_lots[1],
            "unknown_buys": state.unknown_orders[0],
            "unknown_sells": state.unknown_orders[1],
            "open_orders": state.open_orders,
            "reference_ticks": state.reference_ticks,
            "reference_ns": state.reference_ns,
            "sent_orders": state.sent_orders,
            "qty_mean_scaled": state.qty_mean_scaled,
            "rate_level_units": state.rate.level_units,
            "equity_peak": money_to_int(state.equity_peak) if state.has_equity else None,
            "reject_code": state.reject_code,
            "reject_run": state.reject_run,
        }

    def refused(self):
        """Orders refused so far by verdict name; verdicts that never occurred are left out."""
        return {verdict_of(i).name: self.state.refused[i] for i in range(VERDICTS) if self.state.refused[i]}

    def state_hash(self):
        """64-bit hash of the state."""
        return risk_hash(self.state)


def verdict_of(value):
    """Enumeration member of a verdict of `risk_check`.

    >>> verdict_of(33)
    <FilterVerdict.FILTER_LOT_SIZE: 33>
    """
    return FilterVerdict(value) if value >= 32 else _RiskVerdict(value)
