"""What the simulated exchange holds: orders, symbols, accounts, lists, and the records it takes and gives.

Header only. One slot number names an order everywhere: in the pool of the books, here, in the heaps and queues.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from bot4._core.account.balances cimport Balances
from bot4._core.book.conditional cimport ConditionalBook, TrailState
from bot4._core.book.matching cimport L3Book
from bot4._core.book.order_index cimport OrderIndex
from bot4._core.book.order_pool cimport OrderPool
from bot4._core.book.slot_heap cimport HeapNode, SlotHeap
from bot4._core.risk.filters cimport VenueFilters
from bot4._core.sim.average_price cimport AveragePrice
from bot4._core.sim.margin_state cimport Holding, MarginState, Perpetual
from bot4._core.types cimport money_t


cdef enum OrderPlace:
    PLACE_NOWHERE = 0       # being matched, or waiting in the queue of what a request set off
    PLACE_BOOK = 1
    PLACE_CONDITIONAL = 2
    PLACE_PENDING = 3       # waits for the working order of its list


# 96 bytes; money as two words, low first.
ctypedef struct ExchangeRequest:
    uint8_t kind                # REQUEST_*
    uint8_t side
    uint8_t type                # TYPE_*
    uint8_t tif                 # TIME_*
    uint8_t stp                 # STP_*
    uint8_t flags               # ORDER_*
    uint16_t symbol             # of a deposit or withdrawal: the asset
    int32_t account
    int32_t trailing_bips
    int64_t qty_lots
    int64_t price_ticks
    int64_t stop_ticks
    int64_t iceberg_lots
    money_t quote_atoms         # MARKET by quote amount instead of quantity
    int64_t expire_ns           # GTD
    uint64_t client_key         # 0: none; unique among the account's open orders
    int64_t now_ns
    uint64_t order_id           # what a cancel, amend or cancel-replace is about


# 256 bytes.
ctypedef struct ExchangeReport:
    uint64_t sequence
    int64_t time_ns
    uint64_t order_id
    uint64_t client_key
    int64_t list_id             # -1: none; of a perpetual: the algo order it came from
    uint64_t counterparty_order_id
    int64_t trade_id            # -1: none; of a prevention, its own count
    int64_t price_ticks
    int64_t stop_ticks
    int64_t orig_lots
    int64_t executed_lots
    int64_t prevented_lots
    int64_t last_lots           # of a prevention: what this order lost by it
    int64_t last_price_ticks
    money_t cumulative_quote_atoms
    money_t last_quote_atoms
    money_t fee_atoms           # below zero: a rebate
    money_t free_atoms          # of a balance record; of a perpetual's trade: realised profit
    money_t locked_atoms
    int64_t iceberg_lots
    int64_t created_ns
    int64_t working_ns          # -1: not working yet
    uint8_t execution_type
    uint8_t side
    uint8_t type
    uint8_t tif
    uint8_t status
    uint8_t reason
    uint8_t is_maker
    uint8_t is_working
    uint8_t stp
    uint8_t list_kind
    uint8_t list_status
    uint8_t list_order_status
    uint16_t symbol
    uint8_t flags               # ORDER_* of a perpetual's order
    uint8_t origin              # of a perpetual's order: the type it was placed as, or ORIGIN_LIQUIDATION
    int32_t account
    int32_t asset               # of the fee, or of a balance record; -1: none
    int32_t trailing_bips
    int32_t counterparty_account
    uint64_t request_key        # client_key of the request that caused this


# 208 bytes.
ctypedef struct ExchangeOrder:
    uint64_t order_id
    uint64_t client_key
    int64_t list_id             # -1: none
    int64_t price_ticks         # 0: market
    int64_t stop_ticks
    int64_t lock_ticks          # a buy locks this price for every lot left
    int64_t orig_lots
    int64_t executed_lots
    int64_t prevented_lots
    int64_t iceberg_lots
    int64_t expire_ns           # 0: never
    int64_t created_ns
    int64_t working_ns          # -1: not working yet
    int64_t updated_ns
    money_t cumulative_quote_atoms
    money_t quote_atoms         # what a MARKET order by quote amount asked for
    money_t locked_atoms        # what this order locks now: quote of a buy, base of a sell
    int32_t account
    int32_t list_slot           # -1: none
    int32_t trailing_bips
    int32_t amends
    uint32_t prev               # of the account's orders on this symbol, oldest first
    uint32_t next
    uint16_t symbol
    uint8_t side
    uint8_t type
    uint8_t tif
    uint8_t status
    uint8_t stp
    uint8_t place               # PLACE_*
    uint8_t shares_lock         # a leg of an OCO whose funds the other leg has locked
    uint8_t is_exhausted        # a market order whose book ends before its amount
    uint8_t flags               # ORDER_*, of a perpetual's order; also the next five
    uint8_t origin
    uint8_t is_algo             # waits with an algo id
    uint8_t opens               # may open: its notional counts for the margin
    uint8_t from_algo           # an algo order placed it
    uint8_t is_cut              # cut to its position, and not told yet
    int64_t parts               # fills it can give as a maker, at most: one, or one a shown part


ctypedef struct OrderList:
    int64_t list_id
    uint64_t client_key
    int32_t account
    uint16_t symbol
    uint8_t kind                # LIST_*
    uint8_t legs_open
    uint32_t legs[3]            # OCO: both; OTO, OTOCO: the working order, then the pending ones. NO_SLOT: closed
    uint32_t next_free
    uint8_t is_resolved         # the OCO has one survivor
    uint8_t reserved[7]


# One account on one symbol.
ctypedef struct OpenOrders:
    uint32_t head
    uint32_t tail
    int32_t count
    int32_t algo_count
    int32_t iceberg_count
    int32_t list_count
    int64_t open_buy_lots


ctypedef struct FeeRates:
    int64_t maker_e8            # parts of 10^8; below zero is a rebate
    int64_t taker_e8


ctypedef struct AccountState:
    int32_t trade_group         # -1: none
    uint8_t is_open
    uint8_t pays_in_fee_asset
    uint8_t has_own_rates
    uint8_t is_hedged           # has a long and a short position on each perpetual
    FeeRates own_rates
    int32_t tier
    int32_t order_count         # over all symbols
    int32_t algo_count
    int32_t iceberg_count
    int32_t list_count
    int32_t reserved
    int64_t volume_day          # UTC day of the newest bucket
    money_t volume_atoms[31]    # by day % 31, in the tiers' asset: today and the 30 days before


ctypedef struct FeeTier:
    money_t volume_atoms        # of the last 30 whole days, at least
    FeeRates rates


ctypedef struct ExtraFilters:
    int64_t range_down_ppm      # price range execution rule; 0: off
    int64_t range_up_ppm
    int32_t max_iceberg_parts   # these: 0 is off
    int32_t max_algo_orders
    int32_t max_iceberg_orders
    int32_t max_order_lists
    int32_t max_amends
    int32_t min_trailing_above_bips
    int32_t max_trailing_above_bips
    int32_t min_trailing_below_bips
    int32_t max_trailing_below_bips
    int32_t average_price_mins


ctypedef struct SymbolState:
    L3Book book
    ConditionalBook waiting
    VenueFilters filters
    VenueFilters unreferenced   # the same without what needs a reference price
    ExtraFilters extra
    AveragePrice average
    FeeRates rates
    Perpetual* perpetual        # NULL: a spot symbol
    int64_t quote_atoms_per_ticklot
    int64_t base_atoms_per_lot
    int64_t last_ticks          # of the last trade; 0: none yet
    int64_t reference_ticks     # set from outside; 0: none
    int64_t trade_count
    int64_t prevention_count
    int64_t open_orders         # on this symbol, wherever they are
    int64_t open_parts          # of all of them
    int32_t base_asset
    int32_t quote_asset
    int32_t fee_symbol          # fee asset / this symbol's quote; -1: the fee asset is the quote; -2: none
    int32_t volume_symbol       # this symbol's quote / tiers' asset; -1: it is the tiers' asset; -2: counts nothing
    uint8_t status
    uint8_t stp_allowed         # a bit a mode
    uint8_t reserved[6]


ctypedef struct ReportLog:
    ExchangeReport* records
    int64_t capacity
    int64_t count
    uint64_t sequence


ctypedef struct ExchangeState:
    int64_t now_ns
    uint64_t last_order_id
    int64_t last_list_id
    uint64_t request_key
    ExchangeOrder* orders
    OrderPool pool
    OrderIndex by_id
    OrderIndex by_client
    HeapNode* waiting_nodes
    HeapNode* expiry_nodes
    TrailState* trails
    SlotHeap expiries
    uint32_t* queue             # orders set off by the request in work: a ring of max_orders
    uint32_t queue_head
    uint32_t queue_count
    OrderList* lists
    uint32_t free_list
    int32_t list_count
    SymbolState* symbols
    AccountState* accounts
    OpenOrders* open_orders     # account * max_symbols + symbol
    Balances balances
    MarginState margin
    ReportLog log
    FeeTier* tiers
    int32_t tier_count
    int32_t tier_asset
    int32_t fee_asset           # -1: none
    int32_t symbol_count
    int32_t account_count
    int32_t asset_count
    int32_t max_symbols
    int32_t max_accounts
    int32_t max_assets
    int32_t max_orders_exchange       # these: 0 is off
    int32_t max_algo_exchange
    int32_t max_iceberg_exchange
    int32_t max_lists_exchange
    int64_t fee_discount_ppm
    int64_t requests


cdef inline OpenOrders* open_orders_of(const ExchangeState* state, int32_t account, int symbol) noexcept nogil:
    return &state.open_orders[<int64_t>account * state.max_symbols + symbol]


cdef inline Holding* holding_of(const ExchangeState* state, int32_t account, int symbol) noexcept nogil:
    return &state.margin.holdings[<int64_t>account * state.max_symbols + symbol]


cdef inline uint32_t key_owner(int32_t account, bint is_algo) noexcept nogil:
    """Whose keys: an account's orders and its algo orders each have their own."""
    return <uint32_t>account | (<uint32_t>is_algo << 31)


cdef inline int64_t parts_of(int64_t lots, int64_t iceberg_lots) noexcept nogil:
    """Fills that a maker of so many lots can give at most."""
    return 1 if iceberg_lots == 0 else (lots + iceberg_lots - 1) // iceberg_lots


cdef inline int64_t left_lots(const ExchangeOrder* order) noexcept nogil:
    """Lots that are neither executed nor prevented."""
    return order.orig_lots - order.executed_lots - order.prevented_lots
