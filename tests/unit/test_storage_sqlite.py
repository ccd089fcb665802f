"""The embedded store: rows come back exact, units nest, failures are told with the file."""

from __future__ import annotations

import sqlite3
import threading
from decimal import Decimal

import pytest
from builders.orders import fill, order

from bot4.adapters.storage.data_dir import DataDir, DataDirBusyError, DataDirError
from bot4.adapters.storage.schema import SCHEMA_VERSION
from bot4.adapters.storage.sqlite import SqliteStore, StoreError
from bot4.domain.fill import Mark, Refusal
from bot4.domain.order import OrderSide, OrderStatus

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


def test_rows_come_back_as_they_went_in(store):
    mark = Mark(3, "BTCUSDT", Decimal("60000.01"), Decimal("-0.1"), Decimal("-170141183460469231731.5"), "USDT", 9)
    refusal = Refusal(4, "BTCUSDT", OrderSide.SELL, Decimal("1E-8"), Decimal(1), "risk", "price_band", 9)
    partly = order(8, OrderStatus.PARTIALLY_FILLED, filled="0.12345678")
    with store.unit_of_work() as unit:
        for item in (order(), partly, order(9, OrderStatus.FILLED, filled="2")):
            unit.orders.save(RUN, item)
        unit.fills.add(RUN, fill())
        unit.marks.add(RUN, mark)
        unit.refusals.add(RUN, refusal)
        unit.runs.finish(RUN, status="finished", summary={"b": [1]})
        unit.commit()
    with store.unit_of_work() as unit:
        assert unit.orders.get(RUN, 8) == partly
        assert unit.orders.get(RUN, 10) is None
        assert [item.order_id for item in unit.orders.list(RUN)] == [7, 8, 9]
        assert [item.order_id for item in unit.orders.list(RUN, working_only=True)] == [7, 8]
        assert list(unit.fills.list(RUN)) == [fill()]
        assert list(unit.marks.list(RUN)) == [mark]
        assert list(unit.refusals.list(RUN)) == [refusal]
        run = unit.runs.get(RUN)
        assert (run["status"], run["summary"], run["settings"]) == ("finished", {"b": [1]}, {"a": 1})
        assert unit.runs.get("other") is None


def test_a_trade_id_counts_once_for_its_symbol_and_run(store):
    with store.unit_of_work() as unit:
        unit.runs.start("other", started_utc="2026-01-02", source="test", settings={})
        first = unit.fills.add(RUN, fill())
        again = unit.fills.add(RUN, fill())
        elsewhere = unit.fills.add(RUN, fill(symbol="ETHUSDT"))
        in_another_run = unit.fills.add("other", fill())
        assert (first, again, elsewhere, in_another_run) == (True, False, True, True)
        assert len(unit.fills.list(RUN)) == 2


def test_what_was_not_committed_is_gone(store):
    with store.unit_of_work() as unit:
        unit.orders.save(RUN, order())
    with pytest.raises(KeyError), store.unit_of_work() as unit:  # noqa: PT012 - the block is what is judged
        unit.orders.save(RUN, order())
        raise KeyError
    with store.unit_of_work() as unit:
        assert list(unit.orders.list(RUN)) == []


def test_an_inner_unit_that_rolls_back_leaves_the_outer_ones_part(store):
    with store.unit_of_work() as outer:
        outer.orders.save(RUN, order(1))
        with store.unit_of_work() as inner:
            inner.orders.save(RUN, order(2))
            with store.unit_of_work() as innermost:
                innermost.orders.save(RUN, order(3))
                innermost.commit()
        with store.unit_of_work() as inner:
            inner.orders.save(RUN, order(4))
            inner.commit()
        outer.commit()
    with store.unit_of_work() as unit:
        assert [item.order_id for item in unit.orders.list(RUN)] == [1, 4]


def test_an_outer_unit_that_rolls_back_takes_the_inner_one_with_it(store):
    with store.unit_of_work(), store.unit_of_work() as inner:
        inner.orders.save(RUN, order(1))
        inner.commit()
    with store.unit_of_work() as unit:
        assert list(unit.orders.list(RUN)) == []


def test_a_unit_is_used_once_and_only_while_open(store):
    unit = store.unit_of_work()
    with pytest.raises(RuntimeError, match="is not open"):
        unit.commit()
    with unit:
        unit.commit()
        with pytest.raises(RuntimeError, match="is not open"):
            unit.commit()
    with pytest.raises(RuntimeError, match="used once"), unit:
        pass


def test_units_of_many_threads_queue_up(store):
    def add(first: int) -> None:
        for number in range(first, first + 25):
            with store.unit_of_work() as unit:
                count = len(unit.orders.list(RUN))
                unit.orders.save(RUN, order(number))
                assert len(unit.orders.list(RUN)) == count + 1
                unit.commit()

    failures = []

    def guarded(first: int) -> None:
        try:
            add(first)
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(100 * i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with store.unit_of_work() as unit:
        assert len(unit.orders.list(RUN)) == 200


def test_a_run_that_is_not_there_cannot_have_orders(store):
    with pytest.raises(StoreError, match="FOREIGN KEY"), store.unit_of_work() as unit:
        unit.orders.save("nowhere", order())
    with store.unit_of_work() as unit:  # the store goes on
        unit.orders.save(RUN, order())
        unit.commit()


def test_the_store_opens_again_with_what_it_held(store, path):
    with store.unit_of_work() as unit:
        unit.orders.save(RUN, order())
        unit.runs.set_projected_seq(RUN, 42)
        unit.commit()
    store.close()
    again = SqliteStore(path)
    with again.unit_of_work() as unit:
        assert unit.orders.get(RUN, 7) == order()
        assert unit.runs.projected_seq(RUN) == 42
    again.close()


def test_a_newer_schema_is_refused_and_left_alone(store, path):
    store.close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=f"has schema {SCHEMA_VERSION + 1}, this bot4 knows {SCHEMA_VERSION}") as error:
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
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="readonly"), store.unit_of_work() as unit:
        unit.orders.save(RUN, order())
    store._connection.execute("PRAGMA query_only = OFF")
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
