"""Tables of the embedded store. Amounts are text: SQLite has no exact decimal, and a float would lose money."""

from __future__ import annotations

SCHEMA_VERSION = 1

TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    run_id        TEXT PRIMARY KEY,
    started_utc   TEXT NOT NULL,
    source        TEXT NOT NULL,
    settings      TEXT NOT NULL,
    status        TEXT NOT NULL DEFAULT 'running',
    summary       TEXT,
    projected_seq INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS orders (
    run_id          TEXT NOT NULL REFERENCES runs (run_id),
    order_id        INTEGER NOT NULL,
    client_order_id TEXT NOT NULL,
    symbol          TEXT NOT NULL,
    side            TEXT NOT NULL,
    tif             TEXT NOT NULL,
    post_only       INTEGER NOT NULL,
    reduce_only     INTEGER NOT NULL,
    price           TEXT NOT NULL,
    qty             TEXT NOT NULL,
    filled_qty      TEXT NOT NULL,
    status          TEXT NOT NULL,
    reason          TEXT NOT NULL,
    score           REAL NOT NULL,
    ts_ns           INTEGER NOT NULL,
    updated_ns      INTEGER NOT NULL,
    PRIMARY KEY (run_id, order_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS orders_by_status ON orders (run_id, status);

CREATE TABLE IF NOT EXISTS fills (
    run_id    TEXT NOT NULL REFERENCES runs (run_id),
    symbol    TEXT NOT NULL,
    trade_id  INTEGER NOT NULL,
    order_id  INTEGER NOT NULL,
    side      TEXT NOT NULL,
    price     TEXT NOT NULL,
    qty       TEXT NOT NULL,
    fee       TEXT NOT NULL,
    fee_asset TEXT NOT NULL,
    is_maker  INTEGER NOT NULL,
    ts_ns     INTEGER NOT NULL,
    PRIMARY KEY (run_id, symbol, trade_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS marks (
    run_id       TEXT NOT NULL REFERENCES runs (run_id),
    seq          INTEGER NOT NULL,
    symbol       TEXT NOT NULL,
    price        TEXT NOT NULL,
    position     TEXT NOT NULL,
    equity       TEXT NOT NULL,
    equity_asset TEXT NOT NULL,
    ts_ns        INTEGER NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS refusals (
    run_id  TEXT NOT NULL REFERENCES runs (run_id),
    seq     INTEGER NOT NULL,
    symbol  TEXT NOT NULL,
    side    TEXT NOT NULL,
    price   TEXT NOT NULL,
    qty     TEXT NOT NULL,
    stage   TEXT NOT NULL,
    verdict TEXT NOT NULL,
    ts_ns   INTEGER NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
"""
