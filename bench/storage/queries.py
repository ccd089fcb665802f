"""A table of 100 million trades in PostgreSQL: how fast it fills, and how fast it answers.

    python bench/storage/queries.py [--rows N] [--repeat N] [--json]     (make bench-db ROWS=100000000)

A private server from the installed binaries, in a temporary folder that is removed again: 100 million rows need 15 GB
there. Trades of four instruments over a year arrive in loads of a million by COPY, each followed by the refresh of the
bars it made stale; a million orders, two million points of equity and a year of feature vectors lie beside them. Then
the last 500 bars of each interval, an equity curve of 1,000 points, the last 500 orders of a run, 500 trades in the
middle of the table and 500 feature vectors are asked for through the store's own classes, with the plan of each. The
load is on the disk before; the first answer of each question, which a connection plans and cold pages are read for, is
shown apart. Fails where the 99th percentile of the others is 50 ms or more. What an answer takes of a processor, here
and in the server, tells how much of that is waiting for one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import numpy as np
import psycopg

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(folder))

from builders.servers import postgres_server  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import Progress  # noqa: E402

from bot4.adapters.recordings.catalog import InstrumentCatalog  # noqa: E402
from bot4.adapters.storage.feature_vectors import SqlFeatures  # noqa: E402
from bot4.adapters.storage.market_data import DAY_NS, HOUR_NS, MINUTE_NS, SqlMarketData  # noqa: E402
from bot4.adapters.storage.postgres import PostgresConnection, PostgresStore  # noqa: E402
from bot4.adapters.storage.tick_loaders import PostgresTickLoader  # noqa: E402
from bot4.adapters.storage.vector_loaders import PostgresVectors  # noqa: E402
from bot4.domain.instrument import Instrument, Market  # noqa: E402
from bot4.domain.specification import where  # noqa: E402
from bot4.ports.feature_store import FeatureSet  # noqa: E402
from bot4.ports.market_data import TICK_DTYPE  # noqa: E402

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT")
LOAD = 1_000_000
START_NS = 1_735_689_600_000_000_000  # 2025
YEAR_NS = 365 * DAY_NS
BYTES_A_ROW = 150
RUN = "run-7"
VECTORS = FeatureSet("store", MINUTE_NS, tuple(f"feature_{i}" for i in range(30)), "of one meaning")
LIMIT_MS = 50.0
ORDERS = """
INSERT INTO orders SELECT 'run-' || run, n, 'b4-' || n, (ARRAY['BTCUSDT','ETHUSDT'])[1 + n % 2],
       (ARRAY['buy','sell'])[1 + n % 2], 'gtc', true, false, 60000 + n % 977, 0.01, 0.01,
       (ARRAY['filled','canceled','rejected'])[1 + n % 3], 'enter', 0.5, n * 1000000000::bigint, n * 1000000000::bigint
FROM generate_series(1, 10) AS run, generate_series(1, {count}) AS n
"""
MARKS = """
INSERT INTO marks SELECT 'run-' || run, n, 'BTCUSDT', 60000 + n % 977, 0.01, 10000 + n % 977, 'USDT',
       n * 1000000000::bigint
