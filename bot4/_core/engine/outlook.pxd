"""What the reasoned policy knows of one instrument: signals, regime, worth of earlier scores, guard, and why it decided.

And what every other order there is judged by: `Claims`.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.brain.blend cimport Blend, BlendRules, BlendState
from bot4._core.brain.edge cimport EdgeRules, EdgeState
from bot4._core.brain.gate cimport GateRules, Reasons
from bot4._core.brain.portfolio cimport Portfolio
from bot4._core.brain.regime cimport RegimeRules, RegimeState
from bot4._core.brain.sizing cimport SizeRules
from bot4._core.brain.stops cimport GuardRules, GuardState
from bot4._core.ta.bank cimport FeatureBank
from bot4._core.types cimport OrderIntent, TopOfBook, money_t


ctypedef struct Reasoned:
    BlendRules blend_rules
    RegimeRules regime_rules
    EdgeRules edge_rules
    GateRules gate_rules
    SizeRules size_rules
    GuardRules guard_rules
    BlendState blend
    RegimeState regime
    EdgeState edge
    GuardState guard
    int64_t higher_frames[3]     # timeframes of the bank, by its number
    Portfolio* portfolio
    char symbol[24]
    int32_t lane
    int32_t regime_now           # -1: warming
    int64_t bars_seen            # of the base bank
    int64_t bar_ns               # interval of its bars
    int64_t volume_lots          # running mean of a bar's volume
    int64_t volume_bars          # bars that the mean looks back on
    int64_t atr_ticks            # 0: not known yet
    double bar_deviation
    int64_t funding_rate_ppb     # the venue's last, and when it is settled; 0: not known
    int64_t funding_next_ns
    int64_t record_interval_ns   # refused entries of one reason are journalled once in this time
    int64_t record_next_ns
    int32_t record_verdict
    int64_t repeats
    int64_t strays               # what sources said that is no score
    bint has_reasons             # `reasons` belongs to the intent that goes to the desk now
    bint is_recorded             # `reasons` of a refused entry is to be journalled
    int64_t stop_step_ppm        # the stop works at the external venue, moved by at least this; 0: watched here alone
    int64_t stop_lots            # position that the stop at the venue was placed for
    int64_t stop_next_ns         # no other is placed before
    uint64_t verdicts[16]        # by EntryVerdict
    Blend view                   # of the last touch
    Reasons reasons


# Whose word the expectation of a claim is, in the record's `used`; there is no source of a score.
cdef enum:
    CLAIM_BY_STRATEGY = 1
    CLAIM_BY_SETTINGS = 2


# The gate of orders that nobody measured a worth for: of strategies of one's own, of the linear policy, of hands.
ctypedef struct Claims:
    GateRules gate_rules
    RegimeRules regime_rules
    RegimeState regime
    char symbol[24]
    int32_t lane
    int32_t regime_now           # -1: unknown, as always where no features are kept
    double expected_bps          # of an order that states nothing
    double confidence
    int64_t horizon_ns
    int64_t bars_seen
    int64_t volume_lots
    int64_t volume_bars
    double bar_deviation
    int64_t funding_rate_ppb     # as Reasoned has them
    int64_t funding_next_ns
    int64_t record_interval_ns
    int64_t record_next_ns
    int32_t record_verdict
    int64_t repeats
    bint has_reasons
    uint64_t verdicts[16]        # by EntryVerdict
    Reasons reasons


# After every event, where features are kept: a bar that it closed moves regime, deviation and volume.
cdef void claims_apply_bars(Claims* claims, const FeatureBank* bank) noexcept nogil
# Judge an order by what it is held to be worth; EntryVerdict. One that takes risk away (`is_exit`) always passes.
# `has_reasons` tells whether the record is to be journalled; refusals of one reason are, once in each interval.
cdef int claims_judge(Claims* claims, const ContractSpec* spec, const TopOfBook* top, const OrderIntent* intent,
                      bint is_exit, int64_t now_ns) noexcept nogil
# The record that belongs to what is journalled next, once; NULL where there is none.
cdef Reasons* outlook_take_reasons(Reasoned* reasoned, Claims* claims) noexcept nogil
# After every event: a bar that it closed moves regime, volume and higher timeframes.
cdef void reasoned_apply_bars(Reasoned* reasoned, FeatureBank* bank) noexcept nogil
# The score, and outcomes of earlier ones: on every touch, whether or not a decision follows.
cdef void reasoned_apply_touch(Reasoned* reasoned, const FeatureBank* bank, const TopOfBook* top,
                               int64_t now_ns) noexcept nogil
# A mark of the shard: equity, exposure, drawdown.
cdef void reasoned_apply_mark(Reasoned* reasoned, const ContractSpec* spec, int64_t lots, int64_t mark_ticks,
                              money_t equity_atoms, int64_t now_ns) noexcept nogil
# What a source says, and how old that is.
cdef void reasoned_apply_source(Reasoned* reasoned, int64_t source, int64_t score_ppm, int64_t confidence_ppm,
                                int64_t stamp_ns) noexcept nogil
# What the venue charges a perpetual next, and when; either part may be NULL.
cdef void outlook_apply_funding(Reasoned* reasoned, Claims* claims, int64_t rate_ppb, int64_t next_ns) noexcept nogil
cdef uint64_t reasoned_hash(const Reasoned* reasoned) noexcept nogil
