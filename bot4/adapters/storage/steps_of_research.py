"""Steps of the schema for what is tried on data."""

from __future__ import annotations

from bot4.adapters.storage.step import Migration

TRIALS = Migration(
    number=20,
    name="trials",
    sqlite="""
CREATE TABLE trials (
    family       TEXT NOT NULL,
    symbols      TEXT NOT NULL,
    first_ns     INTEGER NOT NULL,
    last_ns      INTEGER NOT NULL,
    parameters   TEXT NOT NULL,
    rows         INTEGER NOT NULL,
    result_hash  TEXT NOT NULL,
    ran_utc      TEXT NOT NULL,
    period       TEXT,
    sharpe       REAL,
    profit_share REAL NOT NULL,
    drawdown_max REAL NOT NULL,
    PRIMARY KEY (family, symbols, first_ns, last_ns, parameters)
) STRICT, WITHOUT ROWID;
""",
    postgresql="""
CREATE TABLE trials (
    family       TEXT NOT NULL,
    symbols      TEXT NOT NULL,
    first_ns     BIGINT NOT NULL,
    last_ns      BIGINT NOT NULL,
    parameters   TEXT NOT NULL,
    rows         BIGINT NOT NULL,
    result_hash  TEXT NOT NULL,
    ran_utc      TEXT NOT NULL,
    period       TEXT,
    sharpe       DOUBLE PRECISION,
    profit_share DOUBLE PRECISION NOT NULL,
    drawdown_max DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (family, symbols, first_ns, last_ns, parameters)
);
""",
)

FEATURES = Migration(
    number=22,
    name="feature sets, features, tick loads",
    # A vector is eight bytes a feature, little-endian.
    sqlite="""
CREATE TABLE feature_sets (
    set_id        INTEGER PRIMARY KEY,
    instrument_id INTEGER NOT NULL REFERENCES instruments (instrument_id),
    source        TEXT NOT NULL,
    interval_ns   INTEGER NOT NULL,
    digest        TEXT NOT NULL,
    names         TEXT NOT NULL,
    UNIQUE (instrument_id, source, interval_ns, digest)
) STRICT;

CREATE TABLE features (
    set_id INTEGER NOT NULL REFERENCES feature_sets (set_id),
    ts_ns  INTEGER NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (set_id, ts_ns)
) STRICT, WITHOUT ROWID;

CREATE TABLE tick_loads (
    load_id       INTEGER PRIMARY KEY,
    instrument_id INTEGER NOT NULL REFERENCES instruments (instrument_id)
) STRICT;

CREATE INDEX tick_loads_by_instrument ON tick_loads (instrument_id);
""",
    # No foreign key on features: it would be asked of every row of a bulk load. Partitions are made as they are needed.
    postgresql="""
CREATE TABLE feature_sets (
    set_id        INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_id INTEGER NOT NULL REFERENCES instruments (instrument_id),
    source        TEXT NOT NULL,
    interval_ns   BIGINT NOT NULL,
    digest        TEXT NOT NULL,
    names         JSONB NOT NULL,
    UNIQUE (instrument_id, source, interval_ns, digest)
);

CREATE TABLE features (
    set_id INTEGER NOT NULL,
    ts_ns  BIGINT NOT NULL,
    vector DOUBLE PRECISION[] NOT NULL,
    PRIMARY KEY (set_id, ts_ns)
) PARTITION BY RANGE (ts_ns);

CREATE TABLE tick_loads (
    load_id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_id INTEGER NOT NULL
);

CREATE INDEX tick_loads_by_instrument ON tick_loads (instrument_id);
""",
)
