"""The journal on a disk that fails: a shim between the process and the C library refuses, shortens or interrupts calls;
and, with the real kernel, a file size limit and a full device."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from oracles import journal_stream as twin

from bot4._core.journal.reader import JournalReader
from bot4._core.journal.stream import Journal, JournalState

ROOT = Path(__file__).resolve().parents[2]

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>
/* plan[call][n]: 0 pass, above zero write only so many bytes, below zero fail with that errno. */
static int plan[3][64], at[3], used[3];
void fault_plan(int call, int n, int what) { plan[call][n] = what; at[call] = 0; used[call] = 0; }
int fault_calls(int call) { return used[call]; }
static int next(int call) { used[call]++; return at[call] < 64 ? plan[call][at[call]++] : 0; }
#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    int what = next(0);
    if (what < 0) { errno = -what; return -1; }
    return REAL(pwrite)(fd, data, what > 0 && (size_t)what < size ? (size_t)what : size, offset);
}
int fallocate(int fd, int mode, off_t offset, off_t size) {
    int what = next(1);
    if (what < 0) { errno = -what; return -1; }
    return REAL(fallocate)(fd, mode, offset, size);
}
/* What a build with 64-bit file offsets calls. */
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) { return pwrite(fd, data, size, offset); }
int fallocate64(int fd, int mode, off_t offset, off_t size) { return fallocate(fd, mode, offset, size); }
int fdatasync(int fd) {
    int what = next(2);
    if (what < 0) { errno = -what; return -1; }
    return REAL(fdatasync)(fd);
}
"""

PRELUDE = """
import ctypes, errno, sys
from bot4._core.journal.stream import Journal, JournalState
shim = ctypes.CDLL(sys.argv[1])
WRITE, PROMISE, SYNC = 0, 1, 2
def plan(call, *steps):
    for n in range(64):
        shim.fault_plan(call, n, steps[n] if n < len(steps) else 0)
def refused(journal, code, **options):
    try:
        journal.append(2, b"refused" * 9, mono_ns=1, wall_ns=2, **options)
    except OSError as error:
        assert error.errno == code, error
    else:
        raise AssertionError("the append was taken")
def append(journal, **options):
    return journal.append(2, b"q" * 64, mono_ns=1, wall_ns=2, **options)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the fault shim cannot be built")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    library = folder / "shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, folder / "shim.c", "-ldl"], check=True)
    return library


def run(script, *arguments, preload=None):
    """Run a script in a process of its own; its failure is the test's."""
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    if preload:
        env["LD_PRELOAD"] = f"{preload} {env.get('LD_PRELOAD', '')}".strip()
    result = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def rows(path):
    with JournalReader(path) as reader:
        return list(reader), reader.torn_bytes


def test_short_and_interrupted_writes_are_continued(shim, tmp_path):
    path = tmp_path / "j"
    run(
        PRELUDE
        + """
journal = Journal(sys.argv[2])
plan(WRITE, 1, -errno.EINTR, 7, 39, -errno.EINTR, -errno.EINTR, 1)
assert append(journal) == 1
assert shim.fault_calls(WRITE) == 8, shim.fault_calls(WRITE)
assert append(journal) == 2
journal.close()
""",
        shim,
        path,
        preload=shim,
    )
    row = twin.Row(1, 1, 2, 0, 1, 2, b"q" * 64)
    assert path.read_bytes()[64:] == twin.encode_record(row) + twin.encode_record(row._replace(seq=2))


@pytest.mark.parametrize("good", [0, 1, 5])
@pytest.mark.parametrize(
    "steps", ["-errno.EIO", "13, -errno.EIO", "-errno.EINTR, 102, -errno.EIO", "-errno.ENOSPC", "50, -errno.EDQUOT"]
)
def test_a_failed_write_ends_the_stream_and_nothing_more_is_written(shim, tmp_path, good, steps):
    path = tmp_path / "j"
    run(
        PRELUDE
        + f"""
journal = Journal(sys.argv[2])
for seq in range(1, {good} + 1):
    assert append(journal) == seq
plan(WRITE, {steps})
code = -({steps.split(", ")[-1]})
refused(journal, code)
assert journal.state == JournalState.JOURNAL_FAILED
assert journal.error == errno.errorcode[code]
assert journal.next_seq == {good} + 1
calls = shim.fault_calls(WRITE)
refused(journal, code)
refused(journal, code, reserved=True)
try:
    journal.sync()
except OSError as error:
    assert error.errno == code
else:
    raise AssertionError("a failed stream was synced")
assert shim.fault_calls(WRITE) == calls, "a failed stream wrote again"
assert shim.fault_calls(SYNC) == 0
journal.close()
""",
        shim,
        path,
        preload=shim,
    )
    kept, torn = rows(path)
    assert [row.seq for row in kept] == list(range(1, good + 1))
    with Journal(path) as journal:
        assert journal.torn_bytes == torn
        assert journal.next_seq == good + 2


