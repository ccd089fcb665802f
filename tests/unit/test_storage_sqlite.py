"""The embedded store's own failures, and the data directory; what every store keeps is in test_store_contract.py."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from builders.orders import order

from bot4.adapters.storage import sqlite as sqlite_room
from bot4.adapters.storage.data_dir import DataDir, DataDirBusyError, DataDirError
from bot4.adapters.storage.migrations import MIGRATIONS
from bot4.adapters.storage.sqlite import SqliteStore, StoreError

RUN = "run"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bot4.sqlite"


@pytest.fixture
def store(path):
    store = SqliteStore(path)
    with store.unit_of_work() as unit:
        unit.runs.start(RUN, started_utc="2026-01-01", source="test", settings={"a": 1})
        unit.commit()
    yield store
    store.close()


def test_a_newer_schema_is_refused_and_left_alone(store, path):
    store.close()
    newest = MIGRATIONS[-1].number
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (?, 'of tomorrow', '')", (newest + 1,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=f"has schema {newest + 1}, this bot4 knows {newest}") as error:
        SqliteStore(path)
    assert str(path) in str(error.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is no database at all, and long enough to be read" * 30])
def test_a_file_that_is_no_database_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be opened: file is not a database"):
        SqliteStore(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot be opened") as error:
        SqliteStore(tmp_path / "nowhere" / "bot4.sqlite")
    assert error.value.exit_code == 74


def test_a_store_that_cannot_be_written_says_so(store, path):
    store._raw.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="readonly"), store.unit_of_work() as unit:
        unit.orders.save(RUN, order())
    store._raw.execute("PRAGMA query_only = OFF")
    with store.unit_of_work() as unit:
        assert list(unit.orders.list(RUN)) == []


def test_a_second_process_finds_the_data_directory_busy(tmp_path):
    with DataDir(tmp_path / "data") as first:
        with pytest.raises(DataDirBusyError, match=r"is in use by process \d+") as error:
            DataDir(first.path)
        assert error.value.exit_code == 75
    DataDir(tmp_path / "data").close()


def test_each_run_has_a_folder_of_its_own(tmp_path):
    with DataDir(tmp_path) as data_dir:
        names = [data_dir.new_run().name for _ in range(5)]
    assert len(set(names)) == 5
    assert names == sorted(names)


def test_a_data_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirError, match="cannot be used") as error:
        DataDir(tmp_path / "file")
    assert error.value.exit_code == 73


def open_at_once(folder, rounds: int) -> list[str]:
    """Open a new file from six threads at the same moment, again and again; what went wrong."""
    failures: list[str] = []
    for number in range(rounds):
        start = threading.Barrier(6)

        def begin(path=folder / f"{number}.sqlite", start=start) -> None:
            start.wait()
            try:
                SqliteStore(path).close()
            except StoreError as error:
                failures.append(str(error))

        threads = [threading.Thread(target=begin) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return failures


def test_a_new_file_may_be_opened_by_many_at_once(memory_folder):
    assert open_at_once(memory_folder, 150) == []


def test_a_file_that_stays_locked_is_an_error_after_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_room, "_BUSY_S", 0.05)
    holder = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    holder.execute("CREATE TABLE t (a)")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="database is locked"):
        SqliteStore(tmp_path / "x.sqlite")
    holder.close()
