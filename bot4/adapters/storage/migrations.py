"""The tables, as the steps that led to them: run forward, once each, in order, and checked on every start.

A step that was run stays as it is: a later change is a later step. A store whose recorded steps are not these is
refused, for it was made by a newer bot4 or changed by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot4.adapters.storage.step import Migration
from bot4.adapters.storage.steps_of_research import FEATURES, TRIALS
from bot4.adapters.storage.steps_of_runs import POSITIONS_AND_COMMANDS
from bot4.domain.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot4.adapters.storage.dialect import Connection


class StoreError(FatalError):
    """The store cannot be opened or written; the message names it and the cause."""

    exit_code = 74


_RUNS = Migration(
    number=1,
    name="runs, orders, fills, marks, refusals",
    # Amounts are text: SQLite has no exact decimal, and a float would lose money.
    sqlite="""
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
""",
    postgresql="""
CREATE TABLE IF NOT EXISTS runs (
    run_id        TEXT PRIMARY KEY,
    started_utc   TEXT NOT NULL,
    source        TEXT NOT NULL,
    settings      JSONB NOT NULL,
    status        TEXT NOT NULL DEFAULT 'running',
    summary       JSONB,
    projected_seq BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS orders (
    run_id          TEXT NOT NULL REFERENCES runs (run_id),
    order_id        BIGINT NOT NULL,
    client_order_id TEXT NOT NULL,
    symbol          TEXT NOT NULL,
    side            TEXT NOT NULL,
    tif             TEXT NOT NULL,
    post_only       BOOLEAN NOT NULL,
    reduce_only     BOOLEAN NOT NULL,
    price           NUMERIC NOT NULL,
    qty             NUMERIC NOT NULL,
    filled_qty      NUMERIC NOT NULL,
    status          TEXT NOT NULL,
    reason          TEXT NOT NULL,
    score           DOUBLE PRECISION NOT NULL,
    ts_ns           BIGINT NOT NULL,
    updated_ns      BIGINT NOT NULL,
    PRIMARY KEY (run_id, order_id)
);

CREATE INDEX IF NOT EXISTS orders_by_status ON orders (run_id, status);

CREATE TABLE IF NOT EXISTS fills (
    run_id    TEXT NOT NULL REFERENCES runs (run_id),
    symbol    TEXT NOT NULL,
    trade_id  BIGINT NOT NULL,
    order_id  BIGINT NOT NULL,
    side      TEXT NOT NULL,
    price     NUMERIC NOT NULL,
    qty       NUMERIC NOT NULL,
    fee       NUMERIC NOT NULL,
    fee_asset TEXT NOT NULL,
    is_maker  BOOLEAN NOT NULL,
    ts_ns     BIGINT NOT NULL,
    PRIMARY KEY (run_id, symbol, trade_id)
);

CREATE TABLE IF NOT EXISTS marks (
    run_id       TEXT NOT NULL REFERENCES runs (run_id),
    seq          BIGINT NOT NULL,
    symbol       TEXT NOT NULL,
    price        NUMERIC NOT NULL,
    position     NUMERIC NOT NULL,
    equity       NUMERIC NOT NULL,
    equity_asset TEXT NOT NULL,
    ts_ns        BIGINT NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE IF NOT EXISTS refusals (
    run_id  TEXT NOT NULL REFERENCES runs (run_id),
    seq     BIGINT NOT NULL,
    symbol  TEXT NOT NULL,
    side    TEXT NOT NULL,
    price   NUMERIC NOT NULL,
    qty     NUMERIC NOT NULL,
    stage   TEXT NOT NULL,
    verdict TEXT NOT NULL,
    ts_ns   BIGINT NOT NULL,
    PRIMARY KEY (run_id, seq)
);
""",
)

_MARKET_DATA = Migration(
    number=2,
    name="instruments, ticks, bars",
    sqlite="""
CREATE TABLE instruments (
    instrument_id INTEGER PRIMARY KEY,
    venue         TEXT NOT NULL,
    kind          TEXT NOT NULL,
    symbol        TEXT NOT NULL,
    tick_size     TEXT NOT NULL,
    lot_size      TEXT NOT NULL,
    UNIQUE (venue, kind, symbol)
) STRICT;

CREATE TABLE ticks (
    instrument_id  INTEGER NOT NULL REFERENCES instruments (instrument_id),
    ts_ns          INTEGER NOT NULL,
    trade_id       INTEGER NOT NULL,
    price_ticks    INTEGER NOT NULL,
    qty_lots       INTEGER NOT NULL,
    buyer_is_maker INTEGER NOT NULL,
    PRIMARY KEY (instrument_id, ts_ns, trade_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE bars (
    instrument_id  INTEGER NOT NULL REFERENCES instruments (instrument_id),
    interval_ns    INTEGER NOT NULL,
    open_ns        INTEGER NOT NULL,
    open_ticks     INTEGER NOT NULL,
    high_ticks     INTEGER NOT NULL,
    low_ticks      INTEGER NOT NULL,
    close_ticks    INTEGER NOT NULL,
    volume_lots    INTEGER NOT NULL,
    taker_buy_lots INTEGER NOT NULL,
    trade_count    INTEGER NOT NULL,
    PRIMARY KEY (instrument_id, interval_ns, open_ns)
) STRICT, WITHOUT ROWID;

CREATE TABLE stale_bars (
    instrument_id INTEGER NOT NULL REFERENCES instruments (instrument_id),
    from_ns       INTEGER NOT NULL,
    to_ns         INTEGER NOT NULL,
    PRIMARY KEY (instrument_id, from_ns, to_ns)
) STRICT, WITHOUT ROWID;
""",
    # No foreign key on ticks: it would be asked of every row of a bulk load. Partitions are made as they are needed.
    postgresql="""
CREATE TABLE instruments (
    instrument_id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    venue         TEXT NOT NULL,
    kind          TEXT NOT NULL,
    symbol        TEXT NOT NULL,
    tick_size     NUMERIC NOT NULL,
    lot_size      NUMERIC NOT NULL,
    UNIQUE (venue, kind, symbol)
);

CREATE TABLE ticks (
    instrument_id  INTEGER NOT NULL,
    buyer_is_maker BOOLEAN NOT NULL,
    ts_ns          BIGINT NOT NULL,
    trade_id       BIGINT NOT NULL,
    price_ticks    BIGINT NOT NULL,
    qty_lots       BIGINT NOT NULL,
    PRIMARY KEY (instrument_id, ts_ns, trade_id)
) PARTITION BY RANGE (ts_ns);

CREATE TABLE bars (
    instrument_id  INTEGER NOT NULL REFERENCES instruments (instrument_id),
    interval_ns    BIGINT NOT NULL,
    open_ns        BIGINT NOT NULL,
    open_ticks     BIGINT NOT NULL,
    high_ticks     BIGINT NOT NULL,
    low_ticks      BIGINT NOT NULL,
    close_ticks    BIGINT NOT NULL,
    volume_lots    BIGINT NOT NULL,
    taker_buy_lots BIGINT NOT NULL,
    trade_count    BIGINT NOT NULL,
    PRIMARY KEY (instrument_id, interval_ns, open_ns)
);

CREATE TABLE stale_bars (
    instrument_id INTEGER NOT NULL REFERENCES instruments (instrument_id),
    from_ns       BIGINT NOT NULL,
    to_ns         BIGINT NOT NULL,
    PRIMARY KEY (instrument_id, from_ns, to_ns)
);
""",
)

MIGRATIONS: tuple[Migration, ...] = (_RUNS, _MARKET_DATA, TRIALS, POSITIONS_AND_COMMANDS, FEATURES)
"""Every step, in order. Numbers have gaps: rooms number their steps apart."""


def migrate(connection: Connection, store: str, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring a store's tables up to date inside the open transaction; returns how many steps were run.

    Raises
    ------
    StoreError
        The store records a step that is not known, or is known with other statements.

    """
    dialect = connection.dialect.name
    recorded: dict[int, str] = {}
    is_recorded = connection.execute(connection.dialect.table_exists, ("schema_migrations",)).fetchone() is not None
    if is_recorded:
        rows = connection.execute("SELECT number, digest FROM schema_migrations").fetchall()
        recorded = {int(number): str(digest) for number, digest in rows}
    known = {migration.number: migration for migration in migrations}
    for number, digest in sorted(recorded.items()):
        if number not in known:
            raise StoreError(f"store {store} has schema {number}, this bot4 knows {max(known)}: update bot4")
        if known[number].digest(dialect) != digest:
            name = known[number].name
            raise StoreError(f"store {store} was made with another step {number} ({name}) than this bot4's")
    pending = [migration for migration in migrations if migration.number not in recorded]
    if pending and not is_recorded:
        connection.execute(
            "CREATE TABLE schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL)"
        )
    for migration in pending:
        for statement in migration.statements(dialect):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_migrations (number, name, digest) VALUES (?, ?, ?)",
            (migration.number, migration.name, migration.digest(dialect)),
        )
    return len(pending)
