"""How `bot4 run` ends: signals, exceptions, a second instance."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
from builders.bot4_process import MAIN, ROOT, command, environment, journal_kinds, run

HEADER_BYTES = 200  # of a journal, and more than that


def start(tmp_path, *arguments, code: str = MAIN, new_session: bool = False) -> subprocess.Popen:
    process = subprocess.Popen(
        command("run", "--data-dir", tmp_path / "data", "--quiet", "--json", "-", *arguments, code=code),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=new_session,
    )
    opened: list[int] = []

    def works() -> bool:
        """The journal grows beyond what opening the session wrote: its shard is at work, and signals are heeded."""
        size = sum(path.stat().st_size for path in (tmp_path / "data").glob("runs/*/shard-0.journal*"))
        if size > HEADER_BYTES:
            opened.append(size)
        return bool(opened) and size > opened[0]

    wait_for(works, process)
    return process


def wait_for(condition, process: subprocess.Popen, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_in_order(tmp_path, number):
    process = start(tmp_path)
    time.sleep(1.0)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    summary = json.loads(out)
    assert summary["status"] == "interrupted"
    assert summary["open_orders_left"] == 0
    assert journal_kinds(summary["journal"])
    with closing(sqlite3.connect(summary["store"])) as store:
        assert store.execute("SELECT status FROM runs").fetchall() == [("interrupted",)]
        working = "SELECT count(*) FROM orders WHERE status IN ('sent', 'acked', 'partially_filled')"
        assert store.execute(working).fetchone() == (0,)


def test_a_terminal_that_goes_ends_a_run_in_order_however_often_it_is_told(tmp_path):
    heeding = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup\n{MAIN}"
    process = start(tmp_path, code=heeding)
    for _ in range(3):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "interrupted"


def test_a_run_that_was_told_to_ignore_hang_ups_goes_on(tmp_path):
    ignoring = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{MAIN}"
    process = start(tmp_path, "--duration", "3", code=ignoring)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "finished"


# A signal that comes while the parts of the run are being put together.
EARLY = f"""
import os, signal
from bot4.adapters.storage.data_dir import DataDir
right = DataDir.new_run
def new_run(self):
    os.kill(os.getpid(), signal.SIGINT)
    return right(self)
DataDir.new_run = new_run
{MAIN}
"""


def test_a_signal_before_the_first_frame_ends_the_run_in_order_too(tmp_path):
    done = run(tmp_path, "--speed", "1", code=EARLY)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["status"], summary["orders"]) == ("interrupted", 0)


# A source that does not look at the feed, so that the orderly end cannot come.
STUCK = f"""
import time
from bot4.adapters.synthetic.feed import SyntheticFeed
def run(self, feed):
    for stamped, _ in zip(self._market, range(300)):
        feed.frame(stamped.frame, stamped.recv_ns, default_instrument=0)
    while True:
        time.sleep(0.1)
SyntheticFeed.run = run
import sys
from bot4.application.session.session import PaperSession
right = PaperSession.stop
def stop(self):
    right(self)
    print("it was asked to stop", file=sys.stderr, flush=True)
PaperSession.stop = stop
{MAIN}
"""


def test_a_second_ctrl_c_forces(tmp_path):
    process = start(tmp_path, code=STUCK)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "it was asked to stop\n"
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=20)
    assert process.returncode == 130, told
    assert out == ""


BROKEN = f"""
from bot4.adapters.synthetic.market import SyntheticMarket
right = SyntheticMarket._next
made = []
def wrong(self):
    made.append(1)
    if len(made) == 600:
        raise RuntimeError("the generator broke")
    return right(self)
SyntheticMarket._next = wrong
{MAIN}
"""


@pytest.mark.parametrize("speed", ["max", "20"])
def test_an_exception_in_the_source_ends_the_run_in_order_and_says_so(tmp_path, speed):
    done = run(tmp_path, "--duration", "60", "--speed", speed, code=BROKEN)
    assert done.returncode == 70, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "failed"
    assert summary["failure"] == "RuntimeError: the generator broke"
    assert summary["open_orders_left"] == 0
    assert done.stderr.splitlines()[-1] == "bot4: RuntimeError: the generator broke"


def test_a_second_instance_on_the_same_data_directory_is_refused_with_the_holders_pid(tmp_path):
    process = start(tmp_path)
    try:
        done = run(tmp_path, "--duration", "1", "--speed", "max")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert done.returncode == 75
    assert f"is in use by process {process.pid}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def seen(process: subprocess.Popen, terminal: int, until: bytes) -> bytes:
    """Return what the terminal was sent, up to and with some bytes, or to the end of the process."""
    text = b""
    limit = time.monotonic() + 60.0
    while until not in text and time.monotonic() < limit:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if ready:
            try:
                text += os.read(terminal, 65_536)
            except OSError:  # nobody holds its other end any more
                break
        elif process.poll() is not None:
            break
    return text


# The first Ctrl-C finds a run that does not end, as one whose disk hangs.
DEAF = f"""
import os, pathlib
from bot4.application.session.session import PaperSession
PaperSession.stop = lambda self: pathlib.Path(os.environ["ASKED"]).touch()
{MAIN}
"""


def test_a_forced_end_gives_the_terminal_its_cursor_back(tmp_path):
    terminal, side = pty.openpty()
    process = subprocess.Popen(
        command("run", "--data-dir", tmp_path / "data", code=DEAF),
        cwd=ROOT, env={**environment(), "TERM": "xterm", "ASKED": str(tmp_path / "asked")},
        stdin=side, stdout=side, stderr=side,
    )  # fmt: skip
    os.close(side)
    try:
        drawn = seen(process, terminal, b"Ctrl-C stops in order")
        assert b"\x1b[?25l" in drawn, "the live view hides it"
        process.send_signal(signal.SIGINT)
        wait_for((tmp_path / "asked").exists, process)
        process.send_signal(signal.SIGINT)
        assert b"\x1b[?25h" in seen(process, terminal, b"\x1b[?25h")
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
