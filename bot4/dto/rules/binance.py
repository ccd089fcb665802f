"""Binance's exchangeInfo: spot, USD-M and COIN-M shapes.

Source: binance-spot-api-docs filters.md (2026-07-21); the futures shapes as recorded by the venue's REST API.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot4.domain.errors import ConfigError
from bot4.domain.instrument import Instrument, Market, PriceBand
from bot4.dto.rules.fields import data_lot, decimal_field, int_field, limit, precision_grid, text_field

if TYPE_CHECKING:
    from collections.abc import Mapping


def instruments_from_exchange_info(document: Mapping[str, Any], source: str) -> list[Instrument]:
    """Instruments of an exchangeInfo; symbols without a price or lot grid (not tradable) are left out.

    Raises
    ------
    ConfigError
        A rule is malformed; the message names the symbol and the field.

    """
    instruments = []
    for entry in document["symbols"]:
        if not isinstance(entry, dict):
            raise ConfigError(f"{source}: a symbol must be an object, was {entry!r}")
        where = f"{source}: {text_field(entry, 'symbol', source)}"
        filters = _filters(entry, where)
        if _step(filters, "PRICE_FILTER", "tickSize", where) and _step(filters, "LOT_SIZE", "stepSize", where):
            instruments.append(_instrument(document, entry, filters, where, source))
    if not instruments:
        raise ConfigError(f"{source}: holds no symbol with a price and a lot grid")
    return instruments


def market_of_symbol(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Market:
    """Tell the room of one symbol: COIN-M entries have a contract size, USD-M ones a contract type, spot neither."""
    if entry.get("contractSize") is not None and entry.get("marginAsset") == entry.get("baseAsset"):
        return Market.COINM
    if "contractType" in entry or document.get("futuresType") == "U_MARGINED":
        return Market.USDM
    return Market.SPOT


def _filters(entry: Mapping[str, Any], where: str) -> dict[str, Mapping[str, Any]]:
    filters = entry.get("filters")
    if not isinstance(filters, list) or not all(isinstance(item, dict) and "filterType" in item for item in filters):
        raise ConfigError(f"{where}: filters must be a list of objects with a filterType")
    return {item["filterType"]: item for item in filters}


def _step(filters: Mapping[str, Mapping[str, Any]], name: str, field: str, where: str) -> Decimal | None:
    return limit(filters.get(name, {}), field, where)


def _instrument(
    document: Mapping[str, Any],
    entry: Mapping[str, Any],
    filters: Mapping[str, Mapping[str, Any]],
    where: str,
    source: str,
) -> Instrument:
    market = market_of_symbol(document, entry)
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    market_lot = filters.get("MARKET_LOT_SIZE", {})
    notional = filters.get("NOTIONAL", filters.get("MIN_NOTIONAL", {}))
    base, quote = text_field(entry, "baseAsset", where), text_field(entry, "quoteAsset", where)
    price_step, qty_step = decimal_field(price, "tickSize", where), decimal_field(lot, "stepSize", where)
    tick_size, lot_size = _grid(entry, market, price_step, qty_step, where)
    try:
        return Instrument(
            symbol=entry["symbol"],
            venue="binance",
            kind=market.kind,
            base=base,
            quote=quote,
            settle=quote if market is Market.SPOT else str(entry.get("marginAsset", quote)),
            tick_size=tick_size,
            lot_size=lot_size,
            price_step=price_step,
            qty_step=qty_step,
            contract_size=decimal_field(entry, "contractSize", where) if market is Market.COINM else Decimal(1),
            min_price=limit(price, "minPrice", where),
            max_price=limit(price, "maxPrice", where),
            min_qty=limit(lot, "minQty", where),
            max_qty=limit(lot, "maxQty", where),
            market_lot_size=limit(market_lot, "stepSize", where),
            market_min_qty=limit(market_lot, "minQty", where),
            market_max_qty=limit(market_lot, "maxQty", where),
            min_notional=limit(notional, "minNotional", where) or limit(notional, "notional", where),
            max_notional=limit(notional, "maxNotional", where),
            price_band=_band(filters, market, where),
            max_orders=_max_orders(filters.get("MAX_NUM_ORDERS"), where),
            base_decimals=int_field(entry, "baseAssetPrecision", where, 8),
            # Futures call a coarser figure quotePrecision; the ledger keeps eight decimals there.
            quote_decimals=int_field(entry, "quoteAssetPrecision", where, 8),
            source=source,
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{source}: {error}") from None


def _grid(
    entry: Mapping[str, Any], market: Market, price_step: Decimal, qty_step: Decimal, where: str
) -> tuple[Decimal, Decimal]:
    """Return the grid that market data lies on, which is finer than that of orders."""
    if market is Market.SPOT:
        return price_step, data_lot(qty_step)
    return (
        precision_grid(price_step, int_field(entry, "pricePrecision", where, 0)),
        precision_grid(qty_step, int_field(entry, "quantityPrecision", where, 0)),
    )


def _band(filters: Mapping[str, Mapping[str, Any]], market: Market, where: str) -> PriceBand | None:
    if (sided := filters.get("PERCENT_PRICE_BY_SIDE")) is not None:
        return PriceBand(
            decimal_field(sided, "bidMultiplierDown", where),
            decimal_field(sided, "bidMultiplierUp", where),
            decimal_field(sided, "askMultiplierDown", where),
            decimal_field(sided, "askMultiplierUp", where),
        )
    if (both := filters.get("PERCENT_PRICE")) is not None:
        down, up = decimal_field(both, "multiplierDown", where), decimal_field(both, "multiplierUp", where)
        return PriceBand(down, up, down, up) if market is Market.SPOT else PriceBand(None, up, down, None)
    return None


def _max_orders(fields: Mapping[str, Any] | None, where: str) -> int | None:
    if fields is None:
        return None
    # Spot calls it maxNumOrders, futures limit.
    return int_field(fields, "maxNumOrders" if "maxNumOrders" in fields else "limit", where)
