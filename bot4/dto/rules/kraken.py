"""Kraken's AssetPairs. A pair's name here is its websocket name, e.g. ``XBT/USD``."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.money import MAX_DECIMALS
from bot4.dto.rules.fields import int_field, limit

if TYPE_CHECKING:
    from collections.abc import Mapping

# Websocket v2 writes today's codes, AssetPairs and v1 the old ones.
_V2_NAMES = {"XBT": "BTC", "XDG": "DOGE"}


def instruments_from_asset_pairs(document: Mapping[str, Any], source: str) -> list[Instrument]:
    """Instruments of an AssetPairs reply; pairs without a websocket name (dark pools) are left out."""
    instruments = []
    for name, entry in document["result"].items():
        if not isinstance(entry, dict) or "pair_decimals" not in entry:
            raise ConfigError(f"{source}: {name} has no pair_decimals: this is not a list of asset pairs")
        wsname = entry.get("wsname")
        if not isinstance(wsname, str) or "/" not in wsname:
            continue
        base, _, quote = wsname.partition("/")
        where = f"{source}: {wsname}"
        try:
            instruments.append(
                Instrument(
                    symbol=wsname,
                    venue="kraken",
                    kind=ContractKind.SPOT,
                    base=base,
                    quote=quote,
                    settle=quote,
                    tick_size=limit(entry, "tick_size", where) or _power(entry, "pair_decimals", where),
                    lot_size=_power(entry, "lot_decimals", where),
                    min_qty=limit(entry, "ordermin", where),
                    min_notional=limit(entry, "costmin", where),
                    source=source,
                )
            )
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}: {error}") from None
    return instruments


def v2_symbol(wsname: str) -> str:
    """Return the websocket v2 name of a pair: ``XBT/USD`` is ``BTC/USD`` there.

    >>> v2_symbol("XBT/USD")
    'BTC/USD'
    """
    return "/".join(_V2_NAMES.get(part, part) for part in wsname.split("/"))


def _power(entry: Mapping[str, Any], name: str, where: str) -> Decimal:
    decimals = int_field(entry, name, where)
    if not 0 <= decimals <= MAX_DECIMALS:
        raise ConfigError(f"{where}: {name} must be 0 to {MAX_DECIMALS}, was {decimals}")
    return Decimal(1).scaleb(-decimals)
