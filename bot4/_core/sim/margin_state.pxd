"""What perpetuals add to an exchange: brackets, positions, and what an account has and wants on each symbol.

Header only. Bounds that keep every product within 128 bits: a tick times a lot is at most 2^30 atoms, an order or a
position at most 2^40 lots, a mark price at most 2^40 ticks.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from bot4._core.account.money cimport money_mul, money_rate_up, money_sub
from bot4._core.book.conditional cimport ConditionalBook
from bot4._core.types cimport money_t, mul_wide


cdef enum:
    MAX_BRACKETS = 16
    DEFAULT_LEVERAGE = 20
    MAX_LEVERAGE = 125


cdef enum OrderOrigin:
    ORIGIN_LIQUIDATION = 255


cdef enum AlgoState:
    ALGO_NEW = 0
    ALGO_TRIGGERING = 1
    ALGO_TRIGGERED = 2
    ALGO_FINISHED = 3
    ALGO_CANCELED = 4
    ALGO_REJECTED = 5
    ALGO_EXPIRED = 6


cdef extern from *:
    """
    #define BOT4_MAX_POSITION_LOTS (INT64_C(1) << 40)
    #define BOT4_NEVER_NS INT64_MAX
    #define BOT4_POSITION_BOTH 0
    #define BOT4_POSITION_LONG 1
    #define BOT4_POSITION_SHORT 2
    """
    const int64_t MAX_POSITION_LOTS "BOT4_MAX_POSITION_LOTS"
    const int64_t NEVER_NS "BOT4_NEVER_NS"
    const int POSITION_BOTH "BOT4_POSITION_BOTH"
    const int POSITION_LONG "BOT4_POSITION_LONG"
    const int POSITION_SHORT "BOT4_POSITION_SHORT"


ctypedef struct LeverageBracket:
    money_t cap_atoms           # of notional
    money_t cumulative_atoms
    int64_t maintenance_e8
    int64_t max_leverage


ctypedef struct Perpetual:
    ConditionalBook marked      # algo orders that wait for the mark price, in mark ticks
    ConditionalBook guarded[2]  # those that do not trigger while prices are far apart: by the last price, by the mark
    LeverageBracket brackets[16]
    int64_t bracket_count
    int64_t mark_price          # in mark ticks; 0: none yet
    int64_t index_price
    int64_t divisions           # mark ticks in a tick
    int64_t atoms_per_marklot
    int64_t liquidation_fee_e8
    int64_t margin_call_ppm     # of the balance, that the maintenance must exceed
    int64_t protect_ppm         # how far apart the last and the mark price may be for those; 0: any
    int64_t last_funding_e8
    int64_t last_funding_ns
    int64_t next_funding_ns


ctypedef struct Position:
    money_t entry_atoms         # what the lots cost; of a short below zero
    money_t realised_atoms
    money_t isolated_atoms      # the position's own wallet; part of the account's locked balance
    int64_t lots                # below zero: short
    int64_t updated_ns
    uint64_t touched_in         # the round in which it was last noted
    int64_t reserved


# One account on one symbol.
ctypedef struct Holding:
    Position positions[3]       # BOTH, or LONG and SHORT
    money_t open_ticklots[2]    # of orders that may open, by side
    int64_t open_lots[2]
    int64_t countdown_ns        # cancels the orders; 0: none
    int32_t leverage            # 0: DEFAULT_LEVERAGE
    int32_t reducing            # open orders that may only reduce
    uint8_t is_isolated
    uint8_t is_called           # a margin call of the isolated position was told
    uint8_t reserved[6]


ctypedef struct MarginState:
    Holding* holdings           # account * max_symbols + symbol; NULL: no perpetual
    uint32_t* touched           # positions noted in this round: 4 * holding + index
    int64_t touched_count
    uint64_t round
    int32_t* suspects           # accounts whose margin a request may have cut
    int32_t suspect_count
    int32_t open_positions      # of everyone but the house
    uint8_t* suspected          # by account
    uint8_t* called             # account * max_assets + asset: a margin call was told
    uint64_t last_algo_id
    int64_t due_ns              # earliest countdown
    int32_t cause               # reason of POSITION and BALANCE records
    uint32_t reserved_slots     # orders that only a liquidation may open
    int32_t perpetuals


cdef inline int64_t whole(int64_t lots) noexcept nogil:
    return lots if lots >= 0 else -lots


cdef inline int leverage_of(const Holding* holding) noexcept nogil:
    return holding.leverage if holding.leverage != 0 else DEFAULT_LEVERAGE


cdef inline money_t at_mark(const Perpetual* perpetual, int64_t lots) noexcept nogil:
    """Signed value of lots at the mark price."""
    return money_mul(mul_wide(perpetual.mark_price, lots), perpetual.atoms_per_marklot)


cdef inline money_t unrealised(const Perpetual* perpetual, const Position* position) noexcept nogil:
    return money_sub(at_mark(perpetual, position.lots), position.entry_atoms)


cdef inline money_t rate_against(money_t atoms, int64_t rate_e8) noexcept nogil:
    """Rate of an amount of any sign, rounded up, against whoever pays it."""
    return money_rate_up(atoms, rate_e8) if atoms >= 0 else money_rate_up(-atoms, -rate_e8)


cdef inline int position_of(int flags) noexcept nogil:
    """Which position an order is about: POSITION_*."""
    return flags >> 6
