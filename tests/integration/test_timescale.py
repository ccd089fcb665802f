"""The TimescaleDB path: as far as it can be judged without the extension, and whole where it is installed.

Without it, stand-ins for its functions show that the statements are SQL a server takes, that they name columns there
are, and that the aggregates say of trades what bars counted by hand say. What only the extension can show (chunks,
compression, policies, that a hypertable takes these keys) is tested where it is, and the skip says so where it is not.
"""

from __future__ import annotations

import re
from contextlib import suppress

import numpy as np
import pytest
from builders.stores import empty_place, open_store
from builders.synthetic import instrument

from bot4.adapters.storage import timescale
from bot4.adapters.storage.feature_vectors import SqlFeatures
from bot4.adapters.storage.instrument_rows import instrument_id_of
from bot4.adapters.storage.market_data import DAY_NS, HOUR_NS, MINUTE_NS, SqlMarketData
from bot4.adapters.storage.tick_loaders import PostgresTickLoader
from bot4.ports.feature_store import FeatureSet
from bot4.ports.market_data import TICK_DTYPE

STAND_INS = """
CREATE FUNCTION create_hypertable(relation REGCLASS, time_column NAME, chunk_time_interval BIGINT,
    migrate_data BOOLEAN DEFAULT FALSE) RETURNS TEXT LANGUAGE SQL AS $$ SELECT attname::text FROM pg_attribute
    WHERE attrelid = relation AND attname = time_column $$;
CREATE FUNCTION set_integer_now_func(relation REGCLASS, now_function REGPROC) RETURNS VOID LANGUAGE SQL AS '';
CREATE FUNCTION add_compression_policy(relation REGCLASS, compress_after BIGINT) RETURNS INT LANGUAGE SQL AS 'SELECT 1';
CREATE FUNCTION add_continuous_aggregate_policy(view REGCLASS, start_offset BIGINT, end_offset BIGINT,
    schedule_interval INTERVAL) RETURNS INT LANGUAGE SQL AS 'SELECT 1';
CREATE FUNCTION time_bucket(width BIGINT, ts BIGINT) RETURNS BIGINT IMMUTABLE LANGUAGE SQL AS 'SELECT ts - ts % width';
CREATE FUNCTION first_step(state BIGINT[], value BIGINT, at BIGINT) RETURNS BIGINT[] LANGUAGE SQL AS
    $$ SELECT CASE WHEN state IS NULL OR at < state[2] THEN ARRAY[value, at] ELSE state END $$;
CREATE FUNCTION last_step(state BIGINT[], value BIGINT, at BIGINT) RETURNS BIGINT[] LANGUAGE SQL AS
    $$ SELECT CASE WHEN state IS NULL OR at >= state[2] THEN ARRAY[value, at] ELSE state END $$;
CREATE FUNCTION one(state BIGINT[]) RETURNS BIGINT LANGUAGE SQL AS 'SELECT state[1]';
CREATE AGGREGATE first(BIGINT, BIGINT) (SFUNC = first_step, STYPE = BIGINT[], FINALFUNC = one);
CREATE AGGREGATE last(BIGINT, BIGINT) (SFUNC = last_step, STYPE = BIGINT[], FINALFUNC = one);
"""
BTC = instrument()
START_NS = 1_722_470_400_000_000_000


@pytest.fixture
def store(request):
    store = open_store(*empty_place(request, "postgresql"))
    yield store
    store.close()


def made_up(count: int) -> np.ndarray:
    """Trades with many of one stamp, as a venue that stamps in milliseconds has them."""
    random = np.random.default_rng(11)
    ticks = np.empty(count, TICK_DTYPE)
    ticks["ts_ns"] = START_NS + np.cumsum(random.integers(0, 3, count)) * 15_000_000_000
    ticks["trade_id"] = np.arange(count)
    ticks["price_ticks"] = 6_000_000 + np.cumsum(random.integers(-9, 10, count))
    ticks["qty_lots"] = random.integers(1, 10**9, count)
    ticks["buyer_is_maker"] = random.integers(0, 2, count)
    return ticks


