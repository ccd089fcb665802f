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
