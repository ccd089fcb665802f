"""Funding that a live venue took or gave: on the engine's own account to the atom, on record, and given again by it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from builders.durable import RandomVenue
from builders.engine import START_NS, Rig
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from bot4._core.engine.control import ControlCode
from bot4._core.engine.recovery import Recovery
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.record import JournalKind
from bot4._core.types import ContractKind

LARGEST = 2**59  # eight of them fit the counter


def live(journal, **more) -> Rig:
    return Rig(journal=journal, kind=ContractKind.CONTRACT_LINEAR, link=RandomVenue.new_link(), lanes=2, **more)


def pay(rig: Rig, atoms: int, number: int, instrument: int = 0) -> None:
    rig.engine.control(
        ControlCode.CONTROL_FUNDING_PAID, instrument=instrument, value=atoms, qty_lots=START_NS + number, tif=number,
        flags=77,
    )  # fmt: skip


def total(rig: Rig) -> int:
    return rig.account[1].available + rig.account[1].locked


def records(path) -> list:
    with JournalReader(path) as reader:
        return list(reader)


def booked(rows: list) -> list[tuple[int, ...]]:
    """Lane, asked for, when, number and booked of each payment on record."""
    controls = [np.frombuffer(row.payload, EVENT_DTYPE)[0] for row in rows if row.kind == JournalKind.JOURNAL_CONTROL]
    paid = int(ControlCode.CONTROL_FUNDING_PAID)
    return [tuple(int(row[name]) for name in ("instrument", *"bcde")) for row in controls if row["a"] == paid]


PAYMENT = st.tuples(
    st.integers(0, 1), st.one_of(st.integers(-(10**12), 10**12), st.sampled_from([0, 1, -1, LARGEST, -LARGEST]))
)


@settings(max_examples=examples(400), deadline=None)
@given(payments=st.lists(PAYMENT, min_size=1, max_size=8), cut=st.integers(0, 8), cash=st.sampled_from([5, 1_000_000]))
def test_each_is_booked_once_and_snapshot_and_journal_give_it_again(tmp_path_factory, payments, cut, cash):
    folder = tmp_path_factory.mktemp("life")
    path = folder / "j"
    rig, expected, paid = live(path, cash=Decimal(cash)), [], [0, 0]
    held, image = total(rig), None
    for number, (lane, atoms) in enumerate(payments, start=1):
        pay(rig, atoms, number, lane)
        given_up = min(atoms, held)  # nobody pays what is not there
        held -= given_up
        paid[lane] += given_up
        expected.append((lane, atoms, START_NS + number, number, given_up))
        assert total(rig) == held
        if number == cut:
            image = Recovery(rig.engine).save(rig.journal.next_seq - 1, rig.journal.epoch)
    assert [rig.engine.lane_counters(lane)["funding_atoms"] for lane in (0, 1)] == paid
    lived = Recovery(rig.engine).state_hash
    rig.journal.close()
    rows = records(path)
    assert booked(rows) == expected
    for name, start in (("whole", None), ("tail", image)):
        again = live(folder / name, cash=Decimal(cash))
        recovery = Recovery(again.engine)
        if start is not None:
            recovery.load(start)
        recovery.replay([row for row in rows if row.seq > recovery.seq])
        assert recovery.state_hash == lived
        assert total(again) == held
        assert [again.engine.lane_counters(lane)["funding_atoms"] for lane in (0, 1)] == paid
        again.journal.close()


def test_the_control_a_journal_without_one_of_them_is_another_account(tmp_path):
    rig = live(tmp_path / "j")
    for number in (1, 2):
        pay(rig, 1_000, number)
    lived = Recovery(rig.engine).state_hash
    rig.journal.close()
    rows = [row for row in records(tmp_path / "j") if not any(number == 2 for *_, number, _ in booked([row]))]
    again = live(tmp_path / "again")
    recovery = Recovery(again.engine)
    recovery.replay(rows)
    assert recovery.state_hash != lived
    again.journal.close()


@pytest.mark.parametrize("instrument", [0, 2, 0xFFFF])
def test_on_paper_and_of_no_lane_nothing_is_booked(tmp_path, instrument):
    rig = Rig(journal=tmp_path / "j", kind=ContractKind.CONTRACT_LINEAR) if instrument == 0 else live(tmp_path / "j")
    before = total(rig)
    pay(rig, 1_000, 1, instrument)
    assert (total(rig), rig.engine.lane_counters(0)["funding_atoms"]) == (before, 0)
    rig.journal.close()
    assert [row[-1] for row in booked(records(tmp_path / "j"))] == [0]
