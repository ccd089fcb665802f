"""Feature vectors in the store: kept in place of those of their span, read back by set and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import orjson

from bot4.adapters.storage.instrument_rows import instrument_id_of, known_id
from bot4.adapters.storage.unit_of_work import transaction
from bot4.domain.errors import RetryableError
from bot4.ports.feature_store import STORE, FeatureSet, KeptFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.adapters.storage.dialect import Connection
    from bot4.adapters.storage.unit_of_work import TransactionalStore
    from bot4.domain.instrument import Instrument


class TradesAddedError(RetryableError):
    """Trades were added while vectors were made of those before: nothing was kept, make them again."""


class VectorLoader(Protocol):
    """How a database takes and gives many vectors at once."""

    def prepare(self, connection: Any, first_ns: int, last_ns: int) -> None:
        """Make room for a span, before anything in it is deleted."""
        ...

    def load(self, connection: Any, set_id: int, ts_ns: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Insert vectors whose stamps are not there."""
        ...

    def read(
        self, connection: Any, set_id: int, width: int, from_ns: int, to_ns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return stamps and vectors of a span, oldest first."""
        ...


class SqlFeatures:
    """Feature vectors of one store; see `bot4.ports.feature_store.FeatureStore`.

    Parameters
    ----------
    store : SqliteStore or PostgresStore
        Each call is one transaction of it.
    loader : VectorLoader
        The database's own way to move many rows.

    Any thread.

    """

    def __init__(self, store: TransactionalStore, loader: VectorLoader) -> None:
        self._store = store
        self._loader = loader

    def loads(self, instrument: Instrument) -> int:
        """Return how often trades were added to the store: what `put` compares."""
        with transaction(self._store) as connection:
            instrument_id = known_id(connection, instrument)
            return 0 if instrument_id is None else _loads(connection, instrument_id)

    def has_before(self, instrument: Instrument, features: FeatureSet, ts_ns: int) -> bool:
        """Whether a set has a vector of before a moment."""
        with transaction(self._store) as connection:
            instrument_id = known_id(connection, instrument)
            set_id = None if instrument_id is None else _known_set(connection, instrument_id, features)
            query = "SELECT 1 FROM features WHERE set_id = ? AND ts_ns < ? LIMIT 1"
            return set_id is not None and connection.execute(query, (set_id, ts_ns)).fetchone() is not None

    def put(
        self,
        instrument: Instrument,
        features: FeatureSet,
        ts_ns: NDArray[np.int64],
        values: NDArray[np.float64],
        *,
        loads: int | None = None,
    ) -> None:
        """Keep vectors in place of those of their span.

        `loads` is what `loads` said before the trades were read that they are made of; None where that is another
        source's affair.

        Raises
        ------
        ValueError
            Stamps do not rise, or shapes do not fit each other and the set.
        TradesAddedError
            Trades were added since then.
        StoreError
            The store holds the instrument on another grid.

        """
        if ts_ns.ndim != 1 or values.shape != (len(ts_ns), len(features.names)):
            raise ValueError(
                f"vectors must be one of {len(features.names)} features a stamp, were {values.shape} for {ts_ns.shape}"
            )
        if len(ts_ns) == 0:
            return
        if ts_ns[0] < 0 or not (np.diff(ts_ns) > 0).all():
            raise ValueError("stamps of vectors must rise, and not be negative")
        with transaction(self._store) as connection:
            hold_features(connection, alone=True)
            instrument_id = instrument_id_of(connection, instrument)
            if loads is not None and _loads(connection, instrument_id) != loads:
                raise TradesAddedError(
                    f"trades of {instrument.symbol} were added while features were made of those before: try again"
                )
            set_id = self._set_id(connection, instrument_id, features)
            self._loader.prepare(connection, int(ts_ns[0]), int(ts_ns[-1]))
            connection.execute(
                "DELETE FROM features WHERE set_id = ? AND ts_ns >= ? AND ts_ns <= ?",
                (set_id, int(ts_ns[0]), int(ts_ns[-1])),
            )
            self._loader.load(connection, set_id, ts_ns, values)

    def vectors(
        self, instrument: Instrument, features: FeatureSet, from_ns: int, to_ns: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the vectors of a span; see the port."""
        with transaction(self._store) as connection:
            instrument_id = known_id(connection, instrument)
            set_id = None if instrument_id is None else _known_set(connection, instrument_id, features)
            if set_id is None:
                return np.empty(0, np.int64), np.empty((0, len(features.names)))
            return self._loader.read(connection, set_id, len(features.names), from_ns, to_ns)

    def kept(self) -> list[KeptFeatures]:
        """Return every set that has vectors, by instrument, source and interval."""
        with transaction(self._store) as connection:
            sets = connection.execute(
                "SELECT venue, kind, symbol, source, interval_ns, names, digest, set_id FROM feature_sets"
                " JOIN instruments USING (instrument_id) ORDER BY venue, kind, symbol, source, interval_ns, set_id"
            ).fetchall()
            found = []
            for venue, kind, symbol, source, interval_ns, names, digest, set_id in sets:
                rows, first_ns, last_ns = connection.execute(
                    "SELECT count(*), min(ts_ns), max(ts_ns) FROM features WHERE set_id = ?", (set_id,)
                ).fetchone() or (0, 0, 0)
                if rows:
                    named = tuple(orjson.loads(names) if isinstance(names, str) else names)
                    features = FeatureSet(source, int(interval_ns), named, digest)
                    found.append(KeptFeatures(venue, kind, symbol, features, int(rows), int(first_ns), int(last_ns)))
            return found

    def _set_id(self, connection: Connection, instrument_id: int, features: FeatureSet) -> int:
        found = _known_set(connection, instrument_id, features)
        if found is not None:
            return found
        connection.execute(
            "INSERT INTO feature_sets (instrument_id, source, interval_ns, digest, names) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (
                instrument_id,
                features.source,
                features.interval_ns,
                features.digest,
                orjson.dumps(features.names).decode(),
            ),
        )
        made = _known_set(connection, instrument_id, features)
        assert made is not None  # noqa: S101 - it was inserted above
        return made


