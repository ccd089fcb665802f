"""A run that keeps its tables in PostgreSQL has the rows it would have in SQLite; a server that fails is told."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

import pytest
from builders.synthetic import capture_lines, write_capture

import bot4
from bot4.adapters.storage.migrations import StoreError
from bot4.adapters.storage.sqlite import SqliteStore
from bot4.config import load_settings
from bot4.domain.errors import ConfigError

BUSY = {"strategy.cooldown_ms": 200, "strategy.enter_score": 0.3, "strategy.take_score": 0.45}
TABLES = ("orders", "fills", "marks", "refusals", "positions")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return write_capture(tmp_path_factory.mktemp("capture") / "btcusdt", capture_lines(3_000))


@pytest.fixture
def database(postgres_url, monkeypatch):
    import psycopg  # noqa: PLC0415 - an extra

    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres_url.rpartition("/")[0] + f"/{name}"
    monkeypatch.setenv("BOT4_POSTGRES_URL", url)
    return url


def tables(store, run_id):
    with store.unit_of_work() as unit:
        return {table: list(getattr(unit, table).list(run_id)) for table in TABLES}


def test_the_tables_of_a_run_are_the_same_in_both_stores(capture, database, tmp_path):
    from bot4.adapters.storage.postgres import PostgresStore  # noqa: PLC0415 - an extra

    embedded = bot4.replay(capture, settings=load_settings(environment={}, overrides=BUSY), data_dir=tmp_path / "a")
    settings = load_settings(environment={}, overrides=BUSY | {"store.kind": "postgresql"})
    served = bot4.replay(capture, settings=settings, data_dir=tmp_path / "b")
    assert served.state_hash == embedded.state_hash
    assert served.store == database
    sqlite, postgres = SqliteStore(embedded.store), PostgresStore(database)
    expected, found = tables(sqlite, embedded.run_id), tables(postgres, served.run_id)
    assert len(expected["orders"]) > 20
    assert found == expected
    with postgres.unit_of_work() as unit:
        assert unit.runs.get(served.run_id)["summary"] == served.to_dict()
    sqlite.close()
    postgres.close()
    assert not (tmp_path / "b" / "bot4.sqlite").exists()


def test_a_server_that_is_not_there_is_told_without_its_password(tmp_path):
    environment = os.environ | {"BOT4_POSTGRES_URL": "postgresql://bot4:hidden-word@127.0.0.1:1/bot4"}
    arguments = ["run", "--duration", "1", "--quiet", "--data-dir", str(tmp_path), "--set", "store.kind=postgresql"]
    done = subprocess.run(
        [sys.executable, "-c", "from bot4.entrypoints.cli.main import main; main()", *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 74, done.stderr
    assert done.stderr.startswith("bot4: store postgresql://bot4:***@127.0.0.1:1/bot4 cannot be reached: ")
    assert "hidden-word" not in done.stderr + done.stdout
    assert len(done.stderr.splitlines()) == 1


def test_a_server_nobody_named_is_a_setting_that_is_missing(capture, tmp_path, monkeypatch):
    monkeypatch.delenv("BOT4_POSTGRES_URL", raising=False)
    with pytest.raises(ConfigError, match="BOT4_POSTGRES_URL"):
        bot4.replay(
            capture,
            settings=load_settings(environment={}, overrides={"store.kind": "postgresql"}),
            data_dir=tmp_path,
        )


def test_two_units_that_change_the_same_row_do_not_both_win(database):
    from bot4.adapters.storage.postgres import PostgresStore, StoreBusyError  # noqa: PLC0415 - an extra

    first, second = PostgresStore(database), PostgresStore(database)
    with first.unit_of_work() as unit:
        unit.runs.start("run", started_utc="2026", source="test", settings={})
        unit.commit()
    with pytest.raises(StoreBusyError, match="concurrent update"), first.unit_of_work() as one:  # noqa: PT012
        assert one.runs.projected_seq("run") == 0
        with second.unit_of_work() as two:
            two.runs.set_projected_seq("run", 5)
            two.commit()
        one.runs.set_projected_seq("run", 3)
    with first.unit_of_work() as unit:
        assert unit.runs.projected_seq("run") == 5
    first.close()
    second.close()


def test_a_thread_that_finds_no_free_connection_is_told_to_try_again(database):
    from bot4.adapters.storage.postgres import PostgresStore, StoreBusyError  # noqa: PLC0415 - an extra

    store = PostgresStore(database, connections_max=1)
    told = []

    def want() -> None:
        try:
            with store.unit_of_work():
                told.append("got one")
        except StoreBusyError as error:
            told.append(str(error))

    with store.unit_of_work():
        store._wait_s = 0.2
        waiting = threading.Thread(target=want)
        waiting.start()
        waiting.join()
    store._wait_s = 30.0
    want()
    assert told == [f"store {database} had no free connection for 0.2 s", "got one"]
    store.close()


def test_a_server_that_goes_away_fails_the_unit_and_comes_back(database):
    import psycopg  # noqa: PLC0415 - an extra

    from bot4.adapters.storage.postgres import PostgresStore  # noqa: PLC0415

    store = PostgresStore(database, wait_s=5.0)
    with pytest.raises(StoreError, match="cannot be used"), store.unit_of_work() as unit:  # noqa: PT012
        assert unit.runs.list() == []
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bot4'")
        unit.runs.start("run", started_utc="2026", source="test", settings={})
    with store.unit_of_work() as unit:
        unit.runs.start("run", started_utc="2026", source="test", settings={})
        unit.commit()
    with store.unit_of_work() as unit:
        assert [run["run_id"] for run in unit.runs.list()] == ["run"]
    store.close()
