"""One decision: features -> score -> target -> size -> order intent. Pure: the caller checks risk and the breaker."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.types cimport OrderIntent, TopOfBook, money_t


cdef enum:
    POLICY_TERMS_MAX = 128


cpdef enum DecisionVerdict:
    DECIDE_ORDER = 0        # `out` holds a PLACE
    DECIDE_CANCEL = 1       # `out` holds a CANCEL of the working order
    DECIDE_WARMING = 2      # a feature of the score has not seen enough data
    DECIDE_NO_TOUCH = 3     # one side of the book is empty
    DECIDE_HOLD = 4         # the score asks for no change
    DECIDE_BUSY = 5         # an order is working
    DECIDE_COOLDOWN = 6     # too soon after the last intent
    DECIDE_TOO_SMALL = 7    # below the venue's smallest order: dust stays, nothing is sent


cpdef enum DecisionReason:
    REASON_NONE = 0
    REASON_ENTER = 1        # open or add in the score's direction
    REASON_EXIT = 2         # the score turned: close what is held
    REASON_STALE_ORDER = 3  # the working order waited longer than its time to live
    REASON_SCORE_TURNED = 4  # the working order is on the wrong side of the score
    REASON_SHUTDOWN = 5
    REASON_BREAKER = 6
    REASON_OPERATOR = 7
    REASON_GATE = 8         # the gate closed on the venue's contradiction
    REASON_STRATEGY = 9     # a strategy of one's own asked for it
    REASON_STOP = 10        # a position's stop was reached
    REASON_TARGET = 11      # a rung of its ladder of targets
    REASON_TIME = 12        # it was held as long as allowed
    REASON_DRAWDOWN = 13    # the portfolio's drawdown latched: everything is closed


ctypedef struct PolicyTerm:
    int32_t feature          # index in the feature vector
    double weight
    double inverse_scale     # the feature is divided by its scale, then clipped to -1 .. 1


# Immutable while a shard runs.
ctypedef struct Policy:
    PolicyTerm terms[POLICY_TERMS_MAX]
    int32_t term_count
    bint short_allowed
    double enter_score
    double take_score        # at or above: take liquidity; below: join the touch with a post-only order
    double exit_score
    money_t order_ticklots   # order budget, price_ticks x qty_lots; not used where order_lots is set
    money_t position_ticklots
    int64_t order_lots       # fixed order size (inverse contracts), else 0
    int64_t position_lots
    int64_t price_step_ticks  # orders lie on a coarser grid than the data where the venue says so
    int64_t qty_step_lots
    int64_t qty_min_lots
    int64_t qty_max_lots
    money_t notional_min_ticklots
    int64_t cooldown_ns
    int64_t passive_ttl_ns
    int64_t take_slippage_ppm


# What the account holds and what is on its way, at the moment of the decision.
ctypedef struct Exposure:
    int64_t position_lots
    uint64_t working_id      # the one working order, 0 where there is none
    int64_t working_since_ns
    int working_side
    bint cancel_pending


ctypedef struct DecisionState:
    double score             # of the last pass; NaN while warming
    int64_t last_intent_ns
    bint has_traded          # last_intent_ns counts
    uint64_t verdicts[8]     # how often each DecisionVerdict was given


cdef double policy_score(const Policy* policy, const double* features) noexcept nogil   # NaN while warming
cdef bint is_large_enough(const Policy* policy, int64_t qty_lots, int64_t price_ticks) noexcept nogil   # for the venue
# The working order stays unless it is too old or the score points the other way: DECIDE_BUSY, or DECIDE_CANCEL.
cdef int decide_working(const Policy* policy, const DecisionState* state, const Exposure* exposure, int64_t now_ns,
                        OrderIntent* out) noexcept nogil
cdef int64_t price_on_step(int64_t price_ticks, int64_t step_ticks, bint up) noexcept nogil
cdef int decide(const Policy* policy, DecisionState* state, const double* features, const TopOfBook* top,
                const Exposure* exposure, int64_t now_ns, OrderIntent* out) noexcept nogil


cdef class LinearPolicy:
    cdef Policy* policy
