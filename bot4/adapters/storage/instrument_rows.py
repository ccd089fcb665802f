"""Instruments as the tables of market data know them: a number each, and the grid its rows count in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.storage.migrations import StoreError

if TYPE_CHECKING:
    from bot4.adapters.storage.dialect import Connection
    from bot4.domain.instrument import Instrument


def known_id(connection: Connection, instrument: Instrument) -> int | None:
    """Return an instrument's number; None where there is none yet.

    Raises
    ------
    StoreError
        The store holds it on another grid.

    """
    row = connection.execute(
        "SELECT instrument_id, tick_size, lot_size FROM instruments WHERE venue = ? AND kind = ? AND symbol = ?",
        (instrument.venue, instrument.kind.name.lower(), instrument.symbol),
    ).fetchone()
    if row is None:
        return None
    grid = tuple(type(instrument.tick_size)(size) for size in row[1:])
    if grid != (instrument.tick_size, instrument.lot_size):
        raise StoreError(
            f"the store holds {instrument.symbol} in ticks of {grid[0]} and lots of {grid[1]}, these are of"
            f" {instrument.tick_size} and {instrument.lot_size}"
        )
    return int(row[0])


def instrument_id_of(connection: Connection, instrument: Instrument) -> int:
    """Return an instrument's number, made where there is none; raises StoreError as `known_id`."""
    found = known_id(connection, instrument)
    if found is not None:
        return found
    bound = connection.dialect.bound
    connection.execute(
        "INSERT INTO instruments (venue, kind, symbol, tick_size, lot_size) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (
            instrument.venue,
            instrument.kind.name.lower(),
            instrument.symbol,
            bound(instrument.tick_size),
            bound(instrument.lot_size),
        ),
    )
    made = known_id(connection, instrument)
    assert made is not None  # noqa: S101 - it was inserted above
    return made
