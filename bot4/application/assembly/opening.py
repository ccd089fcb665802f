"""What an account begins with: the settings' amounts on paper, the venue's own where orders are real."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot4._core.engine.link import VenueLink
    from bot4.config import Settings
    from bot4.domain.instrument import Instrument

# Assets worth about one unit of money: accounts in others are opened with `paper.balance_coin`.
CASH = frozenset({"USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI", "USD", "EUR", "GBP", "CHF", "AUD"})
_MIN_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class ExternalVenue:
    """Where orders go that do not stay on paper: the rings to its gateway, and what its account has of each asset."""

    link: VenueLink
    balances: Mapping[str, Decimal]


def start_balance(settings: Settings, instrument: Instrument) -> Decimal:
    """Return what the paper account holds of the instrument's settle asset at the start."""
    return _start_balance(settings, instrument.settle)


def opening_balances(
    settings: Settings, instruments: Sequence[Instrument], decimals: Mapping[str, int], external: ExternalVenue | None
) -> dict[str, Decimal]:
    """Balances the account begins with: those of the venue, or of the settings for what paper trades settle in."""
    if external is None:
        return {instrument.settle: _start_balance(settings, instrument.settle) for instrument in instruments}
    # Coins the account held before are not the run's: it sells what it has bought.
    opening = {instrument.settle: external.balances.get(instrument.settle, Decimal(0)) for instrument in instruments}
    return {
        asset: amount.quantize(Decimal(1).scaleb(-decimals[asset]), rounding=ROUND_DOWN)
        for asset, amount in opening.items()
        if amount > 0
    }


def _start_balance(settings: Settings, asset: str) -> Decimal:
    return settings.paper.balance_quote if asset in CASH else settings.paper.balance_coin


def asset_decimals(instruments: Sequence[Instrument]) -> dict[str, int]:
    """Return decimals of each asset's atoms: fine enough that every price times quantity is a whole number of them."""
    decimals: dict[str, int] = {}
    for instrument in instruments:
        tick, lot = _decimals(instrument.tick_size), _decimals(instrument.lot_size)
        for asset, needed in ((instrument.base, lot), (instrument.quote, tick + lot)):
            decimals[asset] = max(decimals.get(asset, _MIN_DECIMALS), needed)
    return decimals


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
