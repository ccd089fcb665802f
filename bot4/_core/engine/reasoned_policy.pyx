# cython: language_level=3
"""The reasoned policy's owner: rules from Python, checked once; state and higher banks kept alive."""

from libc.math cimport NAN
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from bot4._core.brain.blend cimport ALPHAS, ALPHA_TERMS_MAX, REGIMES, SOURCES, TIMEFRAMES, AlphaTerm
from bot4._core.brain.gate cimport ENTRY_VERDICTS, GateRules, Reasons
from bot4._core.brain.portfolio cimport PortfolioBook
from bot4._core.brain.regime cimport HIDDEN_MAX, RegimeRules
from bot4._core.brain.stops cimport RUNGS_MAX
from bot4._core.ta.features cimport Features
from bot4._core.ta.registry cimport FEATURE_COUNT
from bot4._core.types cimport aligned_zalloc

from bot4._core.brain.blend import ALPHA_NAMES as _ALPHA_NAMES
from bot4._core.brain.blend import REGIME_NAMES as _REGIME_NAMES
from bot4._core.brain.blend import SOURCE_NAMES as _SOURCE_NAMES
from bot4._core.brain.gate import ENTRY_NAMES as _ENTRY_NAMES

cdef int64_t PPM = 1_000_000


def _ppm(value) -> int:
    return round(float(value) * 1e6)


def _table(rows, columns, table, what):
    """A table of shares by name as rows of whole millionths."""
    unknown = sorted(set(table) - set(rows)) + sorted({name for row in table.values() for name in row} - set(columns))
    if unknown:
        raise ValueError(f"{what} knows no {unknown[0]!r}: rows are {', '.join(rows)}, columns {', '.join(columns)}")
    values = [[_ppm(table.get(row, {}).get(column, 0.0)) for column in columns] for row in rows]
    for name, row in zip(rows, values):
        if min(row) < 0 or not any(row):
            raise ValueError(f"{what} of {name} needs shares of 0 or more, one of them above 0")
    return values


cdef int _set_regime(RegimeRules* out, rules) except -1:
    cdef int i, j, count
    hidden = rules.pop("hidden", None)
    rules.setdefault("hidden_min", 0.0)
    out[0] = rules | {
        "hidden_count": 0, "labels": [0] * 4, "initial": [0.0] * 4, "transition": [[0.0] * 4] * 4, "mean": [0.0] * 4,
        "deviation": [1.0] * 4}
    if not 0.0 < out.slow_alpha <= out.fast_alpha <= 1.0:
        raise ValueError("a regime needs 0 < slow_alpha <= fast_alpha <= 1")
    if not 0.0 < out.trend_alpha <= 1.0:
        raise ValueError("a regime needs 0 < trend_alpha <= 1")
    if hidden is None:
        return 0
    count = len(hidden["mean"])
    if not 2 <= count <= HIDDEN_MAX or min(hidden["deviation"]) <= 0.0:
        raise ValueError(f"a hidden Markov model has 2 to {HIDDEN_MAX} states with deviations above 0")
    for row in [hidden["initial"], *hidden["transition"]]:
        if len(row) != count or min(row) < 0.0 or abs(sum(row) - 1.0) > 1e-6:
            raise ValueError(f"probabilities of {count} states must not be negative and sum to 1, were {row}")
    out.hidden_count = count
    for i in range(count):
        out.labels[i] = _REGIME_NAMES.index(hidden["labels"][i])
        out.initial[i] = hidden["initial"][i]
        out.mean[i] = hidden["mean"][i]
        out.deviation[i] = hidden["deviation"][i]
        for j in range(count):
            out.transition[i][j] = hidden["transition"][i][j]
    return 0


cdef int _set_gate(GateRules* out, rules) except -1:
    cdef uint32_t admitted = 0
    for name in rules.pop("regimes"):
        admitted |= <uint32_t>1 << <int>_REGIME_NAMES.index(name)
    out[0] = rules | {"regimes": admitted}
    return 0


