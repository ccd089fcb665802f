"""The determinism lint is clean for this tree and finds each planted breach."""

from __future__ import annotations

from pathlib import Path

import determinism
import pytest


def plant(root: Path, name: str, text: str) -> int:
    path = root / "bot4" / "_core" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return determinism.main(root)


def test_this_core_is_deterministic_by_its_text() -> None:
    assert determinism.main() == 0


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("book/x.pyx", "import time\n", "imports time"),
        ("book/x.pyx", "def f():\n    from datetime import datetime\n", "x.pyx:2: imports datetime"),
        ("book/x.pyx", "from numpy import random\n", "imports numpy"),
        ("book/x.pyx", "from libc.time cimport time\n", "imports libc.time"),
        ("book/x.pyx", "from bot4._core.clock cimport monotonic_ns\n", "reads the clock"),
        ("risk/x.pyx", "from bot4._core import clock\n", "reads the clock"),
        ("risk/x.pyx", "import threading\n", "depends on thread timing"),
        ("include/bot4/x.h", "long f(void) { return rand(); }\n", "calls a clock or a random source"),
        ("mem/x.pyx", "    clock_gettime(CLOCK_MONOTONIC, &now)\n", "calls a clock or a random source"),
        ("book/x.pyx", "key = hash(symbol)\n", "uses hash() or id()"),
        ("book/x.pyx", "key = id(self)\n", "uses hash() or id()"),
        ("book/x.pyx", "for x in {1, 2}:\n    pass\n", "iterates over a set"),
        ("book/x.pyx", "y = [x for x in set(values)]\n", "iterates over a set"),
        ("book/x.pyx", "names = set()\nfor x in names:\n    pass\n", "x.pyx:2: iterates over a set"),
        ("account/x.pxd", "cdef double price_ticks\n", "price_ticks is a float"),
        ("account/x.pxd", "cdef void f(int a, double fee) noexcept nogil\n", "fee is a float"),
        ("account/x.pxd", "cdef float* balance_atoms\n", "balance_atoms is a float"),
        ("account/x.pyx", "cdef double mean = 0, notional = 1\n", "notional is a float"),
        ("account/x.pyi", "def f(self, limit_price: float) -> None: ...\n", "limit_price is a float"),
        ("include/bot4/x.h", "typedef struct { double equity; } s;\n", "equity is a float"),
    ],
)
def test_control_each_breach_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, shown: str
) -> None:
    assert plant(tmp_path, name, text) == 1
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clock.pyx", "import time\n"),
        ("engine/x.pyx", "from bot4._core.clock cimport tsc_now\n"),
        ("ta/x.pyx", "cdef double price\n"),
        ("book/x.pyx", '"""hash(x), import time, for x in {1}"""\n# id(x)\n'),
        ("book/x.pyx", "cdef double microprice, imbalance, fee_bps, cost_per_lot\n"),
        ("book/x.pyx", "cdef double f(double score, int64_t price_ticks) noexcept nogil\n"),
        ("book/x.pyx", "cdef uint64_t book_hash(self)\ndef __hash__(self): pass\n"),
        ("book/x.pyx", "names = {1, 2}\nif x in names: pass\nfor x in sorted(names): pass\n"),
        ("book/x.pyx", "for x in {1: 2}:\n    pass\n"),
    ],
)
def test_what_is_allowed_passes(tmp_path: Path, name: str, text: str) -> None:
    assert plant(tmp_path, name, text) == 0


def test_allowed_line_needs_its_reason_and_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plant(tmp_path, "mem/x.pyx", "import time  # determinism: waits, never decides\n") == 0
    assert "allowed mem/x.pyx:1: imports time" in capsys.readouterr().out
    assert plant(tmp_path, "mem/x.pyx", "import time  # determinism:\n") == 1


def test_tree_without_a_core_does_not_pass(tmp_path: Path) -> None:
    assert determinism.main(tmp_path) == 1
