"""Margin accounts: what a fill does to a position, and what its account then has, needs and may spend."""

from libc.stdint cimport int32_t, int64_t

from bot4._core.sim.exchange_fees cimport FeeCharge
from bot4._core.sim.exchange_state cimport ExchangeOrder, ExchangeRequest, ExchangeState
from bot4._core.sim.margin_state cimport Perpetual, Position
from bot4._core.types cimport money_t


# Of one account in one margin asset.
ctypedef struct MarginFigures:
    money_t cross_wallet
    money_t isolated_wallet
    money_t cross_unrealised
    money_t isolated_unrealised
    money_t initial             # of positions and orders
    money_t position_initial
    money_t claimed             # what of it the cross wallet must cover
    money_t maintenance         # of every position
    money_t cross_maintenance


cdef void margin_open(ExchangeState* state, ExchangeOrder* order, const ExchangeRequest* request) noexcept nogil
# One side of a trade; the order's executed lots already hold this fill.
cdef void margin_settle(
    ExchangeState* state, ExchangeOrder* order, int64_t lots, money_t quote_atoms, bint is_maker, FeeCharge* charge
) noexcept nogil
cdef void margin_figures(
    const ExchangeState* state, int32_t account, int32_t asset, MarginFigures* figures
) noexcept nogil
# What orders and transfers may use; below zero where there is a shortfall.
cdef money_t margin_available(const MarginFigures* figures) noexcept nogil
# What may be taken out: unrealised profit may not.
cdef money_t margin_withdrawable(const ExchangeState* state, int32_t account, int32_t asset) noexcept nogil
# Initial margin of positions and orders on a symbol, with extra orders worth so much; the part of positions alone.
cdef money_t margin_initial(
    const ExchangeState* state, int32_t account, int symbol, money_t extra_bids, money_t extra_asks,
    money_t* of_positions
) noexcept nogil
# Greatest of what the positions may be worth once all buys, or all sells, are filled.
cdef money_t margin_exposure(
    const ExchangeState* state, int32_t account, int symbol, money_t extra_bids, money_t extra_asks
) noexcept nogil
cdef money_t margin_maintenance(const Perpetual* perpetual, money_t notional) noexcept nogil
# Greatest notional at a leverage.
cdef money_t margin_cap(const Perpetual* perpetual, int leverage) noexcept nogil
# Note that a request changes a position, and that its account's margin may be short.
cdef void margin_touch(ExchangeState* state, int32_t account, int symbol, int index) noexcept nogil
cdef void margin_suspect(ExchangeState* state, int32_t account) noexcept nogil
# Take lots at a cost over into the house's position.
cdef void margin_house_takes(ExchangeState* state, int symbol, int64_t lots, money_t cost) noexcept nogil
# Move margin between an account's cross wallet and an isolated position.
cdef void margin_move(
    ExchangeState* state, int32_t account, int symbol, int index, money_t atoms
) noexcept nogil
cdef void report_algo(ExchangeState* state, const ExchangeOrder* order, int algo_state, int reason) noexcept nogil