def test_on_a_full_disk_orders_are_refused_while_cancels_still_fit_the_reserve(shim, tmp_path):
    path = tmp_path / "j"
    run(
        PRELUDE
        + """
journal = Journal(sys.argv[2], block_bytes=4096, reserve_bytes=1040)
assert journal.has_reserve
plan(PROMISE, *[-errno.ENOSPC] * 64)
count = 0
while journal.state == JournalState.JOURNAL_OPEN:
    try:
        assert append(journal) == count + 1
        count += 1
    except OSError as error:
        assert error.errno == errno.ENOSPC
assert journal.state == JournalState.JOURNAL_FULL
assert count == (4096 - 1040) // 104, count
refused(journal, errno.ENOSPC)
reserved = 0
while True:
    try:
        assert append(journal, reserved=True) == count + reserved + 1
        reserved += 1
    except OSError as error:
        assert error.errno == errno.ENOSPC
        break
assert reserved >= 10, reserved
journal.sync()
refused(journal, errno.ENOSPC)
journal.close()
""",
        shim,
        path,
        preload=shim,
    )
    kept, torn = rows(path)
    assert torn == 0
    flags = [row.flags for row in kept]
    assert flags == [0] * 29 + [1] * (len(kept) - 29)
    assert len(kept) - 29 >= 10


def test_a_cancel_that_finds_the_disk_full_first_is_written_to_the_reserve(shim, tmp_path):
    run(
        PRELUDE
        + """
journal = Journal(sys.argv[2], block_bytes=4096, reserve_bytes=1040)
for _ in range(29):
    append(journal)
plan(PROMISE, *[-errno.ENOSPC] * 64)
assert append(journal, reserved=True) == 30
assert journal.state == JournalState.JOURNAL_FULL
refused(journal, errno.ENOSPC)
""",
        shim,
        tmp_path / "j",
        preload=shim,
    )


def test_a_file_system_without_promises_is_said_and_works(shim, tmp_path):
    path = tmp_path / "j"
    run(
        PRELUDE
        + """
plan(PROMISE, -errno.EINTR, -errno.EOPNOTSUPP)
journal = Journal(sys.argv[2], block_bytes=4096, reserve_bytes=1040)
assert not journal.has_reserve
for seq in range(1, 101):
    assert append(journal) == seq
assert shim.fault_calls(PROMISE) == 2
journal.close()
""",
        shim,
        path,
        preload=shim,
    )
    assert len(rows(path)[0]) == 100


def test_a_failed_sync_ends_the_stream(shim, tmp_path):
    run(
        PRELUDE
        + """
journal = Journal(sys.argv[2])
append(journal)
plan(SYNC, -errno.EINTR, 0)
journal.sync()
plan(SYNC, -errno.EIO)
for _ in range(2):
    try:
        journal.sync()
    except OSError as error:
        assert error.errno == errno.EIO
    else:
        raise AssertionError("a failed sync was called good")
assert shim.fault_calls(SYNC) == 1, "a failed sync must not be tried again"
assert journal.state == JournalState.JOURNAL_FAILED
refused(journal, errno.EIO)
""",
        shim,
        tmp_path / "j",
        preload=shim,
    )


def test_a_disk_full_at_the_start_is_an_error_of_the_constructor(shim, tmp_path):
    run(
        PRELUDE
        + """
plan(PROMISE, -errno.ENOSPC)
try:
    Journal(sys.argv[2])
except OSError as error:
    assert error.errno == errno.ENOSPC
else:
    raise AssertionError("a journal without space was opened")
plan(WRITE, 10, -errno.EIO)
try:
    Journal(sys.argv[2] + "2")
except OSError as error:
    assert error.errno == errno.EIO
else:
    raise AssertionError("a journal without a header was opened")
plan(WRITE)
assert append(Journal(sys.argv[2] + "2")) == 1
""",
        shim,
        tmp_path / "j",
        preload=shim,
    )


def test_a_real_file_size_limit_shortens_the_last_write_and_then_ends_the_stream(tmp_path):
    path = tmp_path / "j"
    run(
        """
import errno, resource, sys
from bot4._core.journal.stream import Journal, JournalState
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
journal = Journal(sys.argv[1])
count = 0
try:
    while True:
        journal.append(2, b"q" * 64, mono_ns=1, wall_ns=2)
        count += 1
except OSError as error:
    assert error.errno == errno.EFBIG, error
assert count == (1000 - 64) // 104 == 9
assert journal.state == JournalState.JOURNAL_FAILED
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # a traced process saves what it covered
""",
        path,
    )
    kept, torn = rows(path)
    assert len(kept) == 9
    assert torn == 0
    assert path.stat().st_size == 1000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_really_full_device_ends_the_stream(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.append(2, b"q" * 64, mono_ns=1, wall_ns=2)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal.fileno())
    os.close(full)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            journal.append(2, b"q" * 64, mono_ns=1, wall_ns=2)
    assert journal.state == JournalState.JOURNAL_FAILED
    assert journal.error == "ENOSPC"
    journal.close()
    assert len(rows(tmp_path / "j")[0]) == 1
