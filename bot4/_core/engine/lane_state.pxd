"""What one lane is made of, and what the lanes of a shard share."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.account.ledger cimport Ledger
from bot4._core.account.positions cimport Position
from bot4._core.book.book_sync cimport BookSync
from bot4._core.engine.decide cimport DecisionState, Policy
from bot4._core.engine.orders cimport OrderTable
from bot4._core.engine.outlook cimport Claims, Reasoned
from bot4._core.engine.stages cimport Stages
from bot4._core.engine.strategy_call cimport StrategyHook
from bot4._core.engine.tape cimport Tape
from bot4._core.engine.trade_ids cimport TradeIds
from bot4._core.journal.append cimport JournalStream
from bot4._core.mem.intent_ring cimport spsc_intent_ring_t
from bot4._core.mem.spsc cimport spsc_ring_t
from bot4._core.mem.waiter cimport waiter_t
from bot4._core.risk.circuit cimport BreakerState
from bot4._core.risk.limits cimport RiskLimits, RiskState
from bot4._core.sim.paper cimport PaperVenue
from bot4._core.ta.bank cimport FeatureBank
from bot4._core.ta.bars cimport TimeBars
from bot4._core.types cimport Bar, Event, OrderIntent, TopOfBook, money_t


cdef enum:
    OUTCOMES_MAX = 64        # order events taken from the paper venue in one go


# What a refused intent is filed under in the journal.
cpdef enum RefusalStage:
    REFUSED_BY_RISK = 1      # verdict: RiskVerdict or FilterVerdict
    REFUSED_BY_ACCOUNT = 2   # verdict: LedgerVerdict
    REFUSED_BY_BREAKER = 3
    REFUSED_BY_TABLE = 4     # no room for another working order
    REFUSED_BY_GATEWAY = 5   # the ring to the gateway is full, but for what working orders need to be cancelled
    REFUSED_BY_GATE = 6      # verdict: the GateReason bits that hold the lane
    REFUSED_BY_ENTRY = 7     # verdict: EntryVerdict of the reasoned policy


cpdef enum BookSource:
    SOURCE_NONE = 0
    SOURCE_DEPTH = 1         # snapshot and diffs
    SOURCE_QUOTE = 2         # best bid and ask only
    SOURCE_ASSUMED = 3       # prints or bars only: a touch is assumed around the last price


# Why a lane takes no new risk; a set of bits, 0: open. Cancels and reduce-only orders pass whatever is set.
cpdef enum GateReason:
    GATE_START = 1           # not reconciled with its venue since the start
    GATE_OPERATOR = 2
    GATE_MISMATCH = 4        # the venue's reports and our books contradict each other, see Mismatch


# What closed a lane's gate with GATE_MISMATCH; kept until it opens again.
cpdef enum Mismatch:
    MISMATCH_NONE = 0
    MISMATCH_MISSING = 1     # the venue's filled total is above ours: a fill was lost
    MISMATCH_BACKWARDS = 2   # the venue's filled total is below ours
    MISMATCH_OVERFILL = 3    # more was filled than ordered
    MISMATCH_STRAY_FILL = 4  # a fill of an order this lane does not hold
    MISMATCH_AFTERLIFE = 5   # dropped, or never there, says a report of an order that the venue has taken
    MISMATCH_FIELDS = 6      # a field out of its range, or a fill without a trade id: the report was not applied
    MISMATCH_LEDGER = 7      # the account cannot hold what the venue filled


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
    uint64_t duplicates      # fills whose trade id was applied before
    uint64_t unknowns        # orders whose outcome nobody knew for a time
    uint64_t absent          # of those: the venue never had them
    uint64_t gated           # decisions to open or add while the gate was closed
    uint64_t held_cancels    # cancels that found the ring full and went later
    int64_t funding_atoms    # paid at settlements; below 0: received


ctypedef struct Refusal:
    OrderIntent intent
    int64_t stage
    int64_t verdict


# What every lane of a shard shares.
ctypedef struct LaneShared:
    Ledger* ledger
    BreakerState* breaker
    JournalStream* journal   # NULL: no file; records are counted, so that order ids are the same
    Tape* tape               # NULL: nothing is kept in memory
    StrategyHook* strategy   # NULL: the built-in policy decides
    Stages* stages
    spsc_intent_ring_t* intents   # to the gateway; NULL where every lane trades on paper
    waiter_t* gateway        # the gateway sleeps here
    int64_t intents_capacity
    int64_t owed             # working orders at the venue without a cancel on its way: each is owed a slot of the ring
    spsc_ring_t* timed       # of an external venue in lockstep: its reports, taken at their own time; else NULL
    Event timed_front        # the one at the front of it, where `has_timed`
    bint has_timed
    int64_t journal_errno    # of the first append that failed, else 0
    uint64_t next_seq        # of the next record, where there is no journal
    uint64_t events          # market events applied: where in the stream something of another ring was taken
    bint is_stopping         # no new decisions; reports are still taken
    bint has_strategy_ended  # CONTROL_STRATEGY_END: its thread may still ask, nothing of it is taken
    bint syncs_orders        # a new order is on the disk before it is sent, not only in the kernel's hands
    bint is_replaying        # the journal is read back: nothing is written to it and nothing is sent
    bint is_timed            # stage latencies of this message are measured


ctypedef struct Lane
ctypedef struct Lane:
    LaneShared* shared
    BookSync* sync
    FeatureBank* bank
    PaperVenue* paper        # NULL: the orders go to an external venue
    RiskLimits* limits
    RiskState* risk
    ContractSpec* spec
    Position* position
    TradeIds* trade_ids      # of the external venue's fills; NULL on paper
    Reasoned* reasoned       # NULL: the linear policy decides
    Claims* claims           # the gate of what is not decided with reasons; NULL: none, in tests of the parts below it
    int32_t instrument
    int32_t source           # BookSource of the touch
    uint32_t gate            # GateReason bits, 0: open
    int32_t mismatch         # Mismatch that closed it
    bint is_top_stale[2]     # a level of this message may have changed the side's five best
    bint has_depth           # a depth message was seen: then only a live book is traded on
    bint needs_snapshot      # for the feed: the book is not live and waits for a snapshot
    bint is_featureless      # nobody reads features: the bank is not fed
    bint plays_bars          # where bars are the only market, a closed one is told to the paper venue as prints
    int64_t assumed_half_spread_ticks
    money_t position_ticklots_max   # becomes lots at the first touch, then 0
    int64_t last_price_ticks
    int64_t equity_atoms     # of the settle asset, at the last mark; before the first the money held
    uint64_t message_start_ticks   # of the depth message in progress, where it is timed
    Bar bar                  # the bar whose second half has not come yet
    Lane* reference          # whose price the bank takes for its reference; NULL: none
    TimeBars own_bars        # of prints, told to a strategy where the data has none; interval 0: it has
    int64_t touch_id         # update id of the touch, so that an older source never replaces a newer one
    int64_t last_refusal_ns
    bint has_refused
    bint has_started         # the strategy was told of the instrument's first event
    bint has_held_cancels    # an order of the table has a cancel that found the ring full
    int32_t flatten_reason   # DecisionReason of a flatten that is not done, 0: none
    int64_t flatten_next_ns  # not tried again before
    TopOfBook top
    Policy policy
    DecisionState decision
    OrderTable orders
    LaneCounters counters
    Event outcomes[OUTCOMES_MAX]


# Append a record; the first failure stops new orders for good (what is out there may still be cancelled).
# `is_new_order`: stops where the disk is full, and is synced first where the shard wants that.
cdef void shared_journal(LaneShared* shared, int kind, const void* payload, unsigned int length, int64_t now_ns,
                         bint is_new_order) noexcept nogil
# Have what was journalled on the disk now: what an operator ordered, before it takes effect.
cdef void shared_sync(LaneShared* shared, int64_t now_ns) noexcept nogil
# Close the lane's gate for what the venue said; journalled as a control of the engine's own.
cdef void lane_mismatch(Lane* lane, int mismatch, int64_t now_ns) noexcept nogil
# The gate's word on an order that is to be placed: EntryVerdict.
cdef int lane_judge(Lane* lane, const OrderIntent* intent, int64_t now_ns) noexcept nogil
# Clear reasons of a closed gate (0: START and MISMATCH); not while the outcome of an order is unknown.
cdef void lane_open_gate(Lane* lane, int64_t reasons) noexcept nogil
cdef uint64_t lane_hash(const Lane* lane) noexcept nogil
