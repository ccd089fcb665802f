"""What an account must have, by our own count: an opening balance, and every fill, fee and transfer since. Exact."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING

from bot4.domain.instrument import ContractKind, Instrument
from bot4.domain.order import OrderSide

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from bot4.ports.venue_event import Transfer
    from bot4.ports.venue_order import Balance, VenueFill, VenuePosition

_EXACT = Context(prec=120)
_ZERO = Decimal(0)


class VenueBooks:
    """Expected balances of a spot account, or expected positions of a derivatives account.

    Balances of a derivatives account also move by funding and by marks, which are the venue's to count: there only the
    positions are compared.

    >>> from bot4.ports.venue_order import Balance
    >>> books = VenueBooks(())
    >>> books.open([Balance("USDT", Decimal(5), Decimal(1))], ())
    >>> books.differences([Balance("USDT", Decimal(6), Decimal(0))], ())
    []
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._totals: dict[str, Decimal] = {}
        self._positions: dict[str, Decimal] = {}
        self.is_open = False
        self.moves = 0  # counts what was applied: two figures with the same count are of one moment

    def open(self, balances: Iterable[Balance], positions: Iterable[VenuePosition]) -> None:
        """Take the venue's figures as the beginning; nothing of before is known here."""
        self._totals = {balance.asset: balance.total for balance in balances}
        self._positions = {position.symbol: position.qty for position in positions}
        self.is_open = True

    def resume(
        self, balances: Mapping[str, Decimal], positions: Mapping[str, Decimal], fills: Iterable[VenueFill]
    ) -> None:
        """Go on where an earlier life of the run ended: what there was, and every fill since."""
        self._totals, self._positions = dict(balances), dict(positions)
        self.is_open = True
        for fill in fills:
            self.apply_fill(fill)

    def apply_fill(self, fill: VenueFill) -> None:
        """Move what one fill moves; the caller sees to it that each comes once."""
        instrument = self._instruments[fill.symbol]
        signed = fill.qty if fill.side is OrderSide.BUY else -fill.qty
        self.moves += 1
        if instrument.kind is not ContractKind.SPOT:
            self._positions[fill.symbol] = _EXACT.add(self._positions.get(fill.symbol, _ZERO), signed)
            return
        self._move(instrument.base, signed)
        self._move(instrument.quote, _EXACT.multiply(-signed, fill.price))
        self._move(fill.fee_asset, -fill.fee)

    def apply_transfer(self, transfer: Transfer) -> None:
        """Move a deposit or withdrawal."""
        self.moves += 1
        self._move(transfer.asset, transfer.delta)

    def differences(
        self, balances: Iterable[Balance], positions: Iterable[VenuePosition], without: Collection[str] = ()
    ) -> list[str]:
        """Return a line for each asset or position where venue and books differ by anything at all.

        What trades of the symbols `without` move is left out: there may be some that are not known yet.
        """
        if self.counts_balances:
            moved = {asset for symbol in without for asset in self._assets(symbol)}
            return _lines("balance of", self.gaps(balances, moved))
        held = {position.symbol: position.qty for position in positions}
        return _lines("position in", _compare(self._positions, held, without))

    @property
    def counts_balances(self) -> bool:
        """Whether balances are what is compared: where all that is traded is spot."""
        return {instrument.kind for instrument in self._instruments.values()} <= {ContractKind.SPOT}

    def gaps(self, balances: Iterable[Balance], without: Collection[str] = ()) -> list[tuple[str, Decimal, Decimal]]:
        """Return each asset, but those of `without`, of which books and venue have not the same, with both totals."""
        return _compare(self._totals, {balance.asset: balance.total for balance in balances}, without)

    def _assets(self, symbol: str) -> tuple[str, str]:
        return self._instruments[symbol].base, self._instruments[symbol].quote

    def total(self, asset: str) -> Decimal:
        """Return what there must be of an asset, free and locked."""
        return self._totals.get(asset, _ZERO)

    def position(self, symbol: str) -> Decimal:
        """Return what the position must be."""
        return self._positions.get(symbol, _ZERO)

    def _move(self, asset: str, delta: Decimal) -> None:
        self._totals[asset] = _EXACT.add(self._totals.get(asset, _ZERO), delta)


def _compare(
    ours: dict[str, Decimal], theirs: dict[str, Decimal], without: Collection[str]
) -> list[tuple[str, Decimal, Decimal]]:
    return [
        (name, ours.get(name, _ZERO), theirs.get(name, _ZERO))
        for name in sorted((ours.keys() | theirs.keys()) - set(without))
        if theirs.get(name, _ZERO) != ours.get(name, _ZERO)
    ]


def _lines(what: str, gaps: Iterable[tuple[str, Decimal, Decimal]]) -> list[str]:
    return [f"{what} {name}: the venue has {theirs:f}, the books {ours:f}" for name, ours, theirs in gaps]
