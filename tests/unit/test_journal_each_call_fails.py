"""Each system call of the journal fails once, in each way: what was acknowledged is there, and nothing is damaged.

A library between the process and the C library refuses, shortens or interrupts one call of a run that fills three
segments, syncs, closes and opens again. One process walks all of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>
/* The n-th call of a kind from now on does `what`: below zero fail with that errno, above write only so many bytes. */
static int kind, nth, what, used[5];
void fault(int k, int n, int w) { int i; kind = k; nth = n; what = w; for (i = 0; i < 5; i++) used[i] = 0; }
int fault_calls(int k) { return used[k]; }
static int next(int k) { return used[k]++ == nth && k == kind ? what : 0; }
#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))
#define FAIL(k) int w = next(k); if (w < 0) { errno = -w; return -1; }
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    FAIL(0)
    return REAL(pwrite)(fd, data, w > 0 && (size_t)w < size ? (size_t)w : size, offset);
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
    FAIL(1)
    return (void)w, REAL(fallocate)(fd, mode, offset, size);
}
int fdatasync(int fd) { FAIL(2) (void)w; return REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { FAIL(3) (void)w; return REAL(ftruncate)(fd, size); }
int open(const char *path, int flags, ...) {
    va_list rest; int mode;
    va_start(rest, flags); mode = va_arg(rest, int); va_end(rest);
    if (flags & O_EXCL) { FAIL(4) (void)w; }
    return REAL(open)(path, flags, mode);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) { return pwrite(fd, data, size, offset); }
int fallocate64(int fd, int mode, off_t offset, off_t size) { return fallocate(fd, mode, offset, size); }
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }
int open64(const char *path, int flags, ...) {
    va_list rest; int mode;
    va_start(rest, flags); mode = va_arg(rest, int); va_end(rest);
    return open(path, flags, mode);
}
"""
WALK = r"""
import ctypes, errno, os, shutil, sys
from bot4._core.journal.files import segment_path
from bot4._core.journal.reader import JournalReader
from bot4._core.journal.stream import Journal, JournalState
shim, folder = ctypes.CDLL(sys.argv[1]), sys.argv[2]
hides_failures = len(sys.argv) > 3          # the planted fault: an error that is not told
CALLS = ["pwrite", "fallocate", "fdatasync", "ftruncate", "open"]
OPTIONS = {"segment_bytes": 8192, "block_bytes": 4096, "reserve_bytes": 1040}

def live(path):
    # (told, state): what was acknowledged, and how the stream ended
    told, journal = [], None
    try:
        journal = Journal(path, **OPTIONS)
        for number in range(70):
            payload = number.to_bytes(2, "little") * 150
            try:
                told.append((journal.append(2, payload, mono_ns=1, wall_ns=1), payload))
            except OSError as error:
                if hides_failures:
                    told.append((journal.next_seq, payload))
                if journal.state == JournalState.JOURNAL_FULL:          # cancels go on
                    told.append((journal.append(3, b"cancel", mono_ns=1, wall_ns=1, reserved=True), b"cancel"))
                break
            if number % 16 == 15:
                journal.sync()
    except OSError:
        pass
    state = journal.state if journal is not None else None
    if journal is not None:
        try:
            journal.close()
        except OSError:
            pass
    return told, state

def read(path):
    with JournalReader(path) as reader:
        return [(row.seq, row.payload) for row in reader if row.kind in (2, 3)]

def walk(kind, what):
    # every call of that kind, one after the other; returns how many there were
    nth = 0
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        path = folder + "/j"
        shim.fault(kind, nth, what)
        told, state = live(path)
        reached = shim.fault_calls(kind) > nth
        shim.fault(-1, 0, 0)
        where = (CALLS[kind], nth, what, state)
        if os.path.exists(path) and os.path.getsize(path) >= 64:
            kept = read(path)
            # one that was refused may be there whole: nobody was told that it is
            assert kept[: len(told)] == told and len(kept) <= len(told) + 1, (where, len(kept), len(told))
            with Journal(path, **OPTIONS) as journal:
                journal.append(2, b"again", mono_ns=1, wall_ns=1)
            assert read(path)[: len(kept)] == kept and read(path)[-1][1] == b"again", where
        if what == -errno.EINTR or what > 0:
            assert len(told) == 70, where
        if not reached:
            assert len(told) == 70, where
            return nth
        nth += 1

for kind, ways in enumerate((
    (-errno.EINTR, -errno.EIO, -errno.ENOSPC, 1, 39), (-errno.EINTR, -errno.EIO, -errno.ENOSPC),
    (-errno.EINTR, -errno.EIO, -errno.ENOSPC), (-errno.EINTR, -errno.EIO), (-errno.EINTR, -errno.EIO, -errno.ENOSPC),
)):
    for what in ways:
        print(CALLS[kind], what, walk(kind, what))
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the fault shim cannot be built")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-w", "-o", folder / "s.so", folder / "shim.c", "-ldl"], check=True
    )
    return folder / "s.so"


@pytest.fixture
def folder(memory_folder):
    return memory_folder / "walk"


def walk(shim, folder, *more):
    env = dict(os.environ, PYTHONPATH=str(ROOT), LD_PRELOAD=f"{shim} {os.environ.get('LD_PRELOAD', '')}".strip())
    return subprocess.run(
        [sys.executable, "-c", WALK, str(shim), str(folder), *more], env=env, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def test_each_call_fails_once_in_each_way_and_nothing_acknowledged_is_lost(shim, folder):
    done = walk(shim, folder)
    assert done.returncode == 0, done.stderr
    counts = {(call, int(what)): int(times) for call, what, times in map(str.split, done.stdout.splitlines())}
    assert len(counts) == 16
    assert counts["pwrite", -5] >= 73, "each record, and the headers of three segments"
    assert min(counts["fallocate", -28], counts["fdatasync", -5], counts["open", -28]) >= 2


def test_an_error_that_is_not_told_is_noticed(shim, folder):
    done = walk(shim, folder, "planted")
    assert done.returncode != 0
    assert "AssertionError" in done.stderr


POLICY = r"""
import ctypes, errno, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from builders.engine import Rig, depth
from bot4._core.engine.control import ControlCode
from bot4._core.engine.link import VenueLink
from bot4._core.engine.runner import ShardRunner
shim, SYNC = ctypes.CDLL(sys.argv[1]), 2
rig = Rig(journal=Path(sys.argv[2]), link=VenueLink(), policy={"enter_score": 10.0, "take_score": 10.0},
          engine={"sync_orders": sys.argv[3] == "paranoid"})
