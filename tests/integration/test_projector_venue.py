"""What reports of an external venue become in the tables: states, fills with their fee's asset, refusals by stage."""

from __future__ import annotations

from decimal import Decimal

import pytest
from builders.engine import report
from builders.synthetic import instrument
from builders.venue import PRICE, LiveRig, fill, quiet, total

from bot4._core.engine.control import ControlCode
from bot4._core.types import EventKind
from bot4.adapters.storage.sqlite import SqliteStore
from bot4.application.records.projector import Projector
from bot4.domain.order import Order, OrderStatus
from bot4.domain.order_id import OrderKey, parse_client_order_id

ASSETS = [("BTC", 8), ("USDT", 8), ("BNB", 8)]
ACK, SENT, UNKNOWN = EventKind.EVENT_ORDER_ACK, EventKind.EVENT_ORDER_SENT, EventKind.EVENT_ORDER_UNKNOWN


class Projected:
    """A lane on an external venue, projected into a store after every step."""

    def __init__(self, folder) -> None:
        self.rig: LiveRig = quiet(folder, asset_count=3)
        self.rig.account.credit(2, Decimal(1))
        self.store = SqliteStore(folder / "tables.sqlite")
        with self.store.unit_of_work() as unit:
            unit.runs.start("live", started_utc="2026-01-01", source="test", settings={})
            unit.commit()
        self.projector = Projector(
            folder / "j", self.store, "live", [instrument()], [8], venue_assets=ASSETS
        )  # fmt: skip

    def order(self, order_id: int) -> Order:
        self.projector.catch_up()
        with self.store.unit_of_work() as unit:
            found = unit.orders.get("live", order_id)
        assert found is not None
        return found

    def say(self, *reports) -> None:
        self.rig.apply(*reports)


@pytest.fixture
def projected(tmp_path):
    made = Projected(tmp_path)
    yield made
    made.projector.close()
    made.store.close()


def test_an_order_of_unknown_outcome_is_shown_as_such_until_the_venue_says_more(projected):
    order = projected.rig.place()
    projected.say(report(SENT, order), report(UNKNOWN, order), report(UNKNOWN, order))
    assert projected.order(order).status is OrderStatus.UNKNOWN
    projected.say(report(ACK, order))
    assert projected.order(order).status is OrderStatus.ACKED
    projected.say(report(UNKNOWN, order))
    assert projected.order(order).status is OrderStatus.UNKNOWN
    projected.say(fill(order, 10, 1))
    assert projected.order(order).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (EventKind.EVENT_ORDER_DROPPED, OrderStatus.DROPPED),
        (EventKind.EVENT_ORDER_RESOLVED_ABSENT, OrderStatus.ABSENT),
        (EventKind.EVENT_ORDER_REJECTED, OrderStatus.REJECTED),
        (EventKind.EVENT_ORDER_EXPIRED, OrderStatus.EXPIRED),
    ],
)
def test_each_end_has_its_state_and_an_external_reason_its_code(projected, kind, status):
    order = projected.rig.place()
    projected.say(report(kind, order, reason=40))
    ended = projected.order(order)
    assert (ended.status, ended.reason) == (status, "venue_40")
    assert parse_client_order_id(ended.client_order_id) == OrderKey(projected.rig.journal.epoch, order)


def test_a_fill_keeps_the_asset_of_its_fee_and_counts_once(projected):
    order = projected.rig.place()
    projected.say(total(order, 4, 1), fill(order, 4, 1, reason=3, fee=700), fill(order, 4, 1, reason=3, fee=700))
    projected.say(fill(order, 6, 2, reason=1, fee=5))
    projected.order(order)
    with projected.store.unit_of_work() as unit:
        fills = sorted(unit.fills.list("live"), key=lambda kept: kept.trade_id)
    assert [(kept.fee, kept.fee_asset) for kept in fills] == [
        (Decimal("0.00000700"), "BNB"), (Decimal("0.00000005"), "BTC"),
    ]  # fmt: skip


def test_a_fill_beyond_the_order_or_of_no_order_is_kept_and_stops_no_projection(projected):
    order = projected.rig.place()
    projected.say(fill(order, 11, 1), fill(555, 3, 2), fill(order, 1, -1))
    assert projected.order(order).status is OrderStatus.FILLED
    assert projected.order(order).filled_qty == projected.order(order).qty
    with projected.store.unit_of_work() as unit:
        fills = sorted(unit.fills.list("live"), key=lambda kept: kept.trade_id)
    lot = instrument().lots_to_qty(1)
    assert [(kept.order_id, kept.qty) for kept in fills] == [(order, 11 * lot), (555, 3 * lot)]


def test_refusals_name_the_gate(projected):
    projected.rig.control(ControlCode.CONTROL_GATE_CLOSE)
    projected.rig.control(ControlCode.CONTROL_PLACE, value=PRICE, qty_lots=1)
    projected.projector.catch_up()
    with projected.store.unit_of_work() as unit:
        assert [(row.stage, row.verdict) for row in unit.refusals.list("live")] == [("gate", "gate_closed")]