def check_aggregates(store, changed=lambda statement: statement) -> None:
    """Run the statements over the stand-ins, and compare the views with the bars of plain tables."""
    ticks = made_up(3_000)
    plain = SqlMarketData(store, PostgresTickLoader())
    connection, depth = store.begin()
    try:
        connection.raw.execute(STAND_INS)
        for statement in timescale.statements():
            plain_statement = re.sub(r"WITH \(timescaledb[^)]*\)", "", statement).replace("WITH NO DATA", "")
            if "SET (timescaledb." not in plain_statement:
                connection.execute(changed(plain_statement))
        PartitionlessLoader().load(connection, instrument_id_of(connection, BTC), ticks)
        for view in ("bars_1m", "bars_1h", "bars_1d"):
            connection.execute(f"REFRESH MATERIALIZED VIEW {view}")
        columns = "open_ns, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, taker_buy_lots, trade_count"
        found = [
            connection.execute(f"SELECT {columns} FROM {view} ORDER BY open_ns").fetchall()  # noqa: S608
            for view in ("bars_1m", "bars_1h", "bars_1d")
        ]
        connection.execute("INSERT INTO stale_bars VALUES (1, ?, ?)", (START_NS, int(ticks["ts_ns"][-1]) + 1))
        plain._refresh(connection, 1)
        expected = [
            connection.execute(f"SELECT {columns} FROM bars WHERE interval_ns = ? ORDER BY open_ns", (span,)).fetchall()  # noqa: S608
            for span in (MINUTE_NS, HOUR_NS, DAY_NS)
        ]
        assert [len(rows) > 0 for rows in found] == [True] * 3
        assert found == expected
    finally:
        store.end(depth, keep=False)


class PartitionlessLoader(timescale.TimescaleTickLoader):
    """Loads into the table as the statements left it."""


def test_the_aggregates_say_of_trades_what_the_bars_say(store):
    check_aggregates(store)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("first(price_ticks, trade_id)", "last(price_ticks, trade_id)"), ("max(high_ticks)", "min(high_ticks)")],
)
def test_an_aggregate_that_takes_the_wrong_price_would_be_noticed(store, right, wrong):
    """Control."""
    assert any(right in statement for statement in timescale.statements())
    with pytest.raises(AssertionError):
        check_aggregates(store, lambda statement: statement.replace(right, wrong))


def test_what_only_the_extension_takes_is_at_least_read_by_the_server(store):
    """The server refuses the options' name space, and nothing before it: the rest of the statement is right."""
    import psycopg  # noqa: PLC0415 - an extra

    special = [text for text in timescale.statements() if "(timescaledb." in text and text.startswith("ALTER")]
    assert len(special) == 2
    for statement in special:
        connection, depth = store.begin()
        with pytest.raises(
            psycopg.errors.InvalidParameterValue, match='unrecognized parameter namespace "timescaledb"'
        ):
            connection.execute(statement)
        store.end(depth, keep=False)


def test_without_the_extension_the_plain_partitions_stay(store):
    connection, depth = store.begin()
    if timescale.is_installed(connection):
        store.end(depth, keep=False)
        pytest.skip("TimescaleDB is installed on this server: the whole path is tested instead")
    assert not timescale.prepare(connection)
    assert not timescale.prepare_features(connection)
    for table in ("ticks", "features"):
        assert connection.execute("SELECT relkind FROM pg_class WHERE relname = ?", (table,)).fetchone() == ("p",)
    store.end(depth, keep=False)


