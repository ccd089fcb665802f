# cython: language_level=3
"""The kernels over whole arrays and single cases, for research, notebooks and tests: what runs here is what trades."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

import numpy as np

from bot4._core.account.contract cimport Contract
from bot4._core.brain.blend cimport (
    ALPHAS, REGIMES, SOURCES, Blend, BlendRules, BlendState, blend_alphas, blend_apply_bar, blend_apply_source, blend_sources,
    blend_technical,
)
from bot4._core.brain.edge cimport Edge, EdgeRules, EdgeState, edge_apply, edge_read
from bot4._core.brain.gate cimport GateRules, Reasons, gate_costs, gate_signal, gate_value
from bot4._core.brain.regime cimport HIDDEN_MAX, RegimeRules, RegimeState, regime_apply
from bot4._core.brain.sizing cimport (
    Size, SizeRules, Surroundings, kelly_binary, kelly_fraction, kelly_growth, kelly_shrinkage, size_lots, size_position,
    size_ppm,
)
from bot4._core.brain.stops cimport GuardRules, GuardState, guard_apply, guard_check
from bot4._core.mem.record_buffer cimport borrow_records
from bot4._core.types cimport TopOfBook, money_from_int

from cpython.buffer cimport PyBuffer_Release

from bot4._core.brain.gate import ENTRY_NAMES as _ENTRY_NAMES
from bot4._core.brain.sizing import SIZE_NAMES as _SIZE_NAMES

EDGE_STEP_DTYPE = np.dtype([("now_ns", "<i8"), ("mid2_ticks", "<i8"), ("score", "<f8")])
EDGE_DTYPE = np.dtype([("slope", "<f8"), ("error", "<f8"), ("deviation", "<f8"), ("samples", "<f8")])
REGIME_DTYPE = np.dtype([("regime", "<i4"), ("rule", "<i4"), ("trend_t", "<f8"), ("stress", "<f8"), ("hidden", "<f8", 4)])
GUARD_STEP_DTYPE = np.dtype([
    ("lots", "<i8"), ("entry_ticks", "<i8"), ("exit_ticks", "<i8"), ("atr_ticks", "<i8"), ("now_ns", "<i8")])
GUARD_DTYPE = np.dtype([("verdict", "<i4"), ("rungs_done", "<i4"), ("close_lots", "<i8"), ("stop_ticks", "<i8")])


ctypedef struct EdgeStep:
    int64_t now_ns
    int64_t mid2_ticks
    double score


ctypedef struct RegimeRow:
    int32_t regime
    int32_t rule
    double trend_t
    double stress
    double hidden[4]


ctypedef struct GuardStep:
    int64_t lots
    int64_t entry_ticks
    int64_t exit_ticks
    int64_t atr_ticks
    int64_t now_ns


ctypedef struct GuardRow:
    int32_t verdict
    int32_t rungs_done
    int64_t close_lots
    int64_t stop_ticks


# -- regime ------------------------------------------------------------------------------------------------------------

cdef RegimeRules _regime_rules(rules, hidden) except *:
    cdef RegimeRules made
    memset(&made, 0, sizeof(made))
    made.trend_alpha, made.fast_alpha, made.slow_alpha = rules["trend_alpha"], rules["fast_alpha"], rules["slow_alpha"]
    made.trend_enter, made.trend_exit = rules["trend_enter"], rules["trend_exit"]
    made.crisis_enter, made.crisis_exit = rules["crisis_enter"], rules["crisis_exit"]
    made.warm_up_bars, made.hidden_min = rules["warm_up_bars"], rules["hidden_min"]
    if hidden is not None:
        made.hidden_count = len(hidden["mean"])
        if not 2 <= made.hidden_count <= HIDDEN_MAX:
            raise ValueError(f"a hidden Markov model has 2 to {HIDDEN_MAX} states, was given {made.hidden_count}")
        for i in range(made.hidden_count):
            made.labels[<int>i] = hidden["labels"][i]
            made.initial[<int>i], made.mean[<int>i] = hidden["initial"][i], hidden["mean"][i]
            made.deviation[<int>i] = hidden["deviation"][i]
            for j in range(made.hidden_count):
                made.transition[<int>i][<int>j] = hidden["transition"][i][j]
    return made


def run_regime(log_returns, rules, hidden=None):
    """Regime after each bar.

    Parameters
    ----------
    log_returns : ndarray[float64], shape (n,), oldest first
    rules : mapping
        Fields of RegimeRules by name, without the hidden Markov model.
    hidden : mapping, optional
        ``labels`` (numbers of the regimes), ``initial``, ``transition``, ``mean``, ``deviation``.

    Returns
    -------
    ndarray of REGIME_DTYPE, shape (n,)
        ``regime`` is -1 while warming.
    """
    cdef RegimeRules made = _regime_rules(rules, hidden)
    cdef RegimeState state
    cdef Py_buffer source, target
    cdef Py_ssize_t count, i
    cdef RegimeRow* row
    out = np.zeros(len(log_returns), REGIME_DTYPE)
    count = borrow_records(log_returns, &source, sizeof(double), False)
    try:
        borrow_records(out, &target, sizeof(RegimeRow), True)
        memset(&state, 0, sizeof(state))
        for i in range(count):
            row = &(<RegimeRow*>target.buf)[i]
            row.regime = regime_apply(&made, &state, (<const double*>source.buf)[i])
            row.rule, row.trend_t, row.stress = state.rule, state.trend_t, state.stress
            row.hidden = state.hidden
        PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return out


cdef class RegimeMeter:
    """The regime of one market, a bar at a time.

    Parameters
    ----------
    rules : mapping
        Fields of RegimeRules by name, without the hidden Markov model.
    hidden : mapping, optional
        As for `run_regime`.
    """

    cdef RegimeRules _rules
    cdef RegimeState _state

    def __cinit__(self, rules, hidden=None):
        self._rules = _regime_rules(rules, hidden)
        memset(&self._state, 0, sizeof(self._state))

    def apply(self, double log_return) -> int:
        """Take one bar's log return; returns the number of the regime, -1 while warming."""
        return regime_apply(&self._rules, &self._state, log_return)


