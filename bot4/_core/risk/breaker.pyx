# cython: language_level=3
"""`Breaker`: the owner of one circuit breaker, with the default policy of each trip.

How it works is told in bot4._core.risk.circuit.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free

import numpy as np

from bot4._core.risk.circuit import BreakerPhase as _Phase, BreakerReason as _Reason

from bot4._core.risk.circuit cimport (
    BREAKER_BLOCK_ENTRIES, BREAKER_BLOCK_EXITS, BREAKER_CANCEL_RESTING, BREAKER_FLATTEN, BREAKER_GENERATION_ONE,
    BREAKER_KILLED, BREAKER_LATCH, BREAKER_LATCHED, BREAKER_SLOTS, BREAKER_WORD_CLOSED, TRIP_ERROR_RATE, TRIP_JOURNAL,
    TRIP_KILL, TRIP_LATENCY, TRIP_LOSS, TRIP_MANUAL, TRIP_NONE, TRIP_PROBE, TRIP_REJECTS, TRIP_STALE, breaker_get,
    breaker_read_word, breaker_reason_of, breaker_state_of,
)
from bot4._core.types cimport BOT4_ASSERT, CACHE_LINE, aligned_zalloc

_EXITS_PASS = BREAKER_BLOCK_ENTRIES | BREAKER_CANCEL_RESTING
_POLICY = {
    TRIP_LATENCY: _EXITS_PASS,
    TRIP_ERROR_RATE: _EXITS_PASS,
    TRIP_REJECTS: BREAKER_BLOCK_ENTRIES,
    TRIP_PROBE: _EXITS_PASS,
    TRIP_STALE: _EXITS_PASS,
    TRIP_LOSS: _EXITS_PASS | BREAKER_FLATTEN,
    TRIP_MANUAL: _EXITS_PASS | BREAKER_LATCH,
    # An exit that cannot be journalled is an order nobody can account for after a crash.
    TRIP_JOURNAL: BREAKER_BLOCK_ENTRIES | BREAKER_BLOCK_EXITS | BREAKER_CANCEL_RESTING | BREAKER_LATCH,
    TRIP_KILL: BREAKER_BLOCK_ENTRIES | BREAKER_BLOCK_EXITS | BREAKER_CANCEL_RESTING | BREAKER_LATCH,
}


cdef bint _op_holds(const BreakerOp* op, Py_ssize_t row) noexcept nogil:
    """Whether a row of `Breaker.run` is a call that may be made."""
    if op.kind > BREAKER_OP_TICK or op.now_ns < 0:
        return False
    if op.kind == BREAKER_OP_READMIT:
        return 0 <= op.value < row
    return op.kind != BREAKER_OP_TRIP or TRIP_NONE < op.value < TRIP_KILL


cdef uint64_t _run_op(BreakerState* state, const BreakerOp* op, uint64_t ticket) noexcept nogil:
    """One row of `Breaker.run`."""
    if op.kind == BREAKER_OP_ADMIT:
        return breaker_admit(state, op.now_ns)
    if op.kind == BREAKER_OP_ADMIT_REDUCE:
        return breaker_admit_reduce(state)
    if op.kind == BREAKER_OP_READMIT:
        return breaker_readmit(state, ticket)
    if op.kind == BREAKER_OP_TRIP:
        return breaker_trip(state, <int>op.value, op.now_ns)
    if op.kind == BREAKER_OP_RESET:
        return breaker_reset(state, breaker_read_word(&state.word) - <uint64_t>op.value, op.now_ns)
    if op.kind == BREAKER_OP_SUCCESS:
        breaker_record_success(state, op.now_ns)
    elif op.kind == BREAKER_OP_FAILURE:
        breaker_record_failure(state, op.now_ns)
    elif op.kind == BREAKER_OP_REJECT:
        breaker_record_reject(state, op.now_ns)
    elif op.kind == BREAKER_OP_LATENCY:
        breaker_record_latency(state, op.value, op.now_ns)
    elif op.kind == BREAKER_OP_LOSS:
        breaker_record_loss(state, op.value, op.now_ns)
    elif op.kind == BREAKER_OP_MARKET:
        breaker_record_market(state, op.now_ns)
    elif op.kind == BREAKER_OP_KILL:
        breaker_kill(state)
    elif op.kind == BREAKER_OP_TICK:
        breaker_tick(state, op.now_ns)
    return 0


cdef int64_t _not_negative(int64_t now_ns) except -1:
    if now_ns < 0:
        raise ValueError(f"now_ns must not be negative, was {now_ns}")
    return now_ns


def _between(name, value, low, high):
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, was {value}")
    return value


cdef class Breaker:
    """The breaker of one shard or one account.

    Parameters
    ----------
    error_ppm, min_samples, window_ns : int
        Trips on this share of failed requests, parts per million, of at least so many within the window; 0: off.
    latency_limit_ns, latency_run : int
        Trips on so many answers in a row that took at least this long; 0: off.
    stale_ns : int
        Trips on market data older than this; 0: off.
    max_loss_atoms, loss_window_ns : int
        Trips on a realised loss of this much within the window; 0: off.
    reject_run : int
        Trips on so many rejects in a row, whatever their codes; 0: off.
    cooldown_ns, cooldown_max_ns : int
        Time open after a first trip; doubled with each further trip in the flood window, up to the bound.
    probes, successes, probe_timeout_ns : int
        Half-open admits so many entries (1 to 255), closes after so many successes, and opens again where a probe is
        not answered in time.
    flood_limit, flood_window_ns : int
        So many trips within the window latch the breaker open; 0: off.
    policy : dict[int, int] or None
        `BreakerAction` bits by `BreakerReason`, over the default of docs/risk.md.
    killed : bool
        Start killed: what a restart does after a kill that nobody reset.

    Notes
    -----
    Any thread may admit, readmit, record, trip and kill; one timer ticks. Time comes by argument, ns, never negative.

    >>> breaker = Breaker(cooldown_ns=1_000)
    >>> ticket = breaker.admit(now_ns=0)
    >>> breaker.readmit(ticket)
    True
    >>> breaker.kill()
    >>> breaker.readmit(ticket), breaker.admit(now_ns=1)
    (False, 0)
    >>> breaker.reset(seen=breaker.word, now_ns=2), breaker.readmit(ticket)
    (True, False)
    """

    def __cinit__(self):
        self.state = <BreakerState*>aligned_zalloc(sizeof(BreakerState))
        if self.state == NULL:
            raise MemoryError("no memory for the breaker")
        # The word shares its line with nothing, and what is read with nothing that is written.
        BOT4_ASSERT(<size_t>&self.state.exit_reasons % CACHE_LINE == 0)
        BOT4_ASSERT(<size_t>&self.state.last_market_ns % CACHE_LINE == 0)

    def __init__(
        self, *, error_ppm=500_000, min_samples=10, window_ns=10_000_000_000, latency_limit_ns=1_000_000_000,
        latency_run=3, stale_ns=5_000_000_000, max_loss_atoms=0, loss_window_ns=3_600_000_000_000, reject_run=10,
        cooldown_ns=5_000_000_000, cooldown_max_ns=300_000_000_000, probes=3, successes=3,
        probe_timeout_ns=10_000_000_000, flood_limit=5, flood_window_ns=600_000_000_000, policy=None, killed=False,
    ):
        cdef BreakerState* state = self.state
        longest = 1 << 60
        state.error_ppm = _between("error_ppm", error_ppm, 0, 1_000_000)
        state.min_samples = _between("min_samples", min_samples, 1, 1 << 18)
        state.error_slot_ns = -(-_between("window_ns", window_ns, BREAKER_SLOTS, longest) // BREAKER_SLOTS)
        state.latency_limit_ns = _between("latency_limit_ns", latency_limit_ns, 0, longest)
        state.latency_run_limit = _between("latency_run", latency_run, 1, 1 << 30)
        state.stale_ns = _between("stale_ns", stale_ns, 0, longest)
        state.max_loss_atoms = _between("max_loss_atoms", max_loss_atoms, 0, longest)
        state.loss_slot_ns = -(-_between("loss_window_ns", loss_window_ns, BREAKER_SLOTS, longest) // BREAKER_SLOTS)
        state.reject_run_limit = _between("reject_run", reject_run, 0, 1 << 30)
        state.cooldown_ns = _between("cooldown_ns", cooldown_ns, 1, longest)
        state.cooldown_max_ns = _between("cooldown_max_ns", cooldown_max_ns, cooldown_ns, longest)
        state.probes = _between("probes", probes, 1, 255)
        state.successes = _between("successes", successes, 1, probes)
        state.probe_timeout_ns = _between("probe_timeout_ns", probe_timeout_ns, 1, longest)
        state.flood_limit = _between("flood_limit", flood_limit, 0, 1 << 18)
        state.flood_slot_ns = -(-_between("flood_window_ns", flood_window_ns, BREAKER_SLOTS, longest) // BREAKER_SLOTS)
        table = dict(_POLICY)
        for reason, actions in (policy or {}).items():
            if reason not in table or reason == TRIP_KILL:
                raise ValueError(f"a policy's reason must be one of TRIP_LATENCY to TRIP_JOURNAL, was {reason}")
            if not actions & BREAKER_BLOCK_ENTRIES or actions > 31:
                raise ValueError(f"a policy must be BreakerAction bits with BREAKER_BLOCK_ENTRIES, was {actions}")
            if actions & BREAKER_FLATTEN and actions & BREAKER_BLOCK_EXITS:
                raise ValueError(f"a policy must not flatten and block exits at once, was {actions}")
            table[reason] = actions
        state.exit_reasons = state.latch_reasons = 0
        for reason, actions in table.items():
            state.policy[<int>reason] = actions
            if not actions & BREAKER_BLOCK_EXITS:
                state.exit_reasons |= <uint32_t>1 << <int>reason
            if actions & BREAKER_LATCH:
                state.latch_reasons |= <uint32_t>1 << <int>reason
        # Generation 1: no ticket is ever 0.
        state.word = BREAKER_GENERATION_ONE | BREAKER_WORD_CLOSED | (BREAKER_KILLED if killed else 0)

    def __dealloc__(self):
        free(self.state)

    def admit(self, int64_t now_ns):
        """Ticket of an entry, or 0: refused."""
        return breaker_admit(self.state, _not_negative(now_ns))

    def admit_reduce(self):
        """Ticket of a reduce-only order, or 0: killed, or open for a reason that blocks exits."""
        return breaker_admit_reduce(self.state)

    def readmit(self, uint64_t ticket):
        """Whether the order with this ticket may still be written to the socket."""
        return breaker_readmit(self.state, ticket)

    def record_success(self, int64_t now_ns):
        """The venue took an order."""
        breaker_record_success(self.state, _not_negative(now_ns))

    def record_failure(self, int64_t now_ns):
        """A request failed or its outcome is unknown."""
        breaker_record_failure(self.state, _not_negative(now_ns))

    def record_reject(self, int64_t now_ns):
        """The venue refused an order."""
        breaker_record_reject(self.state, _not_negative(now_ns))

    def record_latency(self, int64_t latency_ns, int64_t now_ns):
        """Time an order took to be answered, ns."""
        breaker_record_latency(self.state, latency_ns, _not_negative(now_ns))

    def record_loss(self, int64_t loss_atoms, int64_t now_ns):
        """A realised loss, atoms; a profit is negative."""
        breaker_record_loss(self.state, loss_atoms, _not_negative(now_ns))

    def record_market(self, int64_t now_ns):
        """A useful market message came."""
        breaker_record_market(self.state, _not_negative(now_ns))

    def record_journal_failure(self, int64_t now_ns):
        """The journal refused a record."""
        breaker_record_journal_failure(self.state, _not_negative(now_ns))

    def trip(self, int reason, int64_t now_ns):
        """Open for a `BreakerReason`; True if that changed the word."""
        _between("reason", reason, TRIP_NONE + 1, TRIP_KILL - 1)
        return breaker_trip(self.state, reason, _not_negative(now_ns))

    def kill(self):
        """Stop every order until an explicit reset."""
        breaker_kill(self.state)

    def reset(self, *, uint64_t seen, int64_t now_ns):
        """Close and clear if the word is still `seen`, which the caller read from `word`; False: look again."""
        return breaker_reset(self.state, seen, _not_negative(now_ns))

    def tick(self, int64_t now_ns):
        """The timer's turn: staleness, cool-down, lost probes, the loss window."""
        breaker_tick(self.state, _not_negative(now_ns))

    def admit_many(self, const int64_t[::1] now_ns):
        """One `admit` for each row of ndarray[int64] ns; tickets, ndarray[uint64], shape (n,)."""
        cdef Py_ssize_t n = now_ns.shape[0]
        cdef Py_ssize_t i
        tickets = np.empty(n, dtype=np.uint64)
        cdef uint64_t[::1] out = tickets
        with nogil:
            for i in range(n):
                out[i] = breaker_admit(self.state, now_ns[i])
        return tickets

    def run(self, const BreakerOp[::1] ops):
        """Apply rows in order; the result of each (ticket, or 0 and 1) and the word after it.

        Parameters
        ----------
        ops : ndarray[BREAKER_OP_DTYPE], shape (n,)
            What happens: a `BreakerOpKind`, its time and its argument.

        Returns
        -------
        tuple[ndarray[uint64], ndarray[uint64]]
            Results and words, shape (n,) each.

        Raises
        ------
        ValueError
            A kind, a time below 0, a reason or a row index out of range; the rows before it were applied.
        """
        cdef Py_ssize_t n = ops.shape[0]
        cdef Py_ssize_t i
        cdef Py_ssize_t bad = -1
        results = np.zeros(n, dtype=np.uint64)
        words = np.zeros(n, dtype=np.uint64)
        cdef uint64_t[::1] result = results
        cdef uint64_t[::1] word = words
        with nogil:
            for i in range(n):
                if not _op_holds(&ops[i], i):
                    bad = i
                    break
                result[i] = _run_op(
                    self.state, &ops[i], result[ops[i].value] if ops[i].kind == BREAKER_OP_READMIT else 0
                )
                word[i] = breaker_read_word(&self.state.word)
        if bad >= 0:
            raise ValueError(f"row {bad} must be a valid BreakerOp, was {np.asarray(ops)[bad]}")
        return results, words

    @property
    def word(self):
        """The atomic word as it is now."""
        return breaker_read_word(&self.state.word)

    @property
    def phase(self):
        """`BreakerPhase`: closed, open or half-open; meaningless to an order while `killed`."""
        return _Phase(breaker_state_of(self.word))

    @property
    def reason(self):
        """`BreakerReason` of the trip that holds, TRIP_NONE when closed."""
        return _Reason(breaker_reason_of(self.word))

    @property
    def killed(self):
        """Whether the kill switch is set."""
        return breaker_is_killed(self.state)

    @property
    def latched(self):
        """Whether only a reset can close it."""
        return bool(self.word & (BREAKER_LATCHED | BREAKER_KILLED))

    @property
    def generation(self):
        """Trips, kills and resets so far, plus 1."""
        return self.word // BREAKER_GENERATION_ONE

    @property
    def action(self):
        """What the engine has to do now: `BreakerAction` bits as int."""
        return breaker_action(self.state)

    def counters(self):
        """Counts so far: kills, resets, closes, floods, refused entries and exits, dropped orders, trips by reason."""
        state = self.state
        counts = {
            "kills": breaker_get(&state.kills),
            "resets": breaker_get(&state.resets),
            "closed": breaker_get(&state.closed),
            "floods": breaker_get(&state.floods),
            "refused": breaker_get(&state.refused),
            "refused_exits": breaker_get(&state.refused_exits),
            "dropped": breaker_get(&state.dropped),
        }
        for reason in range(TRIP_NONE + 1, TRIP_KILL):
            counts[_Reason(reason).name.lower()] = breaker_get(&state.trips[<int>reason])
        return counts
