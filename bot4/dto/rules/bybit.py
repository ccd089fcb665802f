"""Bybit v5's instruments of the spot market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind, Instrument
from bot4.dto.rules.fields import decimal_field, limit, text_field

if TYPE_CHECKING:
    from collections.abc import Mapping


def instruments_from_bybit(document: Mapping[str, Any], source: str) -> list[Instrument]:
    """Instruments of an instruments-info reply of the category ``spot``.

    Raises
    ------
    ConfigError
        A rule is missing or malformed; the message names the symbol and the field.

    """
    instruments = []
    for entry in document["result"]["list"]:
        where = f"{source}: {text_field(entry, 'symbol', source)}"
        lot, price = entry.get("lotSizeFilter"), entry.get("priceFilter")
        if not isinstance(lot, dict) or not isinstance(price, dict) or "basePrecision" not in lot:
            raise ConfigError(f"{where}: has no basePrecision and tickSize: it is not of the spot market")
        base, quote = text_field(entry, "baseCoin", where), text_field(entry, "quoteCoin", where)
        try:
            instruments.append(
                Instrument(
                    symbol=entry["symbol"],
                    venue="bybit",
                    kind=ContractKind.SPOT,
                    base=base,
                    quote=quote,
                    settle=quote,
                    tick_size=decimal_field(price, "tickSize", where),
                    lot_size=decimal_field(lot, "basePrecision", where),
                    min_qty=limit(lot, "minOrderQty", where),
                    max_qty=limit(lot, "maxOrderQty", where),
                    min_notional=limit(lot, "minOrderAmt", where),
                    max_notional=limit(lot, "maxOrderAmt", where),
                    source=source,
                )
            )
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}: {error}") from None
    return instruments
