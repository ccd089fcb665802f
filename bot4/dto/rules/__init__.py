"""Instrument rules as venues publish them, turned into `Instrument`.

`instruments_from_document` recognises Binance's exchangeInfo (spot, USD-M, COIN-M), Kraken's AssetPairs and OKX's
instruments; `instruments_from_toml` reads our own file. Numbers are read as literal decimals, never as floats.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot4.domain.errors import ConfigError
from bot4.dto.rules.binance import instruments_from_exchange_info
from bot4.dto.rules.kraken import instruments_from_asset_pairs
from bot4.dto.rules.okx import instruments_from_okx
from bot4.dto.rules.own import instruments_from_table, instruments_from_toml

if TYPE_CHECKING:
    from bot4.domain.instrument import Instrument

__all__ = [
    "instruments_from_document",
    "instruments_from_json",
    "instruments_from_toml",
]


def instruments_from_json(text: str | bytes, source: str) -> list[Instrument]:
    """Instruments of a JSON document in any shape known here; `source` names it in messages.

    Raises
    ------
    ConfigError
        Not JSON, or of no known shape.

    """
    try:
        document = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{source} is not JSON: {error}") from None
    return instruments_from_document(document, source)


def instruments_from_document(document: Any, source: str) -> list[Instrument]:
    """Instruments of a decoded document; raises ConfigError where its shape is unknown."""
    if isinstance(document, dict):
        if isinstance(document.get("symbols"), list):
            return instruments_from_exchange_info(document, source)
        if isinstance(document.get("result"), dict):
            return instruments_from_asset_pairs(document, source)
        if isinstance(document.get("data"), list):
            return instruments_from_okx(document, source)
        if isinstance(document.get("instrument"), list):
            return instruments_from_table(document, source)
    raise ConfigError(
        f"{source} holds no instrument rules known here: expected Binance exchangeInfo (symbols), Kraken AssetPairs "
        "(result), OKX instruments (data) or our own table (instrument)"
    )
