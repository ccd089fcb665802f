"""A user's word that the venue's balances are right, held against what a run that did not end in order left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.application.orders.venue_books import VenueBooks
from bot4.application.past.accepted_balance import AcceptedBalance
from bot4.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot4.application.past.run_past import RunPast
    from bot4.domain.instrument import Instrument
    from bot4.ports.venue_order import Balance

ACCEPT = "--accept-balances"


def accepted_balances(
    past: RunPast | None, balances: Iterable[Balance], instruments: Sequence[Instrument]
) -> tuple[AcceptedBalance, ...]:
    """Return each balance of the venue that a run's books do not explain; there has to be one.

    Only a run that rests can be compared: every order of it has to be settled. Orders, trades and positions are not a
    matter of anybody's word.

    Raises
    ------
    ConfigError
        There is nothing to accept, or it cannot be told yet what differs.

    """
    if past is None:
        raise ConfigError(f"{ACCEPT}: no run waits for it, the next one begins at the venue's balances: start without")
    if past.unsettled:
        raise ConfigError(
            f"{ACCEPT}: {len(past.unsettled)} orders of the run are not settled: start without, which settles them and "
            "names what differs"
        )
    books = VenueBooks(instruments)
    books.resume(past.balances, past.positions, past.fills)
    gaps = books.gaps(balances) if books.counts_balances else ()
    if not gaps:
        raise ConfigError(f"{ACCEPT}: no balance differs from the run's books: start without")
    return tuple(
        AcceptedBalance(asset=asset, ours=ours, venue=venue, more=len(gaps) - number)
        for number, (asset, ours, venue) in enumerate(gaps, 1)
    )
