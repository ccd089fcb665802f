"""What a journal's records become in the store, one kind at a time; whole sessions are in tests/integration."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from builders.synthetic import instrument

from bot4._core.engine.control import ControlCode
from bot4._core.engine.lane_state import RefusalStage
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.intent_dtype import INTENT_DTYPE
from bot4._core.journal.record import JournalKind
from bot4._core.journal.stream import Journal
from bot4._core.risk.filters import FilterVerdict
from bot4._core.risk.rules import RiskVerdict
from bot4._core.types import EventKind, IntentAction
from bot4.adapters.storage.repositories import Fills
from bot4.adapters.storage.sqlite import SqliteStore
from bot4.application.records.projector import REFUSAL_DTYPE, Projector, verdict_name
from bot4.domain.order import OrderStatus

RUN = "run"


@pytest.fixture
def store():
    store = SqliteStore(":memory:")
    with store.unit_of_work() as unit:
        unit.runs.start(RUN, started_utc="2026-01-01", source="test", settings={})
        unit.commit()
    yield store
    store.close()


def intent(order_id: int = 7, *, at_ns: int = 100) -> np.ndarray:
    row = np.zeros(1, INTENT_DTYPE)
    row["action"], row["order_id"], row["ts_ns"] = IntentAction.ACTION_PLACE, order_id, at_ns
    row["price_ticks"], row["qty_lots"] = 6_000_000, 1_000
    return row


def report(kind: EventKind, order_id: int = 7, *, at_ns: int = 200, **words: int) -> np.ndarray:
    row = np.zeros(1, EVENT_DTYPE)
    row["kind"], row["a"], row["recv_ns"] = kind, order_id, at_ns
    for name, value in words.items():
        row[name] = value
    return row


def projected(path, store, *records: tuple[JournalKind, np.ndarray]):
    """Orders and refusals after a journal of `records`."""
    with Journal(path) as journal:
        for kind, row in records:
            journal.append(kind, row.tobytes(), mono_ns=1, wall_ns=1)
    projector = Projector(path, store, RUN, [instrument()], [8])
    projector.catch_up()
    projector.close()
    with store.unit_of_work() as unit:
        return list(unit.orders.list(RUN)), list(unit.refusals.list(RUN))


def test_an_order_dropped_before_the_socket_is_closed_as_dropped_by_the_breaker(tmp_path, store):
    (order,), _ = projected(
        tmp_path / "j",
        store,
        (JournalKind.JOURNAL_INTENT, intent()),
        (JournalKind.JOURNAL_DROPPED, intent(at_ns=150)),
    )
    assert (order.status, order.reason, order.updated_ns) == (OrderStatus.DROPPED, "breaker", 150)
    assert not order.is_working


def test_a_drop_of_an_order_that_is_not_working_changes_nothing(tmp_path, store):
    orders, _ = projected(tmp_path / "j", store, (JournalKind.JOURNAL_DROPPED, intent(order_id=9)))
    assert orders == []


def test_a_second_acknowledgement_and_a_report_after_the_end_change_nothing(tmp_path, store):
    (order,), _ = projected(
        tmp_path / "j",
        store,
        (JournalKind.JOURNAL_INTENT, intent()),
        (JournalKind.JOURNAL_UPDATE, report(EventKind.EVENT_ORDER_ACK, at_ns=200)),
        (JournalKind.JOURNAL_UPDATE, report(EventKind.EVENT_ORDER_ACK, at_ns=210)),
        (JournalKind.JOURNAL_UPDATE, report(EventKind.EVENT_ORDER_CANCELED, at_ns=220)),
        (JournalKind.JOURNAL_UPDATE, report(EventKind.EVENT_ORDER_ACK, at_ns=230)),
    )
    assert (order.status, order.updated_ns) == (OrderStatus.CANCELED, 220)


def test_a_fill_told_twice_counts_once(tmp_path, store):
    fill = report(EventKind.EVENT_ORDER_FILL, b=6_000_000, c=400, d=55)
    (order,), _ = projected(
        tmp_path / "j",
        store,
        (JournalKind.JOURNAL_INTENT, intent()),
        (JournalKind.JOURNAL_UPDATE, fill),
        (JournalKind.JOURNAL_UPDATE, fill),
    )
    assert order.status is OrderStatus.PARTIALLY_FILLED
    assert order.filled_qty == 400 * instrument().lot_size


def position_of(store):
    with store.unit_of_work() as unit:
        (position,) = unit.positions.list(RUN)
    return position


def check_position(path, store) -> None:
    """The position is the sum of the fills, one told twice counted once."""
    buy = report(EventKind.EVENT_ORDER_FILL, b=6_000_000, c=400, d=55, e=7)
    sell = report(EventKind.EVENT_ORDER_FILL, b=6_000_100, c=100, d=56, at_ns=300)
    sell["side"] = 1
    rows = [(JournalKind.JOURNAL_INTENT, intent()), *((JournalKind.JOURNAL_UPDATE, row) for row in (buy, buy, sell))]
    projected(path, store, *rows)
    lot = instrument().lot_size
    position = position_of(store)
    assert (position.bought_qty, position.sold_qty, position.qty) == (400 * lot, 100 * lot, 300 * lot)
    assert (position.bought_value, position.sold_value) == (400 * lot * 60_000, 100 * lot * 60_001)
    assert (position.fills, position.updated_ns) == (2, 300)


def test_a_position_is_the_sum_of_its_fills(tmp_path, store):
    check_position(tmp_path / "j", store)


def test_a_fill_counted_twice_would_be_noticed(tmp_path, store, monkeypatch):
    """Control."""
    monkeypatch.setattr(Fills, "add", lambda *_: True)
    with pytest.raises(AssertionError):
        check_position(tmp_path / "j", store)


def test_positions_of_tables_from_before_there_were_any_are_made_of_the_fills(tmp_path, store):
    check_position(tmp_path / "j", store)
    before = position_of(store)
    connection, depth = store.begin()
    connection.execute("DELETE FROM positions")
    store.end(depth, keep=True)
    Projector(tmp_path / "j", store, RUN, [instrument()], [8]).close()
    assert position_of(store) == before


def test_a_score_from_outside_is_kept_as_it_was_told(tmp_path, store):
    told = report(EventKind.EVENT_CONTROL, int(ControlCode.CONTROL_SIGNAL), b=5, c=-250_000, d=500_000, e=1_500_000_000)
    kill = report(EventKind.EVENT_CONTROL, int(ControlCode.CONTROL_KILL))
    everywhere = told.copy()
    everywhere["instrument"] = 0xFFFF
    projected(tmp_path / "j", store, *((JournalKind.JOURNAL_CONTROL, row) for row in (told, kill, everywhere)))
    with store.unit_of_work() as unit:
        one, all_lanes = unit.signals.list(RUN)
    assert (one.symbol, one.source, one.score, one.confidence, one.age_s) == ("BTCUSDT", "news", -0.25, 0.5, 1.5)
    assert all_lanes.symbol == ""


@pytest.mark.parametrize(
    ("stage", "verdict", "word"),
    [
        (RefusalStage.REFUSED_BY_RISK, RiskVerdict.RISK_PRICE_BAND, "price_band"),
        (RefusalStage.REFUSED_BY_RISK, FilterVerdict.FILTER_LOT_SIZE, "lot_size"),
        (RefusalStage.REFUSED_BY_ACCOUNT, 3, "insufficient_balance"),
        (RefusalStage.REFUSED_BY_BREAKER, 0, "breaker_open"),
        (RefusalStage.REFUSED_BY_TABLE, 0, "too_many_working_orders"),
    ],
)
def test_a_refusal_is_kept_in_the_words_of_the_documentation(tmp_path, store, stage, verdict, word):
    row = np.zeros(1, REFUSAL_DTYPE)
    row["intent"], row["stage"], row["verdict"] = intent(at_ns=300), stage, verdict
    _, (refusal,) = projected(tmp_path / "j", store, (JournalKind.JOURNAL_REFUSAL, row))
    assert refusal.verdict == word == verdict_name(stage, int(verdict))
    assert (refusal.price, refusal.ts_ns) == (Decimal("60000.00"), 300)