def hold_features(connection: Connection, *, alone: bool) -> None:
    """Keep who adds trades and who keeps vectors apart; the first statement of a transaction.

    Any number may add trades at a time (`alone` False); vectors are kept by one, and nobody adds trades meanwhile. A
    lock, unlike a query, fixes no snapshot: whoever waited sees what the other has done.
    """
    if connection.dialect.name == "postgresql":  # one writer at a time is SQLite's own rule
        mode = "SHARE ROW EXCLUSIVE" if alone else "ROW EXCLUSIVE"
        connection.execute(f"LOCK TABLE feature_sets IN {mode} MODE")


def note_load(connection: Connection, instrument_id: int, ts_ns: int) -> None:
    """Count a load of trades from a moment on; vectors that were known later and made without them are dropped."""
    connection.execute("INSERT INTO tick_loads (instrument_id) VALUES (?)", (instrument_id,))
    connection.execute(
        "DELETE FROM features WHERE ts_ns > ? AND set_id IN"
        " (SELECT set_id FROM feature_sets WHERE instrument_id = ? AND source = ?)",
        (ts_ns, instrument_id, STORE),
    )


def _loads(connection: Connection, instrument_id: int) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM tick_loads WHERE instrument_id = ?", (instrument_id,)
    ).fetchone() or (0,)
    return int(count)


def _known_set(connection: Connection, instrument_id: int, features: FeatureSet) -> int | None:
    row = connection.execute(
        "SELECT set_id FROM feature_sets WHERE instrument_id = ? AND source = ? AND interval_ns = ? AND digest = ?",
        (instrument_id, features.source, features.interval_ns, features.digest),
    ).fetchone()
    return None if row is None else int(row[0])
