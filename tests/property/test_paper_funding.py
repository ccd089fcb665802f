"""Settlements of a perpetual on paper: to the last atom what rate, mark and position say, and on record."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from builders.durable import RandomVenue
from builders.engine import MS, START_NS, Rig, quote, report
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.backtest_funding import settle

from bot4._core.engine.control import ControlCode
from bot4._core.engine.python_strategy import PythonHost
from bot4._core.engine.recovery import Recovery
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import ContractKind, EventKind, Side, TimeInForce
from bot4.strategy.base import Strategy

LINEAR = ContractKind.CONTRACT_LINEAR


def trader(journal=None, **more) -> Rig:
    """A rig that trades as it is told, and not of its own."""
    rig = Rig(journal=journal, kind=LINEAR, gate={"max_short_lots": 10**9}, **more)
    rig.engine.set_strategy(PythonHost(Strategy(), rig.engine, wants=("book",)))
    return rig


def take(rig: Rig, at_ms: int, mid: int, lots: int) -> None:
    """Trade towards a position, across a touch that is wide enough for it."""
    rig.apply(quote(at_ms, at_ms, (mid - 1, 10_000), (mid + 1, 10_000)))
    change = lots - rig.positions[0].lots
    if change:
        rig.engine.control(
            ControlCode.CONTROL_PLACE, instrument=0, side=Side.SIDE_BUY if change > 0 else Side.SIDE_SELL,
            value=mid + 5 if change > 0 else mid - 5, qty_lots=abs(change), tif=TimeInForce.TIF_IOC,
        )  # fmt: skip
    rig.apply(quote(at_ms + 1, at_ms + 1, (mid - 1, 10_000), (mid + 1, 10_000)))


def pay(rig: Rig, at_ms: int, rate_e8: int, mark_ticks: int = 0, instrument: int = 0) -> None:
    rig.engine.control(
        ControlCode.CONTROL_SETTLE, instrument=instrument, value=rate_e8, qty_lots=START_NS + at_ms * MS,
        tif=mark_ticks, flags=77,
    )  # fmt: skip


def records(folder) -> list:
    with JournalReader(folder) as reader:
        return list(reader)


def settled(rows: list) -> list[tuple[int, ...]]:
    """Rate, time, mark and atoms of each settlement on record."""
    controls = [np.frombuffer(row.payload, EVENT_DTYPE)[0] for row in rows if row.kind == JournalKind.JOURNAL_CONTROL]
    return [tuple(int(row[name]) for name in "bcde") for row in controls if row["a"] == int(ControlCode.CONTROL_SETTLE)]


def total(rig: Rig) -> int:
    return rig.account[1].available + rig.account[1].locked


STEP = st.tuples(
    st.integers(-900, 900), st.integers(99_000, 101_000), st.integers(-(10**6), 10**6), st.sampled_from([0, 0, 98_765])
)


@settings(max_examples=examples(400), deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=6))
def test_each_is_its_slow_twins_and_the_journal_alone_gives_it_again(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("life") / "j"
    rig, expected = trader(folder), []
    for number, (lots, mid, rate_e8, mark_ticks) in enumerate(steps, start=1):
        at_ms = number * 1_000
        take(rig, at_ms, mid, lots)
        assert rig.positions[0].lots == lots
        before = total(rig)
        pay(rig, at_ms + 500, rate_e8, mark_ticks)
        # The lane's own mark is the mid, whose tick and a half is none here: bid and ask are two apart.
        row = (START_NS + (at_ms + 500) * MS, rate_e8, mark_ticks or mid)
        held = [(0, 0 if lots > 0 else 1, abs(lots))]
        ((_, _, atoms),) = settle(held, [row], None, tick=Fraction(1, 100), lot=Fraction(1, 1000), decimals=8)
        assert before - total(rig) == atoms
        expected.append((rate_e8, row[0], mark_ticks, atoms))
    paid = sum(atoms for *_, atoms in expected)
    assert rig.lane["funding_atoms"] == paid
    lived = Recovery(rig.engine).state_hash
    rig.journal.close()
    rows = records(folder)
    assert settled(rows) == expected
    again = trader()
    recovery = Recovery(again.engine)
    recovery.replay(rows)
    assert (recovery.state_hash, again.lane["funding_atoms"]) == (lived, paid)
    assert total(again) == total(rig)


def test_a_journal_without_the_settlement_is_another_account(tmp_path):
    rig = trader(tmp_path / "j")
    take(rig, 1_000, 100_000, 500)
    pay(rig, 1_500, 10_000)
    lived = Recovery(rig.engine).state_hash
    rig.journal.close()
    rows = [row for row in records(tmp_path / "j") if not settled([row])]
    recovery = Recovery(trader().engine)
    recovery.replay(rows)
    assert recovery.state_hash != lived


def test_what_an_empty_account_cannot_pay_stays_unpaid(tmp_path):
    rig = trader(tmp_path / "j", cash=Decimal(5))
    take(rig, 1_000, 100_000, 1)
    left = total(rig)
    pay(rig, 1_500, 10**8, 200_000_000)
    assert total(rig) == 0
    rig.journal.close()
    assert settled(records(tmp_path / "j"))[0][3] == left == rig.lane["funding_atoms"]


def fill(rig: Rig, lots: int) -> None:
    """Have a venue of its own fill an order."""
    rig.engine.control(ControlCode.CONTROL_GATE_OPEN)
    take(rig, 1_000, 100_000, lots)
    (order,) = rig.engine.orders(0)
    for kind in (EventKind.EVENT_ORDER_SENT, EventKind.EVENT_ORDER_ACK):
        rig.apply(report(kind, order["order_id"]))
    rig.apply(
        report(EventKind.EVENT_ORDER_FILL, order["order_id"], qty_lots=lots, trade_id=1, price_ticks=100_000, reason=2)
    )


def test_what_64_bits_do_not_hold_is_not_received(tmp_path):
    rig = trader(tmp_path / "j")
    take(rig, 1_000, 100_000, 9_500)
    assert rig.positions[0].lots == 9_500
    before = total(rig)
    pay(rig, 1_500, -(10**8), 10**12)  # a lot is worth 10^15 atoms of it
    rig.journal.close()
    assert total(rig) == before
    assert settled(records(tmp_path / "j"))[0][3] == 0


@pytest.mark.parametrize("instrument", [0, 1, 0xFFFF])
def test_where_the_venue_settles_or_there_is_no_such_lane_nothing_is_paid(tmp_path, instrument):
    rig = trader(tmp_path / "j", link=RandomVenue.new_link() if instrument == 0 else None)
    if instrument == 0:
        fill(rig, 500)
    else:
        take(rig, 1_000, 100_000, 500)
    assert rig.positions[0].lots == 500
    before = total(rig)
    pay(rig, 1_500, 10_000, 100_000, instrument)
    assert (total(rig), rig.lane["funding_atoms"]) == (before, 0)
    rig.journal.close()
    assert [atoms for *_, atoms in settled(records(tmp_path / "j"))] == [0]