# -- edge --------------------------------------------------------------------------------------------------------------

def run_edge(steps, rules):
    """What scores were worth, after each step.

    Parameters
    ----------
    steps : ndarray of EDGE_STEP_DTYPE
    rules : mapping
        Fields of EdgeRules by name.

    Returns
    -------
    ndarray of EDGE_DTYPE, (resolved, lapsed)
    """
    cdef EdgeRules made = rules
    cdef EdgeState state
    cdef Py_buffer source, target
    cdef const EdgeStep* step
    cdef Py_ssize_t count, i
    out = np.zeros(len(steps), EDGE_DTYPE)
    count = borrow_records(steps, &source, sizeof(EdgeStep), False)
    try:
        borrow_records(out, &target, sizeof(Edge), True)
        memset(&state, 0, sizeof(state))
        for i in range(count):
            step = &(<const EdgeStep*>source.buf)[i]
            edge_apply(&made, &state, step.now_ns, step.mid2_ticks, step.score)
            edge_read(&made, &state, &(<Edge*>target.buf)[i])
        PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return out, (state.resolved, state.lapsed)


# -- stops -------------------------------------------------------------------------------------------------------------

def run_guard(steps, rules, rungs):
    """What a guard asks for at each step.

    Parameters
    ----------
    steps : ndarray of GUARD_STEP_DTYPE
        What is held, its mean entry, what it could be closed at, the ATR, the time.
    rules : mapping
        Fields of GuardRules by name, without the rungs.
    rungs : sequence of (int, int)
        Reward in thousandths and share in millionths.

    Returns
    -------
    ndarray of GUARD_DTYPE
    """
    padded = [{"reward_milli": reward, "share_ppm": share} for reward, share in rungs]
    cdef GuardRules made = dict(rules) | {
        "rung_count": len(padded), "rungs": padded + [{"reward_milli": 0, "share_ppm": 0}] * (4 - len(padded))}
    cdef GuardState state
    cdef Py_buffer source, target
    cdef const GuardStep* step
    cdef GuardRow* row
    cdef Py_ssize_t count, i
    out = np.zeros(len(steps), GUARD_DTYPE)
    count = borrow_records(steps, &source, sizeof(GuardStep), False)
    try:
        borrow_records(out, &target, sizeof(GuardRow), True)
        memset(&state, 0, sizeof(state))
        for i in range(count):
            step, row = &(<const GuardStep*>source.buf)[i], &(<GuardRow*>target.buf)[i]
            guard_apply(&made, &state, step.lots, step.entry_ticks, step.atr_ticks, step.now_ns)
            row.verdict = guard_check(&made, &state, step.exit_ticks, step.atr_ticks, step.now_ns, &row.close_lots)
            row.rungs_done, row.stop_ticks = state.rungs_done, state.stop_ticks
        PyBuffer_Release(&target)
    finally:
        PyBuffer_Release(&source)
    return out


