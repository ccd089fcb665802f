"""Trades and bars in the store: trades in bulk, bars of a minute, an hour and a day made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from bot4.adapters.storage.feature_vectors import hold_features, note_load
from bot4.adapters.storage.instrument_rows import instrument_id_of, known_id
from bot4.adapters.storage.unit_of_work import transaction
from bot4.domain.instrument import Market
from bot4.ports.market_data import BAR_DTYPE, TICK_DTYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot4.adapters.storage.dialect import Connection
    from bot4.adapters.storage.unit_of_work import TransactionalStore
    from bot4.domain.instrument import Instrument

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
# Each interval is made from the one before it, the first from the trades.
_LADDER = ((MINUTE_NS, 0), (HOUR_NS, MINUTE_NS), (DAY_NS, HOUR_NS))

_BAR_COLUMNS = ", ".join(BAR_DTYPE.names or ())
_FROM_TICKS = """
SELECT instrument_id, ts_ns - ts_ns % {interval} AS bucket, price_ticks, price_ticks AS high, price_ticks AS low,
       qty_lots, CASE WHEN buyer_is_maker THEN 0 ELSE qty_lots END AS taker_buy, 1 AS trades,
       row_number() OVER (PARTITION BY ts_ns - ts_ns % {interval} ORDER BY ts_ns, trade_id) AS from_first,
       row_number() OVER (PARTITION BY ts_ns - ts_ns % {interval} ORDER BY ts_ns DESC, trade_id DESC) AS from_last,
       price_ticks AS open_price, price_ticks AS close_price
FROM ticks WHERE instrument_id = ? AND ts_ns >= ? AND ts_ns < ?
"""
_FROM_BARS = """
SELECT instrument_id, open_ns - open_ns % {interval} AS bucket, close_ticks AS price_ticks, high_ticks AS high,
       low_ticks AS low, volume_lots AS qty_lots, taker_buy_lots AS taker_buy, trade_count AS trades,
       row_number() OVER (PARTITION BY open_ns - open_ns % {interval} ORDER BY open_ns) AS from_first,
       row_number() OVER (PARTITION BY open_ns - open_ns % {interval} ORDER BY open_ns DESC) AS from_last,
       open_ticks AS open_price, close_ticks AS close_price
FROM bars WHERE interval_ns = {source} AND instrument_id = ? AND open_ns >= ? AND open_ns < ?
"""
# SQLite needs the WHERE: without one it takes ON CONFLICT for a join.
_AGGREGATE = """
INSERT INTO bars (instrument_id, interval_ns, {columns})
SELECT instrument_id, {interval}, bucket,
       max(CASE WHEN from_first = 1 THEN open_price END), max(high), min(low),
       max(CASE WHEN from_last = 1 THEN close_price END), sum(qty_lots), sum(taker_buy), sum(trades)