cdef class ReasonedPolicy:
    """What decides on one instrument with reasons; made once, then owned by an engine.

    Parameters
    ----------
    lane : int
        Index of the instrument in its engine and in the portfolio.
    portfolio : PortfolioBook
        Shared by the policies of an engine.
    symbol : str
        For the records; at most 23 characters count.
    terms : sequence of (int, str, float, float, float)
        Feature index, sub-strategy (``trend``, ``reversion``, ``flow``, ``pair``), weight, centre and scale.
    allocation : mapping
        By regime: share of each sub-strategy.
    weights : mapping
        By regime: weight of each source (``ta``, ``ml``, ``sentiment``, ``onchain``, ``macro``, ``news``).
    ttl_ns : mapping
        By source: age from which it is stale.
    features : Features
        The lane's bank.
    higher_ns : sequence of int
        Its longer intervals that have to agree, at most 3.
    regime, edge, gate, size, guard : mapping
        Fields of RegimeRules, EdgeRules, GateRules, SizeRules and GuardRules (bot4/_core/brain), by name.
    volume_bars, record_interval_ns : int

    Raises
    ------
    ValueError
        A rule is out of range; the message names it.

    One owner thread once an engine has it.
    """

    def __cinit__(
        self, int lane, PortfolioBook portfolio not None, *, Features features not None, higher_ns=(), str symbol="",
        terms, allocation, weights, ttl_ns, regime, edge, gate, size, guard, int64_t volume_bars=50, int64_t record_interval_ns=60_000_000_000,
    ):
        self.reasoned = <Reasoned*>aligned_zalloc(sizeof(Reasoned))
        if self.reasoned == NULL:
            raise MemoryError("no memory for a policy")
        if not 0 <= lane < portfolio.portfolio.count:
            raise ValueError(f"the portfolio has {portfolio.portfolio.count} instruments, the policy is that of {lane}")
        if min(volume_bars, record_interval_ns) <= 0:
            raise ValueError("volume_bars and record_interval_ns must be positive")
        self.portfolio = portfolio
        self.reasoned.portfolio = portfolio.portfolio
        self.reasoned.lane = lane
        name = symbol.encode("ascii", "replace")[:23]
        memcpy(&self.reasoned.symbol[0], <const char*>name, len(name))
        self.reasoned.bar_ns = features.intervals_ns[0]
        self.reasoned.volume_bars = volume_bars
        self.reasoned.record_interval_ns = record_interval_ns
        self.reasoned.regime_now = -1
        self._set_blend(terms, allocation, weights, ttl_ns)
        self._set_higher(features, higher_ns)
        _set_regime(&self.reasoned.regime_rules, dict(regime))
        self._set_edge(dict(edge))
        _set_gate(&self.reasoned.gate_rules, dict(gate))
        self._set_size(dict(size))
        self._set_guard(dict(guard))

    def __dealloc__(self):
        free(self.reasoned)

    def _set_blend(self, terms, allocation, weights, ttl_ns):
        cdef AlphaTerm* term
        cdef int i, j
        if not 0 < len(terms) <= ALPHA_TERMS_MAX:
            raise ValueError(f"the sub-strategies have 1 to {ALPHA_TERMS_MAX} terms, were given {len(terms)}")
        for feature, alpha, weight, centre, scale in terms:
            if not 0 <= feature < FEATURE_COUNT or alpha not in _ALPHA_NAMES or not weight or not scale > 0.0:
                raise ValueError(
                    f"a term needs a feature below {FEATURE_COUNT}, a sub-strategy, a weight and a scale above 0, was "
                    f"{(feature, alpha, weight, centre, scale)}")
            term = &self.reasoned.blend_rules.terms[self.reasoned.blend_rules.term_count]
            term.feature, term.alpha = feature, _ALPHA_NAMES.index(alpha)
            term.weight, term.centre, term.inverse_scale = weight, centre, 1.0 / scale
            self.reasoned.blend_rules.term_count += 1
        shares = _table(_REGIME_NAMES, _ALPHA_NAMES, allocation, "allocation")
        sources = _table(_REGIME_NAMES, _SOURCE_NAMES, weights, "weights")
        for i in range(REGIMES):
            for j in range(ALPHAS):
                self.reasoned.blend_rules.allocation_ppm[i][j] = shares[i][j]
            for j in range(SOURCES):
                self.reasoned.blend_rules.weight_ppm[i][j] = sources[i][j]
        for j in range(SOURCES):
            self.reasoned.blend_rules.ttl_ns[j] = ttl_ns[_SOURCE_NAMES[j]]

    def _set_higher(self, Features features, higher_ns):
        cdef int i
        if len(higher_ns) > TIMEFRAMES:
            raise ValueError(f"there are at most {TIMEFRAMES} higher timeframes, were given {len(higher_ns)}")
        for i, interval_ns in enumerate(higher_ns):
            if interval_ns not in features.intervals_ns[1:]:
                raise ValueError(f"the features have no longer interval of {interval_ns} ns: {features.intervals_ns[1:]}")
            self.reasoned.higher_frames[i] = features.intervals_ns.index(interval_ns)
            self.reasoned.blend.higher[i] = NAN
        self.reasoned.blend.higher_count = len(higher_ns)
        self._features = features

    def _set_edge(self, rules):
        self.reasoned.edge_rules = rules
        if not 0 < self.reasoned.edge_rules.step_ns <= self.reasoned.edge_rules.horizon_ns:
            raise ValueError("an edge needs 0 < step_ns <= horizon_ns")
        if self.reasoned.edge_rules.horizon_ns // self.reasoned.edge_rules.step_ns > 60:
            raise ValueError("an edge keeps at most 60 steps of a horizon")
        if not 0.0 < self.reasoned.edge_rules.keep < 1.0 or self.reasoned.edge_rules.prior_weight < 0.0:
            raise ValueError("an edge needs 0 < keep < 1 and a prior weight of 0 or more")

    def _set_size(self, rules):
        self.reasoned.size_rules = rules | {"horizon_ns": self.reasoned.edge_rules.horizon_ns}
        if not 0 < self.reasoned.size_rules.kelly_ppm <= PPM // 2:
            raise ValueError(f"the share of Kelly must be above 0 and at most a half, was {rules['kelly_ppm']} ppm")

    def _set_guard(self, rules):
        rungs = [dict(rung) for rung in rules.pop("rungs")]
        self.reasoned.stop_step_ppm = rules.pop("venue_step_ppm", 0)
        if len(rungs) > RUNGS_MAX or sum(rung["share_ppm"] for rung in rungs) > PPM:
            raise ValueError(f"a ladder has at most {RUNGS_MAX} rungs whose shares are at most all of the position")
        if any(low["reward_milli"] >= high["reward_milli"] for low, high in zip(rungs, rungs[1:])):
            raise ValueError("the rungs of a ladder go upwards")
        padded = rungs + [{"reward_milli": 0, "share_ppm": 0}] * (RUNGS_MAX - len(rungs))
        self.reasoned.guard_rules = rules | {"rungs": padded, "rung_count": len(rungs)}
        if self.reasoned.guard_rules.stop_atr_milli <= 0 and self.reasoned.guard_rules.stop_min_ppm <= 0:
            raise ValueError("every position has a stop: by ATR, by a least distance, or both")
        if self.reasoned.guard_rules.qty_step_lots < 1:
            raise ValueError("qty_step_lots must be at least 1")

    @property
    def verdicts(self) -> dict:
        """How often each EntryVerdict was given, by its word."""
        cdef int i
        return {_ENTRY_NAMES[i]: self.reasoned.verdicts[i] for i in range(ENTRY_VERDICTS)}

    @property
    def stray_signals(self) -> int:
        """Signals out of range, which were not taken."""
        return self.reasoned.strays

    @property
    def reasons_bytes(self) -> int:
        """Size of a record of reasons."""
        return sizeof(Reasons)

    @property
    def outlook(self) -> dict:
        """Score, regime and guard as they are now, for displays and tests; not while the engine runs."""
        cdef Reasoned* r = self.reasoned
        return {
            "score": r.view.score, "confidence": r.view.confidence, "coverage": r.view.coverage,
            "regime": None if r.regime_now < 0 else _REGIME_NAMES[r.regime_now], "trend_t": r.regime.trend_t,
            "stress": r.regime.stress, "stop_ticks": r.guard.stop_ticks, "held_lots": r.guard.lots,
            "rungs_done": r.guard.rungs_done, "resolved": r.edge.resolved, "lapsed": r.edge.lapsed,
            "slope_per_score": 0.0 if r.edge.score_square <= 0.0 else r.edge.product / r.edge.score_square,
        }


