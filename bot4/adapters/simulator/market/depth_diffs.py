"""Changes of a book between two messages of a diff stream.

Source: binance-spot-api-docs web-socket-streams.md (2026-07-21), "Diff. Depth Stream".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bot4.adapters.simulator.wire.decimals import format_e8

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Text = Callable[[int], str]


class LevelChange(NamedTuple):
    """A level after a change; price and quantity in hundred-millionths, quantity 0 where it is gone."""

    is_ask: bool
    price: int
    qty: int


class DepthDiff(NamedTuple):
    """One message: first and last update id, and the levels that changed, best first."""

    first_id: int
    last_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class DiffCollector:
    """Gathers changes until a message is due. Not thread-safe.

    Parameters
    ----------
    update_id : int
        Of the book as it is now.
    price_text, qty_text : callable
        How prices and quantities are written.

    The first id of a message is always the last id of the one before plus one: nobody can lose a change unseen.

    """

    def __init__(self, update_id: int, price_text: Text = format_e8, qty_text: Text = format_e8) -> None:
        self._price_text = price_text
        self._qty_text = qty_text
        self._sent_id = update_id
        self._update_id = update_id
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}

    def add(self, changes: list[LevelChange], update_id: int) -> None:
        """Take changes up to an update id."""
        self._update_id = update_id
        for is_ask, price, qty in changes:
            (self._asks if is_ask else self._bids)[price] = qty

    def take_for(self, listeners: Sequence[str]) -> DepthDiff | None:
        """Return the message that is due to these streams; None where nothing changed.

        Where nobody listens it goes by unwritten: None, and the next message begins behind it.
        """
        diff = self._diff() if listeners and self._update_id != self._sent_id else None
        self._sent_id = self._update_id
        self._bids.clear()
        self._asks.clear()
        return diff

    def _diff(self) -> DepthDiff:
        price_text, qty_text = self._price_text, self._qty_text
        bids = [(price_text(price), qty_text(self._bids[price])) for price in sorted(self._bids, reverse=True)]
        asks = [(price_text(price), qty_text(self._asks[price])) for price in sorted(self._asks)]
        return DepthDiff(self._sent_id + 1, self._update_id, bids, asks)
