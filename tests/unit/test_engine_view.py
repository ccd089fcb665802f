"""The sequence lock of the view, step by step: the header itself, compiled into a library of its own."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from builders.engine import Rig, book_with, timer

INCLUDE = Path(__file__).resolve().parents[2] / "bot4" / "_core" / "include"
SOURCE = """
#define BOT4_VIEW_WORDS 4
#include "bot4/view.h"
bot4_view view;
void begin(void) { bot4_view_begin(&view); }
void set(int index, uint64_t word) { bot4_view_set(&view, index, word); }
void end(void) { bot4_view_end(&view); }
int take(uint64_t *out, int count) { return bot4_view_read(&view, out, count); }
int await_(uint64_t *out, int count, int rests) { return bot4_view_await(&view, out, count, rests); }
"""


class Lock:
    """The lock of one view of four words."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            pytest.skip("a C compiler is needed to build the header by itself")
        source, library = folder / "view.c", folder / "view.so"
        source.write_text(SOURCE)
        command = [compiler, "-shared", "-fPIC", "-O2", f"-I{INCLUDE}", str(source), "-o", str(library)]
        subprocess.run(command, check=True)
        self.header = ctypes.CDLL(str(library))
        self.header.set.argtypes = [ctypes.c_int, ctypes.c_uint64]

    def read(self) -> list[int] | None:
        out = (ctypes.c_uint64 * 4)()
        return list(out) if self.header.take(out, 4) else None

    def write(self, words: list[int]) -> list[list[int] | None]:
        """Write `words`; returns what a reader sees at each step of it."""
        seen = []
        self.header.begin()
        seen.append(self.read())
        for index, word in enumerate(words):
            self.header.set(index, word)
            seen.append(self.read())
        self.header.end()
        seen.append(self.read())
        return seen


def check(lock: Lock) -> None:
    """A reader is sent away at every step of a write, and sees all of it at the end."""
    assert lock.read() == [0] * 4
    for words in ([1, 2, 3, 2**64 - 1], [5, 6, 7, 8]):
        assert lock.write(words) == [None] * 5 + [words]
    lock.header.begin()
    lock.header.end()
    assert lock.read() == [5, 6, 7, 8], "an empty write changes nothing"


def test_a_reader_is_sent_away_at_every_step_of_a_write_and_sees_all_of_it_at_the_end(tmp_path):
    check(Lock(tmp_path))


def test_a_version_that_stays_even_is_noticed(tmp_path):
    lock = Lock(tmp_path)
    lock.header.begin()  # the writer begins inside a write: its versions are the wrong way round from here on
    with pytest.raises(AssertionError):
        check(lock)


def test_a_reader_outwaits_a_writer_that_is_off_its_core_in_the_middle_of_a_write(tmp_path):
    lock, out = Lock(tmp_path), (ctypes.c_uint64 * 4)()
    lock.header.begin()
    assert lock.header.await_(out, 4, 3) == 0, "nothing half written is shown"
    back = threading.Timer(0.2, lambda: (lock.header.set(0, 7), lock.header.end()))
    back.start()
    assert lock.header.await_(out, 4, 600_000) == 1
    assert list(out) == [7, 0, 0, 0]
    back.join()


def test_what_is_shown_is_what_the_engine_holds():
    rig = Rig(lanes=2)
    rig.apply(book_with(900, 20), book_with(20, 30, instrument=1), timer(700))
    view = rig.engine.view()
    assert view["now_ns"] == rig.engine.now_ns
    assert view["events"] == rig.engine.counters()["events"]
    for index, lane in enumerate(view["lanes"]):
        bids, asks = rig.engine.top(index)
        assert (lane["bid_ticks"], lane["bid_lots"]) == bids[0]
        assert (lane["ask_ticks"], lane["ask_lots"]) == asks[0]
        assert lane["position_lots"] == rig.positions[index].lots
        assert lane["intents"] == rig.engine.lane_counters(index)["intents"]
        assert lane["is_gate_open"]