cdef class StatedGate:
    """The gate of one instrument for orders whose worth is stated and not measured; made once, then owned by an engine.

    Parameters
    ----------
    lane : int
    symbol : str
        For the records; at most 23 characters count.
    expected_bps, confidence : float
        What an order is held to be worth before costs, and how surely, where its strategy does not say.
    horizon_ns : int
        Over which funding is paid.
    regime, gate : mapping
        As of `ReasonedPolicy`; of the gate regimes, confidence, margin, impact and funding count.
    volume_bars, record_interval_ns : int

    Raises
    ------
    ValueError
        A rule is out of range; the message names it.

    One owner thread once an engine has it.
    """

    def __cinit__(
        self, int lane, *, str symbol="", double expected_bps, double confidence, int64_t horizon_ns, regime, gate,
        int64_t volume_bars=50, int64_t record_interval_ns=60_000_000_000,
    ):
        self.claims = <Claims*>aligned_zalloc(sizeof(Claims))
        if self.claims == NULL:
            raise MemoryError("no memory for a gate")
        if min(volume_bars, record_interval_ns, horizon_ns) <= 0:
            raise ValueError("volume_bars, record_interval_ns and horizon_ns must be positive")
        if not abs(expected_bps) <= 1e6 or not 0.0 <= confidence <= 1.0:
            raise ValueError(f"an order is worth -1e6 .. 1e6 bps with confidence 0 .. 1, was {expected_bps}, {confidence}")
        self.claims.lane = lane
        name = symbol.encode("ascii", "replace")[:23]
        memcpy(&self.claims.symbol[0], <const char*>name, len(name))
        self.claims.expected_bps, self.claims.confidence = expected_bps, confidence
        self.claims.horizon_ns = horizon_ns
        self.claims.volume_bars = volume_bars
        self.claims.record_interval_ns = record_interval_ns
        self.claims.regime_now = -1
        _set_regime(&self.claims.regime_rules, dict(regime))
        _set_gate(&self.claims.gate_rules, dict(gate))

    def __dealloc__(self):
        free(self.claims)

    @property
    def verdicts(self) -> dict:
        """How often each EntryVerdict was given, by its word; exits are not counted."""
        cdef int i
        return {_ENTRY_NAMES[i]: self.claims.verdicts[i] for i in range(ENTRY_VERDICTS)}
