"""OKX v5's public instruments: spot, margin, swaps and futures. Options are left out: bot4 does not trade them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bot4.domain.errors import ConfigError
from bot4.domain.instrument import ContractKind, Instrument
from bot4.dto.rules.fields import decimal_field, limit, text_field

if TYPE_CHECKING:
    from collections.abc import Mapping


def instruments_from_okx(document: Mapping[str, Any], source: str) -> list[Instrument]:
    """Instruments of a public/instruments reply; entries without a tick size (not yet listed) are left out."""
    instruments = []
    for entry in document["data"]:
        if not isinstance(entry, dict) or "instId" not in entry or "tickSz" not in entry:
            raise ConfigError(f"{source}: an entry has no instId and tickSz: this is not a list of instruments")
        where = f"{source}: {entry['instId']}"
        if entry.get("instType") == "OPTION" or limit(entry, "tickSz", where) is None:
            continue
        try:
            instruments.append(_instrument(entry, where, source))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{where}: {error}") from None
    return instruments


def _instrument(entry: Mapping[str, Any], where: str, source: str) -> Instrument:
    symbol = text_field(entry, "instId", where)
    base, quote = [*symbol.split("-"), ""][:2]
    kind = {"linear": ContractKind.LINEAR, "inverse": ContractKind.INVERSE}.get(entry.get("ctType", ""))
    contract_size = Decimal(1)
    if kind is not None:
        multiplier = limit(entry, "ctMult", where) or Decimal(1)
        contract_size = decimal_field(entry, "ctVal", where) * multiplier
    return Instrument(
        symbol=symbol,
        venue="okx",
        kind=kind or ContractKind.SPOT,
        base=entry.get("baseCcy") or base,
        quote=entry.get("quoteCcy") or quote,
        settle=entry.get("settleCcy") or entry.get("quoteCcy") or quote,
        tick_size=decimal_field(entry, "tickSz", where),
        lot_size=decimal_field(entry, "lotSz", where),
        contract_size=contract_size,
        min_qty=limit(entry, "minSz", where),
        max_qty=limit(entry, "maxLmtSz", where),
        market_max_qty=limit(entry, "maxMktSz", where),
        source=source,
    )
