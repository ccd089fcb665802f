"""The gate: an entry exists only where its expected value after every cost is above a margin; and the record of why."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.types cimport TopOfBook


# EntryVerdict: why an entry was not asked for; in the order in which they are looked at.
cdef enum:
    ENTRY_PASS = 0
    ENTRY_NO_EQUITY = 1      # nothing is known of the account yet
    ENTRY_DRAWDOWN = 2       # the portfolio's drawdown latched
    ENTRY_REGIME = 3         # the regime is unknown, or admits no entries
    ENTRY_COVERAGE = 4       # too little of the sources' weight spoke
    ENTRY_CONFIDENCE = 5
    ENTRY_UNCONFIRMED = 6    # the score has not pointed this way for enough bars
    ENTRY_TIMEFRAMES = 7     # too few of the higher timeframes agree
    ENTRY_UNPROVEN = 8       # too few outcomes of earlier scores are known
    ENTRY_VALUE = 9           # expected value after costs is not above the margin
    ENTRY_SIZE = 10           # a bound on the size leaves less than the venue's smallest order
    ENTRY_DIRECTION = 11     # short where shorts are not allowed
    ENTRY_NO_REASONS = 12    # an order to add risk that the gate never saw: there is no way around it


cdef enum:
    ENTRY_VERDICTS = 13
    REASONS_VERSION = 1


# Immutable while a shard runs. Rates are parts per billion of the notional.
ctypedef struct GateRules:
    uint32_t regimes             # bit set of Regime that admit entries
    int32_t confirm_bars
    double coverage_min
    double confidence_min
    double timeframes_min
    double samples_min
    double errors                # standard errors of the estimate that the value has to clear, too
    int64_t margin_ppb
    int64_t impact_ppm           # coefficient of the square-root law, millionths
    int64_t funding_ppb          # assumed for each interval where the venue's rate is not known; 0: no perpetual
    int64_t funding_interval_ns


# The whole arithmetic of one decision: journalled beside the intent or the refusal it belongs to.
ctypedef struct Reasons:
    uint32_t version
    int32_t verdict              # EntryVerdict
    uint64_t order_id            # 0: refused
    int64_t ts_ns
    int32_t instrument
    int32_t side
    int32_t is_maker
    int32_t regime               # -1: unknown
    int64_t repeats              # decisions refused for the same reason since the last record
    # Signal.
    double score
    double confidence
    double coverage
    double agreement
    double timeframes
    double scores[6]
    int64_t age_ns[6]
    int32_t share_ppm[6]
    uint32_t used
    uint32_t stale
    uint32_t missing
    int32_t confirmed_bars
    double alphas[4]
    double trend_t
    double stress
    # Expected value over the horizon.
    int64_t horizon_ns
    double samples
    double deviation
    int64_t edge_ppb
    int64_t error_ppb
    int64_t fee_ppb
    int64_t spread_ppb
    int64_t impact_ppb
    int64_t funding_ppb          # negative: received
    int64_t value_ppb            # edge less every cost
    int64_t needed_ppb           # margin plus errors
    # Size.
    uint64_t equity_low
    int64_t equity_high
    int32_t caps_ppm[8]          # by SizeBound; capped at 2^31 - 1
    int64_t held_ppm
    int32_t size_ppm
    int32_t bound                # SizeBound
    int64_t price_ticks
    int64_t qty_lots
    int64_t bid_ticks
    int64_t ask_ticks
    int64_t stop_ticks
    int64_t atr_ticks
    # Who had the last word.
    int32_t refusal_stage        # RefusalStage, 0: none
    int32_t refusal_verdict
    # What turns ticks, lots and atoms into amounts, so that a record can be read by itself.
    int64_t tick_mantissa
    int64_t lot_mantissa
    int64_t contract_size
    int32_t tick_decimals
    int32_t lot_decimals
    int32_t settle_decimals
    int32_t contract_kind
    char symbol[24]


# Costs of going in and out again, into `out`: fee, spread, impact, funding.
cdef void gate_costs(const GateRules* rules, const ContractSpec* spec, const TopOfBook* top, int side, bint is_maker,
                     int64_t qty_lots, double bar_deviation, int64_t bar_volume_lots, int64_t now_ns,
                     int64_t funding_rate_ppb, int64_t funding_next_ns, Reasons* out) noexcept nogil
# Expected value from the edge and the costs that are in `out`; true where it clears what is needed.
cdef bint gate_value(const GateRules* rules, double edge, double error, Reasons* out) noexcept nogil
# The checks of the signal, in the order of the verdicts; ENTRY_PASS where all hold.
cdef int gate_signal(const GateRules* rules, const Reasons* reasons) noexcept nogil
