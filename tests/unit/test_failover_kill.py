"""A kill of the leader holds for its standby, until somebody resets it there."""

from __future__ import annotations

import numpy as np
import pytest

from bot4._core.engine.control import ControlCode
from bot4._core.event_dtype import EVENT_DTYPE
from bot4._core.journal.record import JournalKind
from bot4._core.journal.stream import Journal
from bot4.adapters.storage.kill_switch import FileKillSwitch, KilledError
from bot4.bootstrap.failover import heed_kill


def write(path, *codes):
    with Journal(path, first_epoch=3, mono_ns=1, wall_ns=1) as journal:
        for code in codes:
            row = np.zeros(1, EVENT_DTYPE)
            row["a"] = int(code)
            journal.append(int(JournalKind.JOURNAL_CONTROL), row.tobytes(), mono_ns=1, wall_ns=1)


def test_nothing_keeps_a_standby_whose_leader_was_not_killed_or_was_reset(tmp_path):
    switch = FileKillSwitch(tmp_path)
    heed_kill(tmp_path / "none", switch)
    write(tmp_path / "j", ControlCode.CONTROL_KILL, ControlCode.CONTROL_RESET, ControlCode.CONTROL_GATE_OPEN)
    heed_kill(tmp_path / "j", switch)
    assert switch.trail() == []


def test_a_kill_is_heeded_once_and_until_a_reset_here(tmp_path):
    switch = FileKillSwitch(tmp_path)
    write(tmp_path / "j", ControlCode.CONTROL_KILL, ControlCode.CONTROL_GATE_CLOSE)
    for _ in range(3):
        with pytest.raises(KilledError, match="the leader was killed: record 1 of epoch 3"):
            heed_kill(tmp_path / "j", switch)
    assert len(switch.trail()) == 1
    switch.reset(by="command", reason="looked at")
    heed_kill(tmp_path / "j", switch)
    write(tmp_path / "j", ControlCode.CONTROL_KILL)
    with pytest.raises(KilledError, match="of epoch 4"):
        heed_kill(tmp_path / "j", switch)


def test_a_switch_set_by_hand_keeps_a_standby_too(tmp_path):
    switch = FileKillSwitch(tmp_path)
    switch.kill(by="command", reason="not today")
    with pytest.raises(KilledError, match="not today"):
        heed_kill(tmp_path / "none", switch)
