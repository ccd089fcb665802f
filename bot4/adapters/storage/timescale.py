"""Trades, bars, features and equity as hypertables, where the TimescaleDB extension is in the database.

Nothing here makes the extension: who runs the server says ``CREATE EXTENSION timescaledb``, before the first trades are
kept. A database that holds trades in plain partitions stays with them, and likewise with features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.storage.tick_loaders import PostgresTickLoader
from bot4.adapters.storage.vector_loaders import PostgresVectors

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from bot4.adapters.storage.dialect import Connection
    from bot4.adapters.storage.postgres import PostgresConnection

_MINUTE_NS = 60_000_000_000
_DAY_NS = 1_440 * _MINUTE_NS
_CHUNK_NS = 7 * _DAY_NS
_COMPRESS_AFTER_NS = 14 * _DAY_NS
_NOW = """CREATE OR REPLACE FUNCTION bot4_now_ns() RETURNS BIGINT LANGUAGE SQL STABLE AS
    'SELECT CAST(extract(epoch FROM now()) * 1000000000 AS BIGINT)';
"""

TICKS = f"""
DROP TABLE ticks;

CREATE TABLE ticks (
    instrument_id  INTEGER NOT NULL,
    buyer_is_maker BOOLEAN NOT NULL,
    ts_ns          BIGINT NOT NULL,
    trade_id       BIGINT NOT NULL,
    price_ticks    BIGINT NOT NULL,
    qty_lots       BIGINT NOT NULL,
    PRIMARY KEY (instrument_id, ts_ns, trade_id)
);

{_NOW}
SELECT create_hypertable('ticks', 'ts_ns', chunk_time_interval => {_CHUNK_NS});

SELECT set_integer_now_func('ticks', 'bot4_now_ns');

ALTER TABLE ticks SET (timescaledb.compress, timescaledb.compress_segmentby = 'instrument_id',
    timescaledb.compress_orderby = 'ts_ns, trade_id');

SELECT add_compression_policy('ticks', compress_after => {_COMPRESS_AFTER_NS});

SELECT create_hypertable('bars', 'open_ns', chunk_time_interval => {365 * _DAY_NS}, migrate_data => TRUE);

ALTER TABLE marks DROP CONSTRAINT marks_pkey;

ALTER TABLE marks ADD PRIMARY KEY (run_id, seq, ts_ns);

SELECT create_hypertable('marks', 'ts_ns', chunk_time_interval => {30 * _DAY_NS}, migrate_data => TRUE);
"""
"""Hypertables, compression. The equity curve's key takes its time in: a hypertable's keys must hold its dimension."""

FEATURES = f"""
DROP TABLE features;

CREATE TABLE features (
    set_id INTEGER NOT NULL,
    ts_ns  BIGINT NOT NULL,
    vector DOUBLE PRECISION[] NOT NULL,
    PRIMARY KEY (set_id, ts_ns)
);

{_NOW}
SELECT create_hypertable('features', 'ts_ns', chunk_time_interval => {_CHUNK_NS});

SELECT set_integer_now_func('features', 'bot4_now_ns');

ALTER TABLE features SET (timescaledb.compress, timescaledb.compress_segmentby = 'set_id',
    timescaledb.compress_orderby = 'ts_ns');

SELECT add_compression_policy('features', compress_after => {_COMPRESS_AFTER_NS});
"""
"""Vectors, a chunk a week as trades."""

_VIEW = """
CREATE MATERIALIZED VIEW {name} WITH (timescaledb.continuous, timescaledb.materialized_only = FALSE) AS
SELECT instrument_id, time_bucket(CAST({interval} AS BIGINT), {time}) AS open_ns,
       first({open}, {order}) AS open_ticks, max({high}) AS high_ticks, min({low}) AS low_ticks,
       last({close}, {order}) AS close_ticks, sum({volume}) AS volume_lots, sum({taker_buy}) AS taker_buy_lots,
       sum({count}) AS trade_count
FROM {source} GROUP BY instrument_id, 2 WITH NO DATA;
"""
_POLICY = """
SELECT add_continuous_aggregate_policy('{name}', start_offset => {start}, end_offset => {interval},
    schedule_interval => INTERVAL '{schedule}');
