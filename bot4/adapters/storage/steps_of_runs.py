"""Steps of the schema for what a run holds, was told, was asked and decided by."""

from __future__ import annotations

from bot4.adapters.storage.step import Migration

POSITIONS_AND_COMMANDS = Migration(
    number=21,
    name="positions, signals, models, commands",
    sqlite="""
CREATE TABLE positions (
    run_id       TEXT NOT NULL REFERENCES runs (run_id),
    symbol       TEXT NOT NULL,
    bought_qty   TEXT NOT NULL,
    sold_qty     TEXT NOT NULL,
    bought_value TEXT NOT NULL,
    sold_value   TEXT NOT NULL,
    fills        INTEGER NOT NULL,
    updated_ns   INTEGER NOT NULL,
    PRIMARY KEY (run_id, symbol)
) STRICT, WITHOUT ROWID;

CREATE TABLE signals (
    run_id     TEXT NOT NULL REFERENCES runs (run_id),
    seq        INTEGER NOT NULL,
    symbol     TEXT NOT NULL,
    source     TEXT NOT NULL,
    score      REAL NOT NULL,
    confidence REAL NOT NULL,
    age_s      REAL NOT NULL,
    ts_ns      INTEGER NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE models (
    run_id  TEXT NOT NULL REFERENCES runs (run_id),
    slot    TEXT NOT NULL,
    digest  TEXT NOT NULL,
    name    TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (run_id, slot, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE commands (
    run_id      TEXT NOT NULL,
    command_id  TEXT NOT NULL,
    asked_ns    INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    content     TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    answered_ns INTEGER NOT NULL,
    PRIMARY KEY (run_id, command_id, asked_ns)
) STRICT, WITHOUT ROWID;
""",
    # Commands may come before their run has a row.
    postgresql="""
CREATE TABLE positions (
    run_id       TEXT NOT NULL REFERENCES runs (run_id),
    symbol       TEXT NOT NULL,
    bought_qty   NUMERIC NOT NULL,
    sold_qty     NUMERIC NOT NULL,
    bought_value NUMERIC NOT NULL,
    sold_value   NUMERIC NOT NULL,
    fills        BIGINT NOT NULL,
    updated_ns   BIGINT NOT NULL,
    PRIMARY KEY (run_id, symbol)
);

CREATE TABLE signals (
    run_id     TEXT NOT NULL REFERENCES runs (run_id),
    seq        BIGINT NOT NULL,
    symbol     TEXT NOT NULL,
    source     TEXT NOT NULL,
    score      DOUBLE PRECISION NOT NULL,
    confidence DOUBLE PRECISION NOT NULL,
    age_s      DOUBLE PRECISION NOT NULL,
    ts_ns      BIGINT NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE models (
    run_id  TEXT NOT NULL REFERENCES runs (run_id),
    slot    TEXT NOT NULL,
    digest  TEXT NOT NULL,
    name    TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (run_id, slot, digest)
);

CREATE TABLE commands (
    run_id      TEXT NOT NULL,
    command_id  TEXT NOT NULL,
    asked_ns    BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    content     TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    answered_ns BIGINT NOT NULL,
    PRIMARY KEY (run_id, command_id, asked_ns)
);
""",
)