# -- size --------------------------------------------------------------------------------------------------------------

def kelly(double mean, double deviation, double risk_free=0.0):
    """Fraction of wealth that grows fastest, and that growth.

    >>> fraction, growth = kelly(0.11, 0.15, 0.06)
    >>> round(fraction, 3), round(growth, 4)
    (2.222, 0.1156)
    """
    cdef double fraction = kelly_fraction(mean, deviation, risk_free)
    return fraction, kelly_growth(fraction, mean, deviation, risk_free)


def growth_of(double fraction, double mean, double deviation, double risk_free=0.0):
    """Growth rate at a fraction."""
    return kelly_growth(fraction, mean, deviation, risk_free)


def kelly_bet(double win_probability, double odds=1.0):
    """Fraction for a bet that wins `odds` or loses the stake.

    >>> round(kelly_bet(0.51), 10)
    0.02
    """
    return kelly_binary(win_probability, odds)


def shrinkage(double mean, double error):
    """Part of a fraction that is kept where the mean is known to an error."""
    return kelly_shrinkage(mean, error)


def position_size(rules, *, double mean, double error, double deviation, int64_t stop_ppm, int64_t gross_ppm=0,
                  int64_t heat_ppm=0, int64_t correlated_ppm=0):
    """Bounds of a position: a dict of caps by name, the smallest and what it is. `rules`: fields of SizeRules."""
    cdef SizeRules made = rules
    cdef Surroundings others
    cdef Size size
    cdef int i
    others.gross_ppm, others.heat_ppm, others.correlated_ppm = gross_ppm, heat_ppm, correlated_ppm
    size_position(&made, mean, error, deviation, stop_ppm, &others, &size)
    return {"caps": {_SIZE_NAMES[i]: size.caps_ppm[i] for i in range(8)}, "ppm": size.ppm, "bound": _SIZE_NAMES[size.bound]}


def lots_for(Contract contract not None, equity_atoms, int64_t ppm, int64_t price_ticks):
    """Whole lots that a share of equity is worth, rounded down."""
    return size_lots(&contract.spec, money_from_int(equity_atoms), ppm, price_ticks)


def share_of(Contract contract not None, equity_atoms, int64_t lots, int64_t price_ticks):
    """Share of equity that lots are worth, millionths, rounded up."""
    return size_ppm(&contract.spec, money_from_int(equity_atoms), lots, price_ticks)


# -- gate --------------------------------------------------------------------------------------------------------------

def entry_value(rules, Contract contract not None, *, bids, asks, int side, bint is_maker, int64_t qty_lots, double edge,
                double error, double bar_deviation, int64_t bar_volume_lots, int64_t horizon_ns, int64_t now_ns=0,
                int64_t funding_rate_ppb=0, int64_t funding_next_ns=0):
    """Expected value of one entry after every cost: a dict of parts per billion, and whether it clears what is needed.

    Parameters
    ----------
    rules : mapping
        Fields of GateRules by name.
    bids, asks : sequence of (int, int)
        Ticks and lots, best first, at most five.
    """
    cdef GateRules made = rules
    cdef Reasons reasons
    cdef TopOfBook top
    cdef int i
    memset(&top, 0, sizeof(top))
    memset(&reasons, 0, sizeof(reasons))
    top.bid_levels, top.ask_levels = len(bids), len(asks)
    for i in range(top.bid_levels):
        top.bid_price_ticks[i], top.bid_qty_lots[i] = bids[i]
    for i in range(top.ask_levels):
        top.ask_price_ticks[i], top.ask_qty_lots[i] = asks[i]
    reasons.horizon_ns = horizon_ns
    gate_costs(&made, &contract.spec, &top, side, is_maker, qty_lots, bar_deviation, bar_volume_lots, now_ns,
               funding_rate_ppb, funding_next_ns, &reasons)
    passed = gate_value(&made, edge, error, &reasons)
    return {
        "edge": reasons.edge_ppb, "fee": reasons.fee_ppb, "spread": reasons.spread_ppb, "impact": reasons.impact_ppb,
        "funding": reasons.funding_ppb, "value": reasons.value_ppb, "needed": reasons.needed_ppb, "passed": bool(passed)}


