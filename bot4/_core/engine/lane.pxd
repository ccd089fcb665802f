"""One instrument's way through the engine: market event -> book -> features -> decision -> guards -> venue, and back."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.account.ledger cimport Ledger
from bot4._core.account.positions cimport Position
from bot4._core.book.book_sync cimport BookSync
from bot4._core.engine.decide cimport DecisionState, Policy
from bot4._core.engine.orders cimport OrderTable
from bot4._core.engine.stages cimport Stages
from bot4._core.journal.stream cimport JournalStream
from bot4._core.risk.circuit cimport BreakerState
from bot4._core.risk.limits cimport RiskLimits, RiskState
from bot4._core.sim.paper cimport PaperVenue
from bot4._core.ta.bank cimport FeatureBank
from bot4._core.types cimport Bar, Event, OrderIntent, TopOfBook, money_t


cdef enum:
    OUTCOMES_MAX = 64        # order events taken from the venue in one go


# What a refused intent is filed under in the journal.
cpdef enum RefusalStage:
    REFUSED_BY_RISK = 1      # verdict: RiskVerdict or FilterVerdict
    REFUSED_BY_ACCOUNT = 2   # verdict: LedgerVerdict
    REFUSED_BY_BREAKER = 3
    REFUSED_BY_TABLE = 4     # no room for another working order


cpdef enum BookSource:
    SOURCE_NONE = 0
    SOURCE_DEPTH = 1         # snapshot and diffs
    SOURCE_QUOTE = 2         # best bid and ask only
    SOURCE_ASSUMED = 3       # prints or bars only: a touch is assumed around the last price


ctypedef struct LaneCounters:
    uint64_t depth_messages
    uint64_t quotes
    uint64_t trades
    uint64_t bars
    uint64_t gaps
    uint64_t resyncs
    uint64_t crossed
    uint64_t decisions
    uint64_t intents         # PLACE intents journalled
    uint64_t cancels         # CANCEL intents journalled
    uint64_t refusals
    uint64_t dropped         # admitted, then stopped at the gateway
    uint64_t acks
    uint64_t fills
    uint64_t rejects
    uint64_t strays          # reports of orders this lane does not know


ctypedef struct Refusal:
    OrderIntent intent
    int64_t stage
    int64_t verdict


# What every lane of a shard shares.
ctypedef struct LaneShared:
    Ledger* ledger
    BreakerState* breaker
    JournalStream* journal   # NULL: nothing is kept (benchmarks)
    Stages* stages
    int64_t journal_errno    # of the first append that failed, else 0
    bint is_stopping         # no new decisions; reports are still taken
    bint is_timed            # stage latencies of this message are measured


ctypedef struct Lane:
    LaneShared* shared
    BookSync* sync
    FeatureBank* bank
    PaperVenue* paper
    RiskLimits* limits
    RiskState* risk
    ContractSpec* spec
    Position* position
    int32_t instrument
    int32_t source           # BookSource of the touch
    bint has_depth           # a depth message was seen: then only a live book is traded on
    bint needs_snapshot      # for the feed: the book is not live and waits for a snapshot
    int64_t assumed_half_spread_ticks
    money_t position_ticklots_max   # becomes lots at the first touch, then 0
    int64_t last_price_ticks
    uint64_t message_start_ticks   # of the depth message in progress, where it is timed
    Bar bar                  # the bar whose second half has not come yet
    int64_t touch_id         # update id of the touch, so that an older source never replaces a newer one
    int64_t last_refusal_ns
    bint has_refused
    TopOfBook top
    Policy policy
    DecisionState decision
    OrderTable orders
    LaneCounters counters
    Event outcomes[OUTCOMES_MAX]


cdef void shared_journal(LaneShared* shared, int kind, const void* payload, unsigned int length, int64_t now_ns,
                         bint is_new_order) noexcept nogil
cdef void lane_apply_market(Lane* lane, const Event* event, int64_t now_ns) noexcept nogil
cdef void lane_apply_time(Lane* lane, int64_t now_ns) noexcept nogil
cdef int64_t lane_next_due(const Lane* lane) noexcept nogil         # when the venue next acts; INT64_MAX: never
cdef void lane_place(Lane* lane, OrderIntent* intent, int64_t now_ns) noexcept nogil
cdef void lane_cancel(Lane* lane, uint64_t order_id, int reason, int64_t now_ns) noexcept nogil
cdef void lane_cancel_all(Lane* lane, int reason, int64_t now_ns) noexcept nogil
cdef int64_t lane_mark_ticks(const Lane* lane) noexcept nogil       # mid of the touch, last print, or 0
cdef uint64_t lane_hash(const Lane* lane) noexcept nogil
