"""The journal alone gives the state of orders, account, positions and risk again: whole, from any snapshot, anywhere.

Random markets, a venue that fills, refuses, loses answers and repeats itself; the engine's own hash is the judge. A
reader that leaves out, repeats or misreads a kind of record must fail it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from builders.durable import POLICY, RandomVenue, live_once, recovered
from builders.engine import Rig
from builders.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from bot4._core.engine.recovery import Recovery, RecoveryError
from bot4._core.journal.reader import JournalReader, Record
from bot4._core.journal.record import JournalKind
from bot4.application.records.projector import MARK_DTYPE


def records(path):
    with JournalReader(path) as reader:
        return list(reader)


@settings(max_examples=examples(60), deadline=None)
@given(seed=st.integers(0, 2**32 - 1), lanes=st.integers(1, 3), cut=st.floats(0, 1))
def test_full_replay_and_snapshot_with_tail_give_the_state_of_the_engine_that_lived(tmp_path_factory, seed, lanes, cut):
    folder = tmp_path_factory.mktemp("life")
    rig, _, snapshots = live_once(folder / "j", seed, lanes=lanes, messages=300, snapshot_share=cut)
    lived = Recovery(rig.engine).state_hash
    rows = records(folder / "j")
    full = recovered(rows, lanes=lanes)
    assert full.state_hash == lived
    assert full.replay(rows) == 0, "what was read once is not read again"
    assert full.state_hash == lived
    assert snapshots
    for seq, epoch, snapshot in snapshots:
        recovery = recovered([], lanes=lanes)
        recovery.load(snapshot)
        assert (recovery.seq, recovery.epoch) == (seq, epoch)
        recovery.replay(rows)
        assert recovery.state_hash == lived
    rig.journal.close()


def test_the_lives_reach_every_kind_of_record_and_every_end_of_an_order(tmp_path):
    kinds, updates = set(), set()
    for seed in range(12):
        rig, venue, _ = live_once(tmp_path / str(seed), seed, lanes=2, messages=400)
        kinds |= {JournalKind(row.kind).name.removeprefix("JOURNAL_").lower() for row in records(tmp_path / str(seed))}
        updates |= venue.said
        rig.journal.close()
    assert {"intent", "update", "refusal", "mark", "control"} <= kinds
    assert updates >= {"sent", "ack", "fill", "canceled", "expired", "rejected", "unknown", "resolved_absent", "total"}


@pytest.mark.parametrize("fault", ["left out", "other kind"])
@pytest.mark.parametrize("kind", [JournalKind.JOURNAL_INTENT, JournalKind.JOURNAL_UPDATE])
def test_a_reader_that_leaves_out_or_misreads_a_record_is_noticed(tmp_path, kind, fault):
    rig, _, _ = live_once(tmp_path / "j", 5, lanes=1, messages=300)
    lived = Recovery(rig.engine).state_hash
    rows = records(tmp_path / "j")
    noticed = total = 0
    for at in [i for i, row in enumerate(rows) if row.kind == kind][::5]:
        changed = list(rows)
        if fault == "left out":
            del changed[at]
        else:
            changed[at] = rows[at]._replace(kind=int(JournalKind.JOURNAL_REFUSAL))
        total += 1
        try:
            noticed += recovered(changed, lanes=1).state_hash != lived
        except RecoveryError:
            noticed += 1
    # A report the venue repeated changes nothing; an intent always does.
    assert noticed > 0
    if kind is JournalKind.JOURNAL_INTENT:
        assert noticed == total


def test_the_peak_of_equity_and_the_drawdown_latch_outlive_a_restart(tmp_path):
    rig = Rig(link=RandomVenue.new_link(), journal=tmp_path / "j", policy=POLICY)
    row = np.zeros(1, MARK_DTYPE)
    for seq, equity in enumerate((10**14, 2 * 10**14, 10**14), start=1):
        row["equity_low"] = equity
        record = Record(seq, 1, int(JournalKind.JOURNAL_MARK), 0, seq, seq, row.tobytes())
        assert Recovery(rig.engine).replay([record]) == 1
    risk = rig.gates[0].snapshot()
    assert (risk["equity_peak"], risk["latches"]) == (2 * 10**14, 1)


def test_a_snapshot_that_was_changed_anywhere_is_refused(tmp_path):
    rig, _, snapshots = live_once(tmp_path / "j", 3, lanes=1, messages=200, snapshot_share=0.5)
    _, _, snapshot = snapshots[0]
    rng = np.random.default_rng(1)
    for at in rng.integers(0, len(snapshot), 60).tolist():
        damaged = bytearray(snapshot)
        damaged[at] ^= 1 << int(rng.integers(8))
        with pytest.raises(RecoveryError):
            recovered([], lanes=1).load(bytes(damaged))
    for length in (0, 1, 87, 88, len(snapshot) - 1):
        with pytest.raises(RecoveryError):
            recovered([], lanes=1).load(snapshot[:length])
    rig.journal.close()


def test_the_engine_of_another_account_is_told_so(tmp_path):
    live_once(tmp_path / "j", 4, lanes=1, messages=200)
    poor = Rig(link=RandomVenue.new_link(), journal=tmp_path / "poor", policy=POLICY, cash=1)
    with pytest.raises(RecoveryError, match="unpaid"):
        Recovery(poor.engine).replay(records(tmp_path / "j"))


def test_three_processes_with_different_hash_seeds_read_the_same_state(tmp_path):
    rig, _, snapshots = live_once(tmp_path / "j", 9, lanes=2, messages=300, snapshot_share=0.5)
    lived = Recovery(rig.engine).state_hash
    rig.journal.close()
    (tmp_path / "snapshot").write_bytes(snapshots[0][2])
    tests = Path(__file__).resolve().parents[1]
    code = "import sys; from builders.durable import main; main(*sys.argv[1:])"
    for seed in ("0", "1", "12345"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "j"), str(tmp_path / "snapshot"), "2"],
            capture_output=True, text=True, check=True, cwd=tests,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{tests}:{Path.cwd()}"},
        )  # fmt: skip
        assert done.stdout.split() == [lived, lived]