"""
# Trades of one stamp are in the order of their ids, which grow with time.
_OF_TRADES = {
    "time": "ts_ns", "order": "trade_id", "open": "price_ticks", "high": "price_ticks", "low": "price_ticks",
    "close": "price_ticks", "volume": "qty_lots", "count": "1",
    "taker_buy": "CASE WHEN buyer_is_maker THEN 0 ELSE qty_lots END",
}  # fmt: skip
_OF_BARS = {
    "time": "open_ns", "order": "open_ns", "open": "open_ticks", "high": "high_ticks", "low": "low_ticks",
    "close": "close_ticks", "volume": "volume_lots", "count": "trade_count", "taker_buy": "taker_buy_lots",
}  # fmt: skip


def aggregates() -> str:
    """Return the statements of the continuous aggregates: a minute of trades, an hour of minutes, a day of hours."""
    steps = (
        ("bars_1m", _MINUTE_NS, "ticks", _OF_TRADES, 3 * _DAY_NS, "1 minute"),
        ("bars_1h", 60 * _MINUTE_NS, "bars_1m", _OF_BARS, 7 * _DAY_NS, "10 minutes"),
        ("bars_1d", _DAY_NS, "bars_1h", _OF_BARS, 30 * _DAY_NS, "1 hour"),
    )
    return "".join(
        _VIEW.format(name=name, interval=interval, source=source, **columns)
        + _POLICY.format(name=name, interval=interval, start=start, schedule=schedule)
        for name, interval, source, columns, start, schedule in steps
    )


def statements(*texts: str) -> Iterator[str]:
    """Yield every statement of texts, in order; of all there are where none is given."""
    for text in texts or (TICKS, aggregates(), FEATURES):
        yield from (statement.strip() for statement in text.split(";\n") if statement.strip())


def is_installed(connection: Connection) -> bool:
    """Whether the extension is in this database."""
    found = connection.execute("SELECT 1 FROM pg_extension WHERE extname = ?", ("timescaledb",)).fetchone()
    return found is not None


def prepare(connection: Connection) -> bool:
    """Turn the tables of trades, bars and equity into hypertables; whether they are.

    False where the extension is not there, or trades lie in plain partitions already.
    """
    return _prepared(connection, "ticks", TICKS, aggregates())


def prepare_features(connection: Connection) -> bool:
    """Turn the table of feature vectors into a hypertable; whether it is, as `prepare`."""
    return _prepared(connection, "features", FEATURES)


def _prepared(connection: Connection, table: str, *texts: str) -> bool:
    if not is_installed(connection):
        return False
    query = "SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_name = ?"
    if connection.execute(query, (table,)).fetchone() is not None:
        return True
    if connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:  # noqa: S608 - own name
        return False
    for statement in statements(*texts):
        connection.execute(statement)
    return True


class TimescaleTickLoader(PostgresTickLoader):
    """Binary COPY into a hypertable, whose chunks the extension makes and drops."""

    def load(self, connection: PostgresConnection, instrument_id: int, ticks: np.ndarray) -> int:
        """Insert what is not there, and let what was made without it be dropped from compressed chunks too."""
        _lift_limit(connection)
        return super().load(connection, instrument_id, ticks)

    def forget_before(self, connection: PostgresConnection, ts_ns: int) -> int:
        """Drop the chunks that end before `ts_ns`."""
        return len(connection.execute("SELECT drop_chunks('ticks', older_than => ?::bigint)", (ts_ns,)).fetchall())

    def make_partitions(self, connection: PostgresConnection, first_ns: int, last_ns: int) -> None:
        """Do nothing: chunks are made by the extension."""


class TimescaleVectors(PostgresVectors):
    """Binary COPY into a hypertable."""

    def prepare(self, connection: PostgresConnection, first_ns: int, last_ns: int) -> None:
        """Let what is there be replaced in compressed chunks too; new ones are made by the extension."""
        del first_ns, last_ns
        _lift_limit(connection)


def _lift_limit(connection: Connection) -> None:
    """Let this transaction change as many compressed rows as it has to: 100,000 is the extension's own limit."""
    connection.execute("SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0")


def keep_for(connection: Connection, days: int) -> None:
    """Let the extension drop trades older than so many days; 0 keeps them all."""
    connection.execute("SELECT remove_retention_policy('ticks', if_exists => TRUE)")
    if days:
        connection.execute("SELECT add_retention_policy('ticks', drop_after => ?::bigint)", (days * _DAY_NS,))
