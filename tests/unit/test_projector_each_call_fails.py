"""Each call of the store fails once: the journal is the truth, so the tables end the same, every row once."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from builders.crash_world import BTC, Life, Venue, first_life

from bot4._core.journal.reader import JournalReader
from bot4.adapters.storage.sqlite import SqliteStore
from bot4.application.records.projector import Projector
from bot4.domain.errors import FatalError

ASSETS = (("BTC", 8), ("USDT", 8))
TABLES = ("orders", "fills", "marks", "refusals")


class FailingOnce:
    """A store whose n-th call of any kind fails: opening a unit, a method of a repository, the commit."""

    def __init__(self, store, nth):
        self.store, self.left = store, nth

    def _spend(self):
        self.left -= 1
        if self.left == -1:
            raise FatalError("database is locked")

    def unit_of_work(self):
        self._spend()
        return FailingUnit(self.store.unit_of_work(), self._spend)


class FailingUnit:
    def __init__(self, unit, spend):
        self._unit, self._spend = unit, spend

    def __enter__(self):
        self._unit.__enter__()
        return self

    def __exit__(self, *error):
        return self._unit.__exit__(*error)

    def commit(self):
        self._spend()
        self._unit.commit()

    def __getattr__(self, name):
        return FailingRepository(getattr(self._unit, name), self._spend)


class FailingRepository:
    def __init__(self, repository, spend):
        self._repository, self._spend = repository, spend

    def __getattr__(self, name):
        method = getattr(self._repository, name)

        def call(*args, **kwargs):
            self._spend()
            return method(*args, **kwargs)

        return call


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "shard-0.journal"
    life = Life(path, Venue())
    for _ in first_life(life, 3):
        pass
    life.close()
    return path


def projected(journal, path, nth):
    """Project a journal with one failing call; returns the rows, and whether that call was reached."""
    with closing(SqliteStore(path)) as store:
        with store.unit_of_work() as unit:
            unit.runs.start("r", started_utc="2026-11-22T00:00:00", source="test", settings={})
            unit.commit()
        failing, projector = FailingOnce(store, nth), None
        for _ in range(3):
            try:
                projector = projector or Projector(journal, failing, "r", [BTC], [8], venue_assets=ASSETS)
                projector.catch_up()
                break
            except FatalError:
                continue
        projector.close()
    return tables(path), failing.left < 0


def tables(path):
    with closing(sqlite3.connect(path)) as read:
        return {table: sorted(read.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in TABLES}  # noqa: S608


def test_each_call_of_the_store_fails_once_and_the_tables_end_whole(journal, memory_folder):
    whole, _ = projected(journal, memory_folder / "whole", 10**9)
    assert len(whole["orders"]) == 3
    assert len(whole["fills"]) == 3
    nth, reached = 0, True
    while reached:
        rows, reached = projected(journal, memory_folder / f"{nth}", nth)
        assert rows == whole, f"call {nth} failed"
        nth += 1
    assert nth > 15, "calls that failed, one after the other"


def test_tables_that_hold_what_the_disk_lost_are_made_anew(journal, memory_folder):
    whole, _ = projected(journal, memory_folder / "whole", 10**9)
    cut = memory_folder / "cut.journal"
    cut.write_bytes(journal.read_bytes()[:-900])  # a power cut: the kernel had promised more
    with JournalReader(cut) as reader:
        kept_seq = max(row.seq for row in reader)
    less, _ = projected(cut, memory_folder / "less", 10**9)
    assert less != whole
    with closing(SqliteStore(memory_folder / "whole")) as store:
        projector = Projector(cut, store, "r", [BTC], [8], venue_assets=ASSETS, kept_seq=kept_seq)
        projector.catch_up()
        projector.close()
    assert tables(memory_folder / "whole") == less


def test_a_projector_that_keeps_half_a_batch_is_noticed(journal, memory_folder, monkeypatch):
    whole, _ = projected(journal, memory_folder / "whole", 10**9)

    def project(self, batch):
        with self._store.unit_of_work() as unit:
            for record in batch:
                self._projected_seq = record.seq  # before it was applied, and not given back where that fails
                self._apply(unit, record)
            unit.runs.set_projected_seq(self._run_id, self._projected_seq)
            unit.commit()

    monkeypatch.setattr(Projector, "_project", project)
    monkeypatch.setattr(Projector, "_read_on", forgetful(Projector._read_on))
    assert any(projected(journal, memory_folder / f"p{nth}", nth)[0] != whole for nth in range(4, 15))


def forgetful(read_on):
    """The planted fault: what was read is not read again after a failure."""

    def read(self):
        self._unprojected = []
        read_on(self)

    return read