def test_with_the_extension_trades_bars_and_retention_are_those_of_plain_tables(store):
    import psycopg  # noqa: PLC0415 - an extra

    try:
        with psycopg.connect(store.path, autocommit=True) as raw:
            raw.execute("CREATE EXTENSION timescaledb")
    except psycopg.Error as error:
        pytest.skip(f"TimescaleDB is not installed on this server ({str(error).splitlines()[0]})")
    connection, depth = store.begin()
    for _ in range(2):
        assert timescale.prepare(connection)
        assert timescale.prepare_features(connection)
    timescale.keep_for(connection, 30)
    timescale.keep_for(connection, 0)
    store.end(depth, keep=True)
    market = SqlMarketData(store, timescale.TimescaleTickLoader())
    ticks = made_up(3_000)
    assert market.add_ticks(BTC, ticks) == 3_000
    assert market.add_ticks(BTC, ticks[:100]) == 0
    assert market.ticks(BTC, 0, 2**62).tolist() == ticks.tolist()
    assert len(market.bars(BTC, MINUTE_NS, last=100_000)) > 100
    features = SqlFeatures(store, timescale.TimescaleVectors())
    chosen = FeatureSet("trades", MINUTE_NS, ("rsi_14", "obv"), "of one meaning")
    stamps, values = START_NS + MINUTE_NS * np.arange(30_000), np.random.default_rng(3).normal(size=(30_000, 2))
    features.put(BTC, chosen, stamps, values)
    look_at_the_server(store.path)
    found = features.vectors(BTC, chosen, 0, 2**62)
    assert (found[0].tolist(), found[1].tobytes()) == (stamps.tolist(), values.tobytes()), (
        "compressed, they are the same"
    )
    features.put(BTC, chosen, stamps[:50], values[:50] + 1)
    assert features.vectors(BTC, chosen, 0, int(stamps[50]))[1].tobytes() == (values[:50] + 1).tobytes()
    assert market.ticks(BTC, 0, 2**62).tolist() == ticks.tolist(), "compressed, they are the same"
    assert market.forget_before(START_NS + 30 * DAY_NS) > 0
    assert len(market.ticks(BTC, 0, 2**62)) == 0
    check_many_compressed(store, features, market)


def check_many_compressed(store, features: SqlFeatures, market: SqlMarketData) -> None:
    """More vectors than the extension lets one statement unpack by itself are replaced, and dropped for a new trade."""
    import psycopg  # noqa: PLC0415 - an extra

    chosen = FeatureSet("store", MINUTE_NS, ("obv",), "of the store's own trades")
    count = 120_000
    stamps, values = START_NS + MINUTE_NS * np.arange(count), np.zeros((count, 1))
    for number in range(2):
        features.put(BTC, chosen, stamps, values + number)
        with psycopg.connect(store.path, autocommit=True) as raw:
            compress(raw, "features")
    assert features.vectors(BTC, chosen, 0, 2**62)[1].sum() == count
    late = np.array([(START_NS + 7, 10**9, 6_000_000, 5, False)], TICK_DTYPE)
    assert market.add_ticks(BTC, late) == 1
    assert features.vectors(BTC, chosen, 0, 2**62)[0].tolist() == [START_NS]


def compress(raw, table: str) -> None:
    import psycopg  # noqa: PLC0415 - an extra

    for (chunk,) in raw.execute("SELECT show_chunks(%s)::text", (table,)).fetchall():
        with suppress(psycopg.errors.DuplicateObject):  # the policy's own job was there first
            raw.execute("SELECT compress_chunk(%s, if_not_compressed => TRUE)", (chunk,))


def look_at_the_server(url: str) -> None:
    """Hypertables and policies are there, the aggregates say what the bars say, and every chunk can be compressed."""
    import psycopg  # noqa: PLC0415 - an extra

    columns = "open_ns, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, taker_buy_lots, trade_count"
    views = (("bars_1m", MINUTE_NS), ("bars_1h", HOUR_NS), ("bars_1d", DAY_NS))
    with psycopg.connect(url, autocommit=True) as raw:
        tables = raw.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
        assert {"ticks", "bars", "marks", "features"} <= {name for (name,) in tables}
        jobs = [name for (name,) in raw.execute("SELECT proc_name FROM timescaledb_information.jobs").fetchall()]
        assert jobs.count("policy_refresh_continuous_aggregate") == 3
        assert jobs.count("policy_compression") == 2
        for view, span in views:
            raw.execute(f"CALL refresh_continuous_aggregate('{view}', NULL, NULL)")
            found = raw.execute(f"SELECT {columns} FROM {view} ORDER BY open_ns").fetchall()  # noqa: S608
            bars = f"SELECT {columns} FROM bars WHERE interval_ns = %s ORDER BY open_ns"  # noqa: S608
            assert found == raw.execute(bars, (span,)).fetchall() != []
        for table in ("ticks", "features"):
            compress(raw, table)
            chunks = "SELECT is_compressed FROM timescaledb_information.chunks WHERE hypertable_name = %s"
            assert {packed for (packed,) in raw.execute(chunks, (table,)).fetchall()} == {True}
