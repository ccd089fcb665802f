"""Where an instrument's rules come from: a file given, a recorded exchangeInfo, the bundled table; in that order."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from bot4.adapters.recordings.recognise import read_rules
from bot4.domain.errors import ConfigError
from bot4.domain.instrument import Instrument, Market
from bot4.dto.rules import instruments_from_toml
from bot4.dto.rules.kraken import v2_symbol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_Key = tuple[str, Market | None, str]
BUNDLED = "bundled table (2025-03)"


def bundled_instruments() -> list[Instrument]:
    """Return the instruments of the bundled table."""
    text = files("bot4.adapters.recordings").joinpath("instruments.toml").read_text(encoding="utf-8")
    return instruments_from_toml(text, BUNDLED)


class InstrumentCatalog:
    """Finds an instrument's rules.

    Parameters
    ----------
    given : iterable of Path or str
        Rules files named by the user; they win over everything, a later file over an earlier one.
    recorded : iterable of Instrument
        Rules found in recordings; they win over the bundled table.

    """

    def __init__(self, given: Iterable[Path | str] = (), recorded: Iterable[Instrument] = ()) -> None:
        self._tiers: list[dict[_Key, Instrument]] = [{}, {}, {}]
        for path in given:
            self._put(0, read_rules(path))
        self.add_recorded(recorded)
        self._put(2, bundled_instruments())

    def add_recorded(self, instruments: Iterable[Instrument]) -> None:
        """Add rules found in a recording."""
        self._put(1, instruments)

    def refine(self, instruments: Iterable[Instrument]) -> None:
        """Replace rules in whatever tier holds them, with a finer grid."""
        for instrument in instruments:
            key = (instrument.venue, instrument.market, instrument.symbol)
            index = next((index for index, tier in enumerate(self._tiers) if key in tier), None)
            if index is not None:
                self._put(index, [instrument])

    def only_given(self) -> Instrument | None:
        """Return the one instrument of the rules files given, where they hold exactly one."""
        given = {id(instrument): instrument for instrument in self._tiers[0].values()}
        return next(iter(given.values())) if len(given) == 1 else None

    def find(self, venue: str, market: Market | None, symbol: str) -> Instrument | None:
        """Return the instrument, or None where no tier has it; `market` None finds it in any market."""
        return next((tier[key] for tier in self._tiers if (key := (venue, market, symbol)) in tier), None)

    def of_venue(self, venue: str) -> list[Instrument]:
        """Return every instrument known of a venue, the winning tier's where several have it."""
        found = {key: item for tier in reversed(self._tiers) for key, item in tier.items()}
        return [item for key, item in found.items() if key[0] == venue and key[1:] == (item.market, item.symbol)]

    def require(self, venue: str, market: Market | None, symbol: str) -> Instrument:
        """Return the instrument, or raise a ConfigError that names it and the three ways to give its rules."""
        instrument = self.find(venue, market, symbol)
        if instrument is None:
            where = f"{venue} {market.value}" if market is not None else venue
            raise ConfigError(
                f"no rules for {symbol} of {where}: name a rules file with --instrument FILE, add the recorded "
                "exchangeInfo to the paths, or use a symbol of the bundled table (adapters/recordings/instruments.toml)"
            )
        return instrument

    def _put(self, tier: int, instruments: Iterable[Instrument]) -> None:
        for item in instruments:
            names = {item.symbol, v2_symbol(item.symbol)} if item.venue == "kraken" else {item.symbol}
            for name in names:
                self._tiers[tier][item.venue, item.market, name] = item
                self._tiers[tier][item.venue, None, name] = item