def signal_verdict(rules, *, int regime, double coverage, double confidence, int confirmed_bars, double timeframes,
                   double samples):
    """Word of the first check of the signal that fails, ``pass`` where none does."""
    cdef GateRules made = rules
    cdef Reasons reasons
    memset(&reasons, 0, sizeof(reasons))
    reasons.regime, reasons.coverage, reasons.confidence = regime, coverage, confidence
    reasons.confirmed_bars, reasons.timeframes, reasons.samples = confirmed_bars, timeframes, samples
    return _ENTRY_NAMES[gate_signal(&made, &reasons)]


# -- blend -------------------------------------------------------------------------------------------------------------

def blended(*, terms, allocation_ppm, weight_ppm, ttl_ns, features, int regime, sources, int64_t now_ns, higher=(),
            technical_bars=()):
    """One blend.

    Parameters
    ----------
    terms : sequence of (int, int, float, float, float)
        Feature, sub-strategy, weight, centre, scale.
    allocation_ppm, weight_ppm : 4 rows
        By regime: of the sub-strategies, of the sources.
    ttl_ns : six int
    features : sequence of float
    sources : mapping of int to (float, float, int)
        Score, confidence and stamp of what was heard from the other sources.
    higher, technical_bars : sequence of float
        Scores of the higher timeframes now, of this one at the last bars.
    """
    cdef BlendRules rules
    cdef BlendState state
    cdef Blend out
    cdef double alphas[4]
    cdef double agree[4]
    cdef double values[128]
    cdef double confidence, score
    cdef int i, j
    memset(&rules, 0, sizeof(rules))
    memset(&state, 0, sizeof(state))
    memset(&out, 0, sizeof(out))
    for i, (feature, alpha, weight, centre, scale) in enumerate(terms):
        rules.terms[i].feature, rules.terms[i].alpha, rules.terms[i].weight = feature, alpha, weight
        rules.terms[i].centre, rules.terms[i].inverse_scale = centre, 1.0 / scale
    rules.term_count = len(terms)
    for i in range(REGIMES):
        for j in range(ALPHAS):
            rules.allocation_ppm[i][j] = allocation_ppm[i][j]
        for j in range(SOURCES):
            rules.weight_ppm[i][j] = weight_ppm[i][j]
    for j in range(SOURCES):
        rules.ttl_ns[j] = ttl_ns[j]
    for i in range(len(features)):
        values[i] = features[i]
    for i in range(len(higher)):
        state.higher[i] = higher[i]
    state.higher_count = len(higher)
    for score in technical_bars:
        blend_apply_bar(&state, score)
    blend_alphas(&rules, values, alphas, agree)
    score = blend_technical(&rules, regime, alphas, agree, &confidence)
    blend_apply_source(&state, 0, score, confidence, now_ns)
    for source, (heard, sure, stamp_ns) in sources.items():
        blend_apply_source(&state, source, heard, sure, stamp_ns)
    blend_sources(&rules, &state, regime, now_ns, &out)
    return {
        "alphas": [alphas[i] for i in range(ALPHAS)], "technical": score, "technical_confidence": confidence,
        "score": out.score, "confidence": out.confidence, "coverage": out.coverage, "agreement": out.agreement,
        "timeframes": out.timeframes, "shares": [out.share_ppm[j] for j in range(SOURCES)], "used": out.used,
        "stale": out.stale, "missing": out.missing, "ages": [out.age_ns[j] for j in range(SOURCES)],
        "confirmed_bars": out.confirmed_bars}
