"""Our own table of instrument rules, TOML or JSON: one ``[[instrument]]`` each, decimals in quotes.

::

    [[instrument]]
    venue = "binance"
    market = "spot"          # spot, usdm (linear futures) or coinm (inverse futures)
    symbol = "BTCUSDT"
    base = "BTC"
    quote = "USDT"
    settle = "USDT"          # default: quote; for coinm: base
    price_step = "0.01"      # the venue's tick size: orders' prices are multiples of it
    qty_step = "0.00001"     # the venue's lot or step size
    min_notional = "5"       # this and every other rule of `Instrument` may be left out

The grid of the market data, `tick_size` and `lot_size`, may be given too. Left out, `tick_size` is `price_step`, and
`lot_size` is `qty_step` for futures and up to four digits finer for spot (see `data_lot`).
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot4.domain.errors import ConfigError
from bot4.domain.instrument import Instrument, Market, PriceBand
from bot4.dto.rules.fields import data_lot, decimal_field, int_field, optional_decimal, text_field

if TYPE_CHECKING:
    from collections.abc import Mapping

_DECIMALS = (
    "min_qty", "max_qty", "market_lot_size", "market_min_qty", "market_max_qty", "min_price", "max_price",
    "min_notional", "max_notional",
)  # fmt: skip
_BAND = ("buy_down", "buy_up", "sell_down", "sell_up")
_KEYS = {
    "venue", "market", "symbol", "base", "quote", "settle", "price_step", "qty_step", "tick_size", "lot_size",
    "contract_size", "price_band",
    "max_orders", "base_decimals", "quote_decimals", "settle_decimals", *_DECIMALS,
}  # fmt: skip


def instruments_from_toml(text: str, source: str) -> list[Instrument]:
    """Instruments of a TOML table; raises ConfigError that names the key at fault."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not TOML: {error}") from None
    return instruments_from_table(document, source)


def instruments_from_table(document: Mapping[str, Any], source: str) -> list[Instrument]:
    """Instruments of a decoded table, TOML or JSON."""
    entries = document.get("instrument")
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{source}: expected at least one [[instrument]]")
    if unknown := set(document) - {"instrument", "note"}:
        raise ConfigError(f"{source}: unknown key {min(unknown)!r}")
    return [_instrument(entry, f"{source}: instrument {index}", source) for index, entry in enumerate(entries, 1)]


def _instrument(entry: Any, where: str, source: str) -> Instrument:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: must be a table, was {entry!r}")
    if unknown := set(entry) - _KEYS:
        raise ConfigError(f"{where}: unknown key {min(unknown)!r}")
    where = f"{source}: {text_field(entry, 'symbol', where)}"
    market = _market(entry, where)
    base, quote = text_field(entry, "base", where), text_field(entry, "quote", where)
    price_step, qty_step = decimal_field(entry, "price_step", where), decimal_field(entry, "qty_step", where)
    try:
        return Instrument(
            symbol=entry["symbol"],
            venue=text_field(entry, "venue", where),
            kind=market.kind,
            base=base,
            quote=quote,
            settle=entry.get("settle", base if market is Market.COINM else quote),
            tick_size=optional_decimal(entry, "tick_size", where) or price_step,
            lot_size=optional_decimal(entry, "lot_size", where)
            or (data_lot(qty_step) if market is Market.SPOT else qty_step),
            price_step=price_step,
            qty_step=qty_step,
            contract_size=optional_decimal(entry, "contract_size", where) or Decimal(1),
            price_band=_price_band(entry.get("price_band"), where),
            max_orders=int_field(entry, "max_orders", where) if "max_orders" in entry else None,
            base_decimals=int_field(entry, "base_decimals", where, 8),
            quote_decimals=int_field(entry, "quote_decimals", where, 8),
            settle_decimals=int_field(entry, "settle_decimals", where, 8),
            source=source,
            **{name: optional_decimal(entry, name, where) for name in _DECIMALS},
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from None


def _market(entry: Mapping[str, Any], where: str) -> Market:
    name = text_field(entry, "market", where)
    try:
        return Market(name)
    except ValueError:
        raise ConfigError(f"{where}: market must be spot, usdm or coinm, was {name!r}") from None


def _price_band(fields: Any, where: str) -> PriceBand | None:
    if fields is None:
        return None
    if not isinstance(fields, dict) or not fields or set(fields) - set(_BAND):
        raise ConfigError(f"{where}: price_band must have some of {', '.join(_BAND)}")
    return PriceBand(*(decimal_field(fields, name, where) if name in fields else None for name in _BAND))