FROM generate_series(1, 10) AS run, generate_series(1, {count}) AS n
"""


def trades(rng: np.random.Generator, count: int, start_ns: int, span_ns: int, first_id: int) -> np.ndarray:
    """Trades at random times of a span, oldest first, with a price that walks."""
    rows = np.empty(count, TICK_DTYPE)
    rows["ts_ns"] = start_ns + np.sort(rng.integers(0, span_ns, count))
    rows["trade_id"] = first_id + np.arange(count)
    rows["price_ticks"] = 6_000_000 + np.cumsum(rng.integers(-9, 10, count))
    rows["qty_lots"] = rng.integers(1, 10**6, count)
    rows["buyer_is_maker"] = rng.integers(0, 2, count)
    return rows


def fill(market: SqlMarketData, rows: int, progress: Progress) -> dict[str, float]:
    """Load the trades and make their bars; returns seconds of each."""
    catalog = InstrumentCatalog()
    instruments = [catalog.require("binance", Market.SPOT, symbol) for symbol in SYMBOLS]
    rng = np.random.default_rng(7)
    each = rows // len(SYMBOLS)
    loads = max(1, -(-each // LOAD))
    spent = {"copy_s": 0.0, "refresh_s": 0.0}
    task = progress.add_task("trades", total=each * len(SYMBOLS))
    for load in range(loads):
        count = each // loads + (load < each % loads)
        for instrument in instruments:
            made = trades(rng, count, START_NS + load * (YEAR_NS // loads), YEAR_NS // loads, load * LOAD)
            began = time.perf_counter()
            assert market.add_ticks(instrument, made) == count
            copied = time.perf_counter()
            market.bars(instrument, DAY_NS, last=1)
            spent["copy_s"] += copied - began
            spent["refresh_s"] += time.perf_counter() - copied
            progress.advance(task, count)
    return spent


def fill_runs(store: PostgresStore, each: int) -> None:
    """Ten runs with their orders and points of equity."""
    connection, depth = store.begin()
    for run in range(1, 11):
        connection.execute(
            "INSERT INTO runs (run_id, started_utc, source, settings) VALUES (?, '2025', 'bench', '{}')",
            (f"run-{run}",),
        )
    connection.raw.execute(ORDERS.format(count=each).encode())
    connection.raw.execute(MARKS.format(count=2 * each).encode())
    store.end(depth, keep=True)


def fill_features(features: SqlFeatures, rows: int) -> float:
    """Vectors of one instrument, a minute apart over the year; returns how many a second were kept."""
    count = min(rows, YEAR_NS // MINUTE_NS)
    values = np.random.default_rng(8).normal(size=(count, len(VECTORS.names)))
    began = time.perf_counter()
    features.put(_btc(), VECTORS, START_NS + MINUTE_NS * np.arange(1, count + 1), values)
    return count / (time.perf_counter() - began)


def settle(url: str) -> None:
    """Have the load done with: statistics taken, and on the disk."""
    with psycopg.connect(url, autocommit=True) as raw:
        raw.execute("VACUUM ANALYZE")
        raw.execute("CHECKPOINT")


class Asked:
    """The statements a call ran, so that each can be explained."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, tuple]] = []
        self._execute = PostgresConnection.execute

    def __enter__(self) -> Self:
        def execute(connection: PostgresConnection, statement: str, values: tuple = ()) -> object:
            self.statements.append((statement, tuple(values)))
            return self._execute(connection, statement, values)

        PostgresConnection.execute = execute
        return self

    def __exit__(self, *_: object) -> None:
        PostgresConnection.execute = self._execute


def _btc() -> Instrument:
    return InstrumentCatalog().require("binance", Market.SPOT, "BTCUSDT")


def questions(store: PostgresStore, market: SqlMarketData, features: SqlFeatures) -> dict[str, object]:
    """What is asked, each through the store's own classes."""
    btc = _btc()
    middle = START_NS + YEAR_NS // 2

    def curve() -> int:
        with store.unit_of_work() as unit:
            return len(unit.marks.curve(RUN, 1_000))

    def newest_orders() -> int:
        with store.unit_of_work() as unit:
            return len(unit.orders.find(RUN, limit=500, newest_first=True))

    def filled_orders() -> int:
        wanted = (where("symbol") == "BTCUSDT") & (where("status") == "canceled")
        with store.unit_of_work() as unit:
            return len(unit.orders.find(RUN, wanted, limit=500, newest_first=True))

    return {
        "last 500 bars of a minute": lambda: len(market.bars(btc, MINUTE_NS, last=500)),
        "last 500 bars of an hour": lambda: len(market.bars(btc, HOUR_NS, last=500)),
        "last 300 bars of a day": lambda: len(market.bars(btc, DAY_NS, last=300)),
        "equity curve, 1,000 points": curve,
        "last 500 orders of a run": newest_orders,
        "last 500 canceled ones of a symbol": filled_orders,
        "500 trades from the middle": lambda: len(market.ticks(btc, middle, middle + DAY_NS, limit=500)),
        "500 feature vectors": lambda: len(
            features.vectors(btc, VECTORS, START_NS + 100 * MINUTE_NS, START_NS + 600 * MINUTE_NS)[0]
        ),
    }


class ProcessorTime:
    """What this process and its one connection's server process spend, in `seconds`."""

    def __init__(self, store: PostgresStore) -> None:
        connection, depth = store.begin()
        self._server = Path(f"/proc/{connection.raw.info.backend_pid}/stat")
        store.end(depth, keep=False)
        self.seconds = 0.0

    def _so_far(self) -> float:
        user, system = self._server.read_text().rpartition(")")[2].split()[11:13]
        return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Self:
        self.seconds -= self._so_far()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += self._so_far()


