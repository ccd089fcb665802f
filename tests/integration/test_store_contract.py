"""What every store keeps: the same tests over SQLite and over a real PostgreSQL."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from builders.orders import fill, order
from builders.stores import KINDS, empty_place, open_store

from bot4.adapters.storage.migrations import MIGRATIONS, Migration, StoreError, migrate
from bot4.adapters.storage.repositories import Marks
from bot4.domain.fill import Mark, Refusal
from bot4.domain.order import OrderSide, OrderStatus
from bot4.domain.position import Position
from bot4.domain.run_notes import CommandOutcome, CommandRecord, ToldSignal, UsedModel
from bot4.domain.specification import where

RUN = "run"


@pytest.fixture(params=KINDS)
def place(request):
    return empty_place(request, request.param)


@pytest.fixture
def store(place):
    store = open_store(*place)
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
        unit.runs.finish(RUN, status="finished", summary={"b": [1, {"c": None}]})
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
        assert (run["status"], run["summary"], run["settings"]) == ("finished", {"b": [1, {"c": None}]}, {"a": 1})
        assert unit.runs.get("other") is None
        assert [run["run_id"] for run in unit.runs.list()] == [RUN]


def test_what_a_run_holds_was_told_asked_and_decided_by_comes_back(store):
    position = Position("BTCUSDT").after(fill()).after(replace(fill(), side=OrderSide.SELL, price=Decimal("0.1")))
    signal = ToldSignal(5, "", "news", -0.25, 0.5, 1.5, 9)
    model = UsedModel("regime", "ab" * 32, "model.json", '{"labels": ["bull"]}')
    asked = CommandRecord("id", 7, "Kill", "{}", CommandOutcome.ASKED)
    done = replace(asked, outcome=CommandOutcome.DONE, answered_ns=8)
    with store.unit_of_work() as unit:
        unit.positions.save(RUN, Position("BTCUSDT"))
        unit.positions.save(RUN, position)
        unit.signals.add(RUN, signal)
        unit.models.add(RUN, model)
        unit.models.add(RUN, model)
        unit.commands.save(RUN, asked)
        unit.commands.save(RUN, done)
        unit.commit()
    with store.unit_of_work() as unit:
        assert list(unit.positions.list(RUN)) == [position]
        assert list(unit.signals.find(RUN, where("score") < 0.0)) == [signal]
        assert list(unit.models.list(RUN)) == [model]
        assert list(unit.commands.find(RUN, where("outcome") == CommandOutcome.DONE)) == [done]
        unit.runs.forget_records(RUN)  # what the journal does not have stays
        assert [unit.positions.count(RUN), unit.signals.count(RUN)] == [0, 0]
        assert [unit.models.count(RUN), unit.commands.count(RUN)] == [1, 1]


def test_saving_an_order_again_replaces_it(store):
    with store.unit_of_work() as unit:
        unit.orders.save(RUN, order())
        unit.orders.save(RUN, order(status=OrderStatus.FILLED, filled="2"))
        assert list(unit.orders.list(RUN)) == [order(status=OrderStatus.FILLED, filled="2")]


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


def test_a_failed_inner_unit_does_not_spoil_the_outer_one(store):
    with store.unit_of_work() as outer:
        outer.orders.save(RUN, order(1))
        with pytest.raises(StoreError), store.unit_of_work() as inner:
            inner.orders.save("nowhere", order(2))
        outer.orders.save(RUN, order(3))
        outer.commit()
    with store.unit_of_work() as unit:
        assert [item.order_id for item in unit.orders.list(RUN)] == [1, 3]


def test_a_unit_whose_statement_failed_cannot_commit_in_silence(store):
    with pytest.raises(StoreError), store.unit_of_work() as unit:  # noqa: PT012 - the failure comes at either line
        unit.orders.save(RUN, order())
        unit.orders.save("nowhere", order())
        unit.commit()
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


def test_units_of_many_threads_see_one_state_each_and_lose_nothing(store):
    def add(first: int) -> None:
        for number in range(first, first + 25):
            with store.unit_of_work() as unit:
                count = unit.orders.count(RUN)
                unit.orders.save(RUN, order(number))
                assert unit.orders.count(RUN) == count + 1
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
        assert unit.orders.count(RUN) == 200


def test_a_run_that_is_not_there_cannot_have_orders(store):
    with pytest.raises(StoreError, match=r"(?i)foreign key"), store.unit_of_work() as unit:
        unit.orders.save("nowhere", order())
    with store.unit_of_work() as unit:  # the store goes on
        unit.orders.save(RUN, order())
        unit.commit()


def test_records_are_found_by_condition_in_order_and_up_to_a_limit(store):
    with store.unit_of_work() as unit:
        for number, price in enumerate(["9", "10", "100", "10.0", "0.5"]):
            unit.marks.add(RUN, Mark(number, "BTCUSDT", Decimal(price), Decimal(0), Decimal(1), "USDT", number))
        dear = where("price") >= Decimal(10)
        assert [mark.seq for mark in unit.marks.find(RUN, dear)] == [1, 2, 3]
        assert [mark.seq for mark in unit.marks.find(RUN, ~dear)] == [0, 4]
        assert [mark.seq for mark in unit.marks.find(RUN, where("price") == Decimal("10.00"))] == [1, 3]
        assert [mark.seq for mark in unit.marks.find(RUN, dear, limit=2, newest_first=True)] == [3, 2]
        assert unit.marks.count(RUN, dear | (where("seq") == 4)) == 4
        with pytest.raises(ValueError, match="no field 'colour' here; there are equity, "):
            unit.marks.find(RUN, where("colour") == "red")


def check_curve(store) -> None:
    """A thinned curve holds the ends, no more than asked for, and nothing that is no point."""
    seqs = [3 * number + number % 2 for number in range(500)]
    with store.unit_of_work() as unit:
        assert list(unit.marks.curve(RUN, 10)) == []
        for seq in seqs:
            unit.marks.add(RUN, Mark(seq, "BTCUSDT", Decimal(1), Decimal(0), Decimal(seq), "USDT", seq))
        for points in (2, 7, 100, 499):
            found = [mark.seq for mark in unit.marks.curve(RUN, points)]
            assert points // 2 <= len(found) <= points
            assert (found[0], found[-1]) == (seqs[0], seqs[-1])
            assert set(found) <= set(seqs)
            assert max(b - a for a, b in itertools.pairwise(found)) <= 2 * (seqs[-1] / (points - 1) + 4)
        assert [mark.seq for mark in unit.marks.curve(RUN, 5_000)] == seqs


def test_a_curve_is_thinned_evenly_with_both_its_ends(store):
    check_curve(store)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_sqlite_looks_each_point_of_a_curve_up(store):
    with store.unit_of_work() as unit:
        connection = unit.marks._connection
        query = connection.dialect.next_marks.format(columns="seq")
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", (RUN, "[1]"))]
    looks = [line.partition("(")[2] for line in plan if "marks" in line]
    assert looks == ["run_id=? AND seq=?)", "run_id=? AND seq>?)"]


def test_a_curve_that_is_only_cut_short_would_be_noticed(store, monkeypatch):
    """Control."""
    monkeypatch.setattr(Marks, "curve", lambda self, run_id, points: self.find(run_id, limit=points))
    with pytest.raises(AssertionError):
        check_curve(store)


def test_words_of_a_venue_are_kept_as_they_are(store):
    evil = "'; DROP TABLE orders; -- % %s ? \\ \x01 \N{SNOWMAN}"
    with store.unit_of_work() as unit:
        unit.orders.save(RUN, order().moved_to(OrderStatus.REJECTED, updated_ns=2, reason=evil))
        unit.commit()
    with store.unit_of_work() as unit:
        assert unit.orders.get(RUN, 7).reason == evil
        assert unit.orders.count(RUN, where("reason") == evil) == 1


def test_the_store_opens_again_with_what_it_held(store, place):
    with store.unit_of_work() as unit:
        unit.orders.save(RUN, order())
        unit.runs.set_projected_seq(RUN, 42)
        unit.commit()
    store.close()
    again = open_store(*place)
    with again.unit_of_work() as unit:
        assert unit.orders.get(RUN, 7) == order()
        assert unit.runs.projected_seq(RUN) == 42
    again.close()


def test_steps_are_run_once_in_order_and_changed_or_unknown_ones_are_refused(store):
    one = Migration(900, "one", "CREATE TABLE one (a INTEGER)", "CREATE TABLE one (a BIGINT)")
    two = Migration(901, "two", "ALTER TABLE one ADD COLUMN b TEXT", "ALTER TABLE one ADD COLUMN b TEXT")
    changed = Migration(900, "one", "CREATE TABLE one (a TEXT)", "CREATE TABLE one (a TEXT)")
    connection, depth = store.begin()
    try:
        assert migrate(connection, "here", MIGRATIONS) == 0
        assert migrate(connection, "here", [*MIGRATIONS, one, two]) == 2
        assert migrate(connection, "here", [*MIGRATIONS, one, two]) == 0
        connection.execute("INSERT INTO one (a, b) VALUES (?, ?)", (1, "x"))
        with pytest.raises(StoreError, match="store here was made with another step 900"):
            migrate(connection, "here", [*MIGRATIONS, changed, two])
        with pytest.raises(StoreError, match="store here has schema 901, this bot4 knows 900"):
            migrate(connection, "here", [*MIGRATIONS, one])
    finally:
        store.end(depth, keep=False)