FROM ({rows}) AS part WHERE true GROUP BY instrument_id, bucket
ON CONFLICT (instrument_id, interval_ns, open_ns) DO UPDATE SET {changed}
"""


class TickLoader(Protocol):
    """How a database takes many trades at once."""

    def load(self, connection: Connection, instrument_id: int, ticks: np.ndarray) -> int:
        """Insert trades, sorted and without repeats, that may be there already; returns how many were new."""
        ...

    def forget_before(self, connection: Connection, ts_ns: int) -> int:
        """Drop old trades; returns the partitions that went."""
        ...


class SqlMarketData:
    """Trades and bars of one store.

    Parameters
    ----------
    store : SqliteStore or PostgresStore
        Each call is one transaction of it.
    loader : TickLoader
        The database's own way to take many rows.

    Trades that were added make their bars stale; bars are made again when they are next asked for, in the reader's
    transaction. Feature vectors that were made of other trades are dropped. Any thread.

    """

    def __init__(self, store: TransactionalStore, loader: TickLoader) -> None:
        self._store = store
        self._loader = loader

    def add_ticks(self, instrument: Instrument, ticks: np.ndarray) -> int:
        """Keep trades; see `bot4.ports.market_data.MarketDataStore`.

        Raises
        ------
        ValueError
            The array has another dtype or shape.
        StoreError
            The store holds the instrument on another grid.

        """
        if ticks.dtype != TICK_DTYPE or ticks.ndim != 1:
            raise ValueError(f"ticks must be of shape (n,) and {TICK_DTYPE}, were {ticks.shape} and {ticks.dtype}")
        if len(ticks) == 0:
            return 0
        if ticks["ts_ns"].min() < 0:
            raise ValueError(f"ts_ns must not be negative, was {ticks['ts_ns'].min()}")
        ordered = np.sort(ticks, order=("ts_ns", "trade_id"))
        repeats = (np.diff(ordered["ts_ns"]) == 0) & (np.diff(ordered["trade_id"]) == 0)
        ordered = ordered[np.concatenate(([True], ~repeats))]
        with transaction(self._store) as connection:
            hold_features(connection, alone=False)
            instrument_id = instrument_id_of(connection, instrument)
            added = self._loader.load(connection, instrument_id, ordered)
            if added:
                stale = (instrument_id, int(ordered["ts_ns"][0]), int(ordered["ts_ns"][-1]) + 1)
                connection.execute(
                    "INSERT INTO stale_bars (instrument_id, from_ns, to_ns) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    stale,
                )
                note_load(connection, instrument_id, stale[1])
        return added

    def ticks(self, instrument: Instrument, from_ns: int, to_ns: int, *, limit: int | None = None) -> np.ndarray:
        """Return the trades of a span; see the port."""
        with transaction(self._store) as connection:
            found = known_id(connection, instrument)
            if found is None:
                return np.empty(0, TICK_DTYPE)
            rows = connection.execute(
                "SELECT ts_ns, trade_id, price_ticks, qty_lots, buyer_is_maker FROM ticks"
                " WHERE instrument_id = ? AND ts_ns >= ? AND ts_ns < ? ORDER BY ts_ns, trade_id LIMIT ?",
                (found, from_ns, to_ns, limit if limit is not None else 2**62),
            ).fetchall()
        return np.array(rows, TICK_DTYPE)

    def bars(self, instrument: Instrument, interval_ns: int, *, last: int, before_ns: int | None = None) -> np.ndarray:
        """Return the newest bars; see the port. Raises ValueError for an interval that is not kept."""
        if interval_ns not in (kept := [interval for interval, _ in _LADDER]):
            raise ValueError(f"bars are kept of {', '.join(map(str, kept))} ns, not of {interval_ns}")
        with transaction(self._store) as connection:
            found = known_id(connection, instrument)
            if found is None:
                return np.empty(0, BAR_DTYPE)
            self._refresh(connection, found)
            rows = connection.execute(
                f"SELECT {_BAR_COLUMNS} FROM bars WHERE instrument_id = ? AND interval_ns = ? AND open_ns < ?"  # noqa: S608 - own names
                " ORDER BY open_ns DESC LIMIT ?",
                (found, interval_ns, before_ns if before_ns is not None else 2**63 - 1, last),
            ).fetchall()
        return np.array(rows[::-1], BAR_DTYPE)

    def held(self) -> list[tuple[str, str, str, int, int, int]]:
        """Return venue, market, symbol, first and last stamp and number of trades, for each instrument with any."""
        found = []
        with transaction(self._store) as connection:
            known = connection.execute(
                "SELECT instrument_id, venue, kind, symbol FROM instruments ORDER BY venue, kind, symbol"
            ).fetchall()
            for instrument_id, venue, kind, symbol in known:
                self._refresh(connection, int(instrument_id))
                first, last = connection.execute(
                    "SELECT min(ts_ns), max(ts_ns) FROM ticks WHERE instrument_id = ?", (instrument_id,)
                ).fetchone() or (None, None)
                if first is None:
                    continue
                (rows,) = connection.execute(
                    "SELECT sum(trade_count) FROM bars WHERE instrument_id = ? AND interval_ns = ? AND open_ns >= ?",
                    (instrument_id, DAY_NS, first - first % DAY_NS),
                ).fetchone() or (0,)
                market = next(room for room in Market if room.kind.name.lower() == kind)
                found.append((venue, market.value, symbol, int(first), int(last), int(rows)))
        return found

    def forget_before(self, ts_ns: int) -> int:
        """Drop trades older than `ts_ns`; bars that are stale are made first, and stay."""
        with transaction(self._store) as connection:
            for (instrument_id,) in connection.execute("SELECT DISTINCT instrument_id FROM stale_bars").fetchall():
                self._refresh(connection, int(instrument_id))
            return self._loader.forget_before(connection, ts_ns)

    def _refresh(self, connection: Connection, instrument_id: int) -> None:
        """Make the stale bars of one instrument again, from the smallest interval up."""
        spans = connection.execute(
            "SELECT from_ns, to_ns FROM stale_bars WHERE instrument_id = ? ORDER BY from_ns", (instrument_id,)
        ).fetchall()
        for from_ns, to_ns in _joined((int(start), int(end)) for start, end in spans):
            for interval, source in _LADDER:
                rows = (_FROM_BARS if source else _FROM_TICKS).format(interval=interval, source=source)
                changed = ", ".join(f"{column} = excluded.{column}" for column in (BAR_DTYPE.names or ())[1:])
                statement = _AGGREGATE.format(columns=_BAR_COLUMNS, interval=interval, rows=rows, changed=changed)
                begin, end = from_ns - from_ns % interval, to_ns + -to_ns % interval
                connection.execute(statement, (instrument_id, begin, end))
        if spans:
            connection.execute("DELETE FROM stale_bars WHERE instrument_id = ?", (instrument_id,))


def _joined(spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join spans that touch the same day, so that no bar is made twice; they come in order."""
    held: tuple[int, int] | None = None
    for start, end in spans:
        if held is not None and start <= held[1] + DAY_NS:
            held = held[0], max(held[1], end)
            continue
        if held is not None:
            yield held
        held = start, end
    if held is not None:
        yield held