def spread(took_ms: list[float]) -> dict[str, float]:
    """Return the answers' percentiles: of those that were given, the one that so large a share does not exceed."""
    ranked = sorted(took_ms)
    at = {name: ranked[math.ceil(len(ranked) * share) - 1] for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99))}
    return at | {"max_ms": ranked[-1]}


def ask(
    store: PostgresStore, market: SqlMarketData, features: SqlFeatures, repeat: int, out: Console
) -> dict[str, dict[str, float]]:
    found = {}
    for name, question in questions(store, market, features).items():
        took = []
        with ProcessorTime(store) as spent:
            for _ in range(repeat + 1):
                began = time.perf_counter()
                rows = question()
                took.append(1e3 * (time.perf_counter() - began))
        cpu_ms = 1e3 * spent.seconds / (repeat + 1)
        figures = found[name] = {"rows": rows, "first_ms": took[0], "cpu_ms": cpu_ms, **spread(took[1:])}
        out.print(
            f"\n{name}: {rows} rows, p50 {figures['p50_ms']:.1f}, p99 {figures['p99_ms']:.1f}, "
            f"max {figures['max_ms']:.1f} ms of {repeat}; the first {figures['first_ms']:.1f} ms; "
            f"{figures['cpu_ms']:.1f} ms of processors each"
        )
        with Asked() as asked:
            question()
        connection, depth = store.begin()
        for statement, values in asked.statements:
            plan = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", values).fetchall()
            if len(asked.statements) == 1 or ("stale_bars" not in statement and "FROM instruments" not in statement):
                out.print("  " + " ".join(statement.split())[:200], soft_wrap=True)
                out.print("\n".join(f"    {line}" for (line,) in plan), soft_wrap=True)
        store.end(depth, keep=False)
    return found


def sizes(store: PostgresStore) -> dict[str, object]:
    connection, depth = store.begin()
    rows, partitions = connection.execute(
        "SELECT sum(reltuples)::bigint, count(*) FROM pg_class JOIN pg_inherits ON inhrelid = oid"
        " WHERE inhparent = 'ticks'::regclass"
    ).fetchone()
    size = connection.execute("SELECT pg_database_size(current_database())").fetchone()[0]
    (bars,) = connection.execute("SELECT count(*) FROM bars").fetchone()
    store.end(depth, keep=False)
    return {"rows_estimated": rows, "partitions": partitions, "bars": bars, "database_gb": round(size / 1e9, 2)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--repeat", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    out = Console(stderr=given.json, highlight=False)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < 1.3 * given.rows * BYTES_A_ROW:
        out.print(
            f"{given.rows:,} rows need {1.3 * given.rows * BYTES_A_ROW / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        )
        return 1
    tuned = {"shared_buffers": "512MB", "max_wal_size": "4GB", "work_mem": "64MB", "autovacuum": "off"}
    with postgres_server(**tuned) as server:
        store = PostgresStore(server.url, statement_timeout_s=600.0, connections_max=1)
        market = SqlMarketData(store, PostgresTickLoader())
        features = SqlFeatures(store, PostgresVectors())
        with Progress(console=Console(stderr=True)) as progress:
            spent = fill(market, given.rows, progress)
            each = max(1_000, min(100_000, given.rows // 1_000))
            fill_runs(store, each)
            vectors_per_s = fill_features(features, given.rows)
        settle(server.url)
        held = sizes(store)
        out.print(f"{given.rows:,} trades by COPY at {given.rows / spent['copy_s']:,.0f}/s, bars of them at "
                  f"{given.rows / spent['refresh_s']:,.0f}/s, vectors of 30 features at {vectors_per_s:,.0f}/s; "
                  f"{held}")  # fmt: skip
        found = ask(store, market, features, given.repeat, out)
        store.close()
    slow = [name for name, figures in found.items() if figures["p99_ms"] >= LIMIT_MS]
    if given.json:
        print(json.dumps({"rows": given.rows, **spent, **held, "questions": found}, indent=2))
    slowest = max(found, key=lambda name: found[name]["p99_ms"])
    longest = max(found, key=lambda name: found[name]["max_ms"])
    judged = "slower than 50 ms: " + ", ".join(slow) if slow else "every question within 50 ms"
    out.print(
        f"\n{judged} at the 99th percentile, the largest of them {found[slowest]['p99_ms']:.1f} ms ({slowest}); "
        f"the longest of all answers, {longest}, took {found[longest]['max_ms']:.1f} ms"
    )
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
