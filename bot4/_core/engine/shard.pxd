"""The shard: one thread's lanes, their shared account, breaker and journal, and the clock that events carry."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.account.positions cimport Position
from bot4._core.engine.lane_state cimport Lane, LaneShared
from bot4._core.engine.view cimport ViewState
from bot4._core.types cimport Event


cdef enum:
    LANES_MAX = 64


# A point of the equity curve, as journalled: 64 bytes.
ctypedef struct MarkRecord:
    int64_t instrument
    int64_t ts_ns
    int64_t mark_ticks
    int64_t position_lots
    uint64_t equity_low      # of the settle asset, atoms
    int64_t equity_high
    uint64_t realised_low
    int64_t realised_high


ctypedef struct ShardState:
    LaneShared shared
    Lane* lanes
    Position* positions
    ContractSpec* specs
    ViewState* view
    int32_t lane_count
    int64_t now_ns           # latest stamp seen; never goes back
    int64_t market_ns        # latest stamp of an event that is no timer
    int64_t tick_interval_ns
    int64_t next_tick_ns     # 0 before the first event
    int64_t mark_interval_ns
    int64_t next_mark_ns
    int64_t jump_ns          # a gap longer than this is a clock jump: only its first part is lived through
    uint64_t messages        # whole market messages applied
    uint64_t controls
    uint64_t reports         # of external venues, taken from their ring
    uint64_t marks
    uint64_t strays          # events of an unknown instrument, reports to a lane that trades on paper
    uint64_t clock_backs     # events stamped before the one in front of them
    uint64_t clock_jumps
    uint64_t breaker_word    # last seen: a change means that its action is due
    uint64_t sample_mask     # stage times of a message are taken where message & mask == 0
    int64_t marks_ticks[LANES_MAX]


cdef void shard_apply(ShardState* shard, const Event* event) noexcept nogil
# A further event of the message that began with the last one: at its time, of its instrument.
cdef void shard_apply_rest(ShardState* shard, const Event* event) noexcept nogil
cdef void shard_advance(ShardState* shard, int64_t now_ns) noexcept nogil    # live through the time up to now
cdef void shard_live_now(ShardState* shard) noexcept nogil    # what is due at this very moment
# Reports of an external venue, in the order they came; where in the market stream they were taken is journalled first.
cdef void shard_apply_reports(ShardState* shard, const Event* reports, int64_t count) noexcept nogil
cdef void shard_publish(ShardState* shard) noexcept nogil          # the state as other threads may see it
cdef uint64_t shard_hash(const ShardState* shard) noexcept nogil
