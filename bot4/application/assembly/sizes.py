"""Amounts of money as what the core counts in: ticks times lots, or whole contracts."""

from __future__ import annotations

from decimal import ROUND_DOWN
from typing import TYPE_CHECKING

from bot4.application.assembly.opening import CASH
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from decimal import Decimal

    from bot4.config import Settings
    from bot4.domain.instrument import Instrument

LOTS_MAX = 2**50


def scaled(settings: Settings, instrument: Instrument, amount: Decimal) -> Decimal:
    """Scale an amount of money to an account in coins by the two accounts' sizes."""
    if instrument.quote in CASH:
        return amount
    return amount * settings.paper.balance_coin / settings.paper.balance_quote


def money_ticklots(settings: Settings, instrument: Instrument, amount: Decimal, key: str) -> int:
    """Return an amount of money in ticks times lots, rounded down; `key` is the setting it comes from."""
    step = instrument.tick_size * instrument.lot_size * instrument.contract_size
    ticklots = int((scaled(settings, instrument, amount) / step).to_integral_value(rounding=ROUND_DOWN))
    if ticklots < 1:
        raise ConfigError(f"setting {key} of {amount} is less than one lot at one tick of {instrument.symbol}")
    return ticklots


def money_contracts(settings: Settings, instrument: Instrument, amount: Decimal, key: str) -> int:
    """Return the whole inverse contracts that an amount of quote money is worth."""
    lot_value = instrument.contract_size * instrument.lot_size
    lots = int((scaled(settings, instrument, amount) / lot_value).to_integral_value(rounding=ROUND_DOWN))
    if lots < 1:
        raise ConfigError(
            f"setting {key} of {amount} is less than one contract of {instrument.symbol}, which is worth {lot_value}"
        )
    return lots


def order_lots_max(instrument: Instrument) -> int:
    """Return the most lots an order may have: the venue's word, else what the core counts with."""
    return min(LOTS_MAX, instrument.qty_to_lots(instrument.max_qty)) if instrument.max_qty else LOTS_MAX
