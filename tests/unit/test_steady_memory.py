"""Large buffers that come and go between small things that stay do not let the heap grow."""

from __future__ import annotations

import subprocess
import sys

# Sizes differ, as those of what sockets bring; something small is kept between two of them.
CODE = """
import ctypes, random, sys
if sys.argv[1] == "steady":
    from bot4.adapters.host.steady_memory import keep_heap_steady
    assert keep_heap_steady()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena a b c d e f used g h".split()]
libc.mallinfo2.restype = Info
rng = random.Random(1)
libc.free(libc.malloc(8 << 20))                # glibc maps nothing smaller than what was freed last
before = libc.mallinfo2().arena
for _ in range(2_000):
    large = libc.malloc(rng.randrange(64 << 10, 512 << 10))
    libc.malloc(700)
    libc.free(large)
print(libc.mallinfo2().arena - before)
"""


def grown(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_the_heap_grows_by_what_is_kept_and_not_by_what_was_freed():
    kept = 2_000 * 720
    assert kept * 0.6 < grown("steady") < kept * 1.3, "less where the heap had room"
    assert grown("as it comes") > kept * 1.3, "the control: the same without it"
