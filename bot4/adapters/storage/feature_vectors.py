"""Feature vectors in the store: kept in place of those of their span, read back by set and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import orjson

from bot4.adapters.storage.instrument_rows import instrument_id_of, known_id
from bot4.adapters.storage.unit_of_work import transaction
from bot4.ports.feature_store import STORE, FeatureSet, KeptFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bot4.adapters.storage.dialect import Connection
    from bot4.adapters.storage.unit_of_work import TransactionalStore
    from bot4.domain.instrument import Instrument


class VectorLoader(Protocol):
    """How a database takes and gives many vectors at once."""

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

    def put(
        self, instrument: Instrument, features: FeatureSet, ts_ns: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        """Keep vectors in place of those of their span.

        Raises
        ------
        ValueError
            Stamps do not rise, or shapes do not fit each other and the set.
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
            set_id = self._set_id(connection, instrument_id_of(connection, instrument), features)
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


def forget_vectors_after(connection: Connection, instrument_id: int, ts_ns: int) -> None:
    """Drop what was made of the store's trades of an instrument and was known after a moment: a trade of it is new."""
    connection.execute(
        "DELETE FROM features WHERE ts_ns > ? AND set_id IN"
        " (SELECT set_id FROM feature_sets WHERE instrument_id = ? AND source = ?)",
        (ts_ns, instrument_id, STORE),
    )


def _known_set(connection: Connection, instrument_id: int, features: FeatureSet) -> int | None:
    row = connection.execute(
        "SELECT set_id FROM feature_sets WHERE instrument_id = ? AND source = ? AND interval_ns = ? AND digest = ?",
        (instrument_id, features.source, features.interval_ns, features.digest),
    ).fetchone()
    return None if row is None else int(row[0])
