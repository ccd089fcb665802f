"""The kill switch of a data directory: set by anybody, cleared by an explicit reset alone."""

from __future__ import annotations

import errno
import threading

import pytest

from bot4.adapters.storage import kill_switch as module
from bot4.adapters.storage.kill_switch import FileKillSwitch, KilledError
from bot4.application.session.guard import RunGuard
from bot4.domain.errors import OutputError


class Run:
    """What a guard moves."""

    def __init__(self):
        self.said: list[tuple[str, int]] = []
        self.has_room = True
        self.is_flat = False

    def kill(self, entry):
        self.said.append(("kill", entry))
        return self.has_room

    def reset(self, entry):
        self.said.append(("reset", entry))
        return self.has_room

    def flatten(self):
        self.said.append(("flatten", 0))
        return True


@pytest.fixture
def switch(tmp_path):
    return FileKillSwitch(tmp_path)


def test_it_is_set_until_it_is_reset_and_both_are_in_the_trail(switch):
    assert switch.state() is None
    first = switch.kill(by="command", reason="prices\nlook wrong")
    assert switch.state() == first
    assert switch.kill(by="rest", reason="again") == first, "who was first is who is named"
    with pytest.raises(KilledError, match=r"kill 1 by command at .*: prices look wrong"):
        switch.require_clear()
    done = switch.reset(by="command", reason="stale feed")
    assert switch.state() is None
    assert not switch.path.exists()
    assert [(entry.entry, entry.what, entry.by) for entry in switch.trail()] == [
        (1, "kill", "command"),
        (2, "reset", "command"),
    ]
    assert switch.last_reset() == done
    switch.mark_journalled(done, "run-1")
    assert switch.last_reset() is None
    assert switch.reset(by="command", reason="once more") is None


def test_a_file_that_somebody_makes_sets_it_and_taking_the_file_away_clears_nothing(switch):
    switch.path.touch()
    assert switch.state().by == "file"
    switch.kill(by="file", reason="it is there")
    switch.path.unlink()
    assert switch.state().what == "kill"
    assert FileKillSwitch(switch.path.parent).state().what == "kill", "for another process, too"


def test_a_line_that_was_not_finished_does_not_count_and_is_written_over(switch):
    switch.kill(by="command", reason="")
    trail = switch.path.parent / "control.log"
    trail.write_bytes(trail.read_bytes() + b'{"entry":2,"what":"res')
    assert switch.state().entry == 1
    assert switch.reset(by="command", reason="fine").entry == 2
    assert len(switch.trail()) == 2


def test_a_trail_that_cannot_be_read_counts_as_set(switch):
    (switch.path.parent / "control.log").write_bytes(b"not ours\n")
    assert "damaged" in str(switch.state())
    with pytest.raises(KilledError):
        switch.require_clear()


def test_a_full_disk_keeps_nobody_from_killing_and_lets_nobody_reset(switch, monkeypatch):
    def no_space(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", no_space)
    switch.kill(by="signal", reason="")
    assert switch.path.exists()
    assert switch.state() is not None
    monkeypatch.undo()
    switch.kill(by="signal", reason="")
    monkeypatch.setattr(module.os, "fsync", no_space)
    with pytest.raises(OutputError, match="stays set"):
        switch.reset(by="command", reason="fine")
    assert switch.path.exists()


def test_writers_take_turns(switch):
    def write():
        own = FileKillSwitch(switch.path.parent)
        for _ in range(5):
            own.kill(by="command", reason="")
            own.reset(by="command", reason="x")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = [entry.entry for entry in switch.trail()]
    assert entries == list(range(1, len(entries) + 1))


def test_a_guard_kills_once_is_told_again_where_there_was_no_room_and_resets(switch):
    run, notes = Run(), []
    guard = RunGuard(switch, run, "run-1", notes)
    guard.look()
    assert run.said == []
    guard.ask("signal")
    run.has_room = False
    guard.look()
    assert guard.killed is None, "it did not take it"
    run.has_room = True
    guard.look()
    guard.look()
    assert run.said == [("kill", 1), ("kill", 1)]
    assert guard.killed.by == "signal"
    switch.reset(by="command", reason="fine")
    guard.look()
    assert run.said[2:] == [("reset", 2)]
    assert guard.killed is None
    assert switch.last_reset() is None, "the journal holds it"
    assert [note.split(" at ")[0] for note in notes] == ["kill 1 by signal", "reset 2 by command"]


def test_a_guard_whose_switch_cannot_be_written_kills_its_run_all_the_same(tmp_path):
    folder = tmp_path / "gone"
    folder.write_text("a file, where the folder was")
    run, notes = Run(), []
    guard = RunGuard(FileKillSwitch(folder), run, "run-1", notes)
    guard.ask("signal")
    guard.look()
    guard.look()
    assert run.said == [("kill", 0)], "and nothing lets it trade again"


def test_positions_are_closed_first_where_that_is_configured(switch):
    run = Run()
    guard = RunGuard(switch, run, "run-1", [], flattens=True)
    switch.kill(by="command", reason="")
    guard.look()
    guard.look()
    assert run.said == [("flatten", 0)], "it waits until they are"
    run.is_flat = True
    guard.look()
    assert run.said == [("flatten", 0), ("kill", 1)]


def test_the_next_run_writes_a_reset_that_no_journal_holds(switch):
    switch.kill(by="command", reason="")
    switch.reset(by="command", reason="fine")
    run = Run()
    guard = RunGuard(switch, run, "run-2", [])
    guard.start()
    guard.stop()
    assert run.said == [("reset", 2)]
    later = Run()
    RunGuard(switch, later, "run-3", []).start()
    assert later.said == []
    assert (switch.path.parent / "control.log").stat().st_mode & 0o077 == 0
