"""Coinbase Advanced's products of the spot market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind, Instrument
from bot4.dto.rules.fields import decimal_field, limit, text_field

if TYPE_CHECKING:
    from collections.abc import Mapping


def instruments_from_products(document: Mapping[str, Any], source: str) -> list[Instrument]:
    """Instruments of a products reply; other products than spot ones are left out.

    Raises
    ------
    ConfigError
        Not such a reply, or a rule is missing or malformed; the message names the product and the field.

    """
    products = document.get("products")
    if not isinstance(products, list):
        raise ConfigError(f"{source}: holds no list of products")
    instruments = []
    for entry in products:
        if entry.get("product_type") != "SPOT":
            continue
        where = f"{source}: {text_field(entry, 'product_id', source)}"
        quote = text_field(entry, "quote_currency_id", where)
        tick = limit(entry, "price_increment", where) or decimal_field(entry, "quote_increment", where)
        try:
            instruments.append(
                Instrument(
                    symbol=entry["product_id"],
                    venue="coinbase",
                    kind=ContractKind.SPOT,
                    base=text_field(entry, "base_currency_id", where),
                    quote=quote,
                    settle=quote,
                    tick_size=tick,
                    lot_size=decimal_field(entry, "base_increment", where),
                    min_qty=limit(entry, "base_min_size", where),
                    max_qty=limit(entry, "base_max_size", where),
                    min_notional=limit(entry, "quote_min_size", where),
                    max_notional=limit(entry, "quote_max_size", where),
                    source=source,
                )
            )
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}: {error}") from None
    return instruments
