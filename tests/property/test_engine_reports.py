"""Reports of an external venue against a plain twin: any mix, any order, any number of times."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from builders.engine import Rig, book_with, timer
from builders.examples import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracles import engine_reports as twin_module
from oracles.engine_reports import ABSENT, ACK, CANCELED, DROPPED, FILL, SENT, TOTAL, UNKNOWN, Report, ReportsTwin

from bot4._core.engine.control import ControlCode
from bot4._core.engine.link import VenueLink
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.mem.records import ORDER_DTYPE

PRICE, STRANGER = 100_001, 900_000
FIELDS = ("kind", "order_id", "side", "qty_lots", "price_ticks", "trade_id", "reason")
SAID_FILL = 0  # no report: a TOTAL and the FILL it speaks of
KINDS = (ACK, *[SAID_FILL] * 5, *[FILL] * 3, TOTAL, CANCELED, twin_module.REJECTED, twin_module.EXPIRED)
KINDS += (twin_module.CANCEL_REJECTED, SENT, SENT, DROPPED, UNKNOWN, UNKNOWN, ABSENT)

REPORTS = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 4),  # which order; the last is a stranger
    st.sampled_from([0] * 19 + [1]),  # on the wrong side
    st.integers(1, 12),
    st.sampled_from([PRICE] * 19 + [0]),
    st.sampled_from([*range(12), -1]),
    st.sampled_from([0, 0, 0, 1, 2, 3, 60]),
    st.sampled_from([0] * 9 + [1, -1]),  # how far a total is off
)
ORDERS = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([1, 5, 12, 60, 60])), min_size=1, max_size=4)


class CountsTwice(ReportsTwin):
    """Knows no trade id."""

    def _fill(self, report, order):
        self.known.clear()
        super()._fill(report, order)


class KeepsTheUnknown(ReportsTwin):
    """Takes no report for evidence but the end."""

    def apply(self, report):
        unknown = report.order_id in self.orders and self.orders[report.order_id].is_unknown
        super().apply(report)
        if report.order_id in self.orders:
            self.orders[report.order_id].is_unknown |= unknown


class BelievesEveryTotal(ReportsTwin):
    """Compares no total."""

    def _compare(self, *_):
        pass


class LosesStrays(ReportsTwin):
    """Leaves out a fill of an order it does not hold."""

    def _book(self, report, order):
        before = self.position
        super()._book(report, order)
        if order is None:
            self.position = before


def rig_with_orders(folder: Path, orders: list[tuple[int, int]], *, is_open: bool) -> tuple[Rig, list[int]]:
    """A lane at work on an external venue; returns it and the ids of its orders."""
    (folder / "j").unlink(missing_ok=True)
    link = VenueLink(intents_capacity=64, reports_capacity=64)
    rig = Rig(journal=folder / "j", link=link, asset_count=3, gate={"max_short_lots": 10**9})
    for asset in (0, 2):
        rig.account.credit(asset, Decimal(10))
    rig.apply(book_with(20, 20), timer(10))
    gate = ControlCode.CONTROL_GATE_OPEN
    rig.engine.control(int(gate))
    for number, (side, lots) in enumerate(orders):
        price = PRICE + 5 + number if side else PRICE - 5 - number
        rig.engine.control(int(ControlCode.CONTROL_PLACE), instrument=0, value=price, side=side, qty_lots=lots)
    if not is_open:
        rig.engine.control(int(ControlCode.CONTROL_GATE_CLOSE), value=1)
    return rig, list(dict.fromkeys(rig.link.take_intents(64)["order_id"].tolist()))


def check(folder: Path, make: Callable[..., ReportsTwin], count: int) -> None:
    @settings(max_examples=count, phases=tuple(Phase) if make is ReportsTwin else (Phase.generate,))
    @given(ORDERS, st.lists(REPORTS, min_size=5, max_size=40), st.booleans())
    def same(orders, reports, is_open) -> None:
        rig, ids = rig_with_orders(folder, orders, is_open=is_open)
        assert len(ids) == len(orders)
        twin = make(is_open=is_open, asset_count=3)
        for order_id, (side, lots) in zip(ids, orders, strict=True):
            twin.place(order_id, side, lots)
            twin.orders[order_id].cancel_pending = not is_open  # closing a gate cancels
        cancels = rig.lane["cancels"]
        said: list[Report] = []
        for kind, which, wrong, lots, price, trade_id, reason, off in reports:
            known = which < len(orders)
            order_id = ids[which] if known else STRANGER
            side = orders[which][0] ^ wrong if known else wrong
            new = [Report(kind, order_id, side, lots, price, trade_id, reason if kind == FILL else 0)]
            if kind == SAID_FILL:
                filled = twin.orders[order_id].filled if order_id in twin.orders else 0
                new = [Report(TOTAL, order_id, side, filled + lots + off, price, trade_id, 0)]
                new.append(Report(FILL, order_id, side, lots, price, trade_id, reason))
            for report in new:
                twin.apply(report)
            said += new
        rows = np.zeros(len(said), ORDER_DTYPE)
        for row, report in zip(rows, said, strict=True):
            for name, value in zip(FIELDS, report, strict=True):
                row[name] = value
        rig.engine.apply(rows.view(EVENT_DTYPE))
        assert rig.positions[0].lots == twin.position
        assert rig.lane["mismatch"] == twin.mismatch
        assert {name: rig.lane[name] - (cancels if name == "cancels" else 0) for name in twin.counts} == twin.counts
        assert {
            order["order_id"]: (order["filled_lots"], order["is_acked"], order["is_unknown"], order["cancel_pending"])
            for order in rig.engine.orders(0)
        } == {
            order_id: (order.filled, order.is_acked, order.is_unknown, order.cancel_pending)
            for order_id, order in twin.orders.items()
        }
        assert rig.engine.view()["unknown_orders"] == sum(order.is_unknown for order in twin.orders.values())
        if not twin.orders:
            assert [rig.account[asset].locked for asset in range(3)] == [0, 0, 0], "funds of orders that are gone"

    same()


@pytest.fixture
def folder(tmp_path) -> Iterator[Path]:
    """Where journals are made: in memory where there is such a place, for each is synced when it is made."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own in there
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as made:
        yield Path(made)


def test_any_mix_of_reports_comes_to_what_the_twin_says(folder):
    check(folder, ReportsTwin, examples(1_000))


@pytest.mark.untraced
@pytest.mark.parametrize("broken", [CountsTwice, KeepsTheUnknown, BelievesEveryTotal, LosesStrays])
def test_a_broken_lane_is_noticed(folder, broken):
    with pytest.raises(AssertionError):
        check(folder, broken, 500)
