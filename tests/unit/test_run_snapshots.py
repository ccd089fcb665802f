"""Snapshots beside a journal: the newest that can be read, and the records behind it, give what all of it gives."""

from __future__ import annotations

import threading

import pytest
from builders.durable import live_once, recovered

from bot4._core.engine.recovery import Recovery
from bot4._core.engine.runner import ShardRunner
from bot4._core.journal.stream import Journal
from bot4.application.past.snapshots import RunSnapshots


@pytest.fixture
def kept(tmp_path):
    """A journal with two snapshots, the hash of the engine that wrote it, and its last sequence."""
    path = tmp_path / "shard-0.journal"
    snapshots = RunSnapshots(path)
    rig, _, taken = live_once(path, 21, lanes=1, messages=300, snapshot_share=0.4)
    snapshots.keep(taken[0][2], rig.journal)
    seq = rig.journal.next_seq - 1
    lived = Recovery(rig.engine)
    snapshots.keep(lived.save(seq, rig.journal.epoch), rig.journal)
    rig.journal.close()
    return snapshots, lived.state_hash, seq


def engine():
    return recovered([], lanes=1).engine


def test_the_newest_is_used_and_the_tail_is_read_behind_it(kept):
    snapshots, lived, seq = kept
    _, recovery, lines = snapshots.restore(engine, seq)
    assert (recovery.state_hash, recovery.seq, lines) == (lived, seq, [])


def test_a_newest_that_cannot_be_read_leaves_the_one_before_and_says_so(kept):
    snapshots, lived, seq = kept
    snapshots.newest.write_bytes(snapshots.newest.read_bytes()[:-1])
    _, recovery, lines = snapshots.restore(engine, seq)
    assert recovery.state_hash == lived
    assert lines == ["snapshot shard-0.snapshot is not used: the snapshot is damaged"]


def test_without_one_that_can_be_read_the_whole_journal_is(kept):
    snapshots, lived, seq = kept
    for path in (snapshots.newest, snapshots.before):
        content = bytearray(path.read_bytes())
        content[200] ^= 1
        path.write_bytes(content)
    _, recovery, lines = snapshots.restore(engine, seq)
    assert recovery.state_hash == lived
    assert len(lines) == 3
    assert lines[-1] == "the whole journal was read instead"


def test_a_snapshot_of_more_than_the_journal_holds_is_not_used(kept):
    snapshots, _, seq = kept
    _, recovery, lines = snapshots.restore(engine, seq - 1)
    assert f"it holds record {seq}, the journal ends with {seq - 1}" in lines[0]
    assert recovery.seq == seq  # read from the one before: the journal itself is whole here


def test_a_disk_that_takes_no_snapshot_leaves_those_there_were(kept, monkeypatch):
    snapshots, _, _ = kept
    before = snapshots.newest.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with Journal(snapshots.newest.with_name("other")) as journal:
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            snapshots.keep(b"image", journal)
        monkeypatch.undo()
    assert snapshots.newest.read_bytes() == before


def test_a_running_shard_gives_one_between_two_rounds(tmp_path):
    rig, _, _ = live_once(tmp_path / "j", 22, lanes=1, messages=100)
    lived, seq, epoch = Recovery(rig.engine).state_hash, rig.journal.next_seq - 1, rig.journal.epoch
    runner = ShardRunner(rig.engine)
    assert runner.snapshot(timeout_s=0.01) is None, "nobody runs it"
    thread = threading.Thread(target=runner.run)
    thread.start()
    while (taken := runner.snapshot()) is None:  # the one that was given up is still wanted
        pass
    runner.stop()
    thread.join()
    fresh = recovered([], lanes=1)
    fresh.load(taken[2])
    assert (taken[0], taken[1], fresh.state_hash) == (seq, epoch, lived)