runner = ShardRunner(rig.engine)
rig.apply(depth(0, 0, 100, [(99_999, 50)], [(100_001, 50)], snapshot=True))
rig.engine.control(int(ControlCode.CONTROL_GATE_OPEN))
def syncs(act):
    shim.fault(-1, 0, 0)
    act()
    return shim.fault_calls(SYNC)
place = lambda: rig.engine.control(int(ControlCode.CONTROL_PLACE), instrument=0, value=99_990, qty_lots=10)
print(syncs(place), len(runner.take_intents()))
shim.fault(SYNC, 0, -errno.EIO)
place()
print(len(runner.take_intents()), rig.engine.counters()["journal_errno"])
shim.fault(-1, 0, 0)
if sys.argv[3] == "group":
    print(syncs(lambda: rig.engine.control(int(ControlCode.CONTROL_KILL))))
"""


@pytest.mark.parametrize(
    ("policy", "said"), [("paranoid", ["1 1", "0 5"]), ("group", ["0 1", "1 0", "1"])], ids=["paranoid", "group"]
)
def test_an_order_is_on_the_disk_before_it_is_sent_where_that_is_wanted_and_a_kill_always_is(
    shim, memory_folder, policy, said
):
    """Syncs at an order, orders sent; orders sent and errno where the sync fails; syncs at a kill."""
    env = dict(os.environ, PYTHONPATH=str(ROOT), LD_PRELOAD=f"{shim} {os.environ.get('LD_PRELOAD', '')}".strip())
    done = subprocess.run(
        [sys.executable, "-c", POLICY, str(shim), str(memory_folder / "j"), policy, str(ROOT / "tests")],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == said
