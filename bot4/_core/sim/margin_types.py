"""Words and rows of perpetuals: numbers of `bot4/_core/sim/margin_state.pxd` by name, and what the exchange tells."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

#: `origin` of the orders that close a liquidated position.
ORIGIN_LIQUIDATION = 255

#: `symbol` of a MARGIN_CALL that is about all cross positions of an asset.
ALL_SYMBOLS = 65535


class PositionSide(IntEnum):
    """Which position: the one of one-way mode, or one of the two of hedge mode."""

    BOTH = 0
    LONG = 1
    SHORT = 2


class AlgoStatus(IntEnum):
    """State of an algo order."""

    NEW = 0
    TRIGGERING = 1
    TRIGGERED = 2
    FINISHED = 3
    CANCELED = 4
    REJECTED = 5
    EXPIRED = 6


class Bracket(NamedTuple):
    """A notional tier: up to `cap_atoms` of position at most this leverage, and this maintenance margin."""

    cap_atoms: int
    max_leverage: int
    maintenance_e8: int
    cumulative_atoms: int


class PositionRow(NamedTuple):
    """One position; atoms of the margin asset, prices in ticks or mark ticks."""

    symbol: int
    side: int
    lots: int
    entry_atoms: int
    mark_price: int
    unrealised_atoms: int
    realised_atoms: int
    isolated_atoms: int
    initial_margin_atoms: int
    maintenance_atoms: int
    liquidation_price: int
    leverage: int
    is_isolated: bool
    updated_ns: int


class MarginRow(NamedTuple):
    """Margin of an account in one asset, in its atoms."""

    wallet_atoms: int
    cross_wallet_atoms: int
    unrealised_atoms: int
    cross_unrealised_atoms: int
    initial_margin_atoms: int
    position_margin_atoms: int
    order_margin_atoms: int
    maintenance_atoms: int
    margin_balance_atoms: int
    available_atoms: int
    withdrawable_atoms: int


class SymbolMargin(NamedTuple):
    """What an account has chosen and has open on one perpetual."""

    leverage: int
    is_isolated: bool
    max_notional_atoms: int
    bid_notional_atoms: int
    ask_notional_atoms: int
    order_margin_atoms: int
    countdown_ns: int


class MarkRow(NamedTuple):
    """Mark and index price of a perpetual in mark ticks, and its funding."""

    mark_price: int
    index_price: int
    mark_divisions: int
    last_funding_e8: int
    last_funding_ns: int
    next_funding_ns: int
