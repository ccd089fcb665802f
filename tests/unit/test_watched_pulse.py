"""How a watchdog looks at the run it was started for, which may have died before the watchdog was up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot4.adapters.storage.heartbeat import BeatState, HeartbeatWriter
from bot4.bootstrap.watchdog import _pulse_of

ROOT = Path(__file__).resolve().parents[2]
BEAT = """
import sys
from pathlib import Path
from bot4.adapters.storage.heartbeat import BeatState, HeartbeatWriter
page = HeartbeatWriter(Path(sys.argv[1]), 5)
page.write(BeatState.TRADING, 7, 8)
"""


def test_a_run_that_died_before_anybody_looked_is_seen_to_be_dead_by_who_was_started_for_it(tmp_path):
    subprocess.run([sys.executable, "-c", BEAT, str(tmp_path)], check=True, cwd=ROOT)
    assert _pulse_of(tmp_path, of_the_dead=False) is None, "a watchdog of its own waits for a run that lives"
    seen = _pulse_of(tmp_path, of_the_dead=True)()
    assert (seen.progress, seen.is_alive, seen.is_over) == ((7, 8), False, False)


@pytest.mark.parametrize("of_the_dead", [False, True])
def test_a_run_that_lives_is_looked_at_as_it_moves(tmp_path, of_the_dead):
    page = HeartbeatWriter(tmp_path, 5)
    page.write(BeatState.TRADING, 1, 2)
    look = _pulse_of(tmp_path, of_the_dead=of_the_dead)
    page.write(BeatState.TRADING, 3, 4)
    assert (look().progress, look().is_armed, look().is_alive) == ((3, 4), True, True)
    page.close()
