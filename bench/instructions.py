"""Instructions that each kernel executes inside the compiled core, counted by callgrind.

One process runs every kernel under valgrind; a mark after each run makes callgrind write what it counted since the
last mark (bench/callgrind_driver.py). Only instructions inside ``bot4/_core`` count: the interpreter around the batch
and the C library's choice of memcpy do not. Counts are exact and repeat to the instruction, so one more instruction
in a loop shows where a stopwatch would see nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import native

HERE = Path(__file__).resolve().parent
CORE_OBJECT = "bot4/_core/"
REPEATABLE = 0.001  # two runs in one process may differ by this much

_OBJECT = re.compile(r"c?ob=\((\d+)\)(?: (.*))?$")
_TRIGGER = "desc: Trigger: Client Request: "


class CountingError(RuntimeError):
    """Callgrind did not do what was asked of it."""


def why_not() -> str:
    """Return what is missing for counting on this machine, empty where nothing is."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    if native.load("callgrind_mark") is None:
        return "bench/native/callgrind_mark.c does not compile (valgrind's headers or a compiler are missing)"
    return ""


def valgrind_version() -> str:
    """Return valgrind's own version line."""
    return subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def core_instructions(lines: Iterable[str]) -> tuple[str, int]:
    """Return the mark's name and the self cost of the core's objects in one callgrind dump."""
    names: dict[str, str] = {}
    mark, total = "", 0
    in_core = is_callee_cost = False
    for line in lines:
        first = line[:1]
        if first.isdigit() or first in "+-*":
            if is_callee_cost:
                is_callee_cost = False
            elif in_core:
                total += int(line.split()[1])
        elif line.startswith("calls="):
            is_callee_cost = True
        elif line.startswith(_TRIGGER):
            mark = line[len(_TRIGGER) :].rstrip("\n")
        elif found := _OBJECT.match(line):
            if found[2]:
                names[found[1]] = found[2]
            if first == "o":
                in_core = CORE_OBJECT in names[found[1]]
    return mark, total


def count(folder: Path, *, timeout_s: float = 600, only: Iterable[str] = ()) -> dict[str, tuple[int, int]]:
    """Return instructions of the second and the third run of every kernel of `folder`, by name."""
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "callgrind"
        command = [
            "valgrind",
            "--tool=callgrind",
            "--instr-atstart=no",
            f"--callgrind-out-file={output}",
            sys.executable,
        ]
        command += [str(HERE / "callgrind_driver.py"), str(folder), *only]
        path = os.pathsep.join(filter(None, [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": path}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False)
        if done.returncode:
            raise CountingError(f"counting under valgrind failed:\n{done.stderr[-3000:]}")
        runs: dict[str, list[int]] = {}
        for path in sorted(Path(temporary).glob("callgrind*"), key=lambda p: int(p.suffix[1:] or 0)):
            with path.open(encoding="utf-8", errors="replace") as lines:
                mark, instructions = core_instructions(lines)
            kind, _, name = mark.partition(" ")
            if kind == "run":
                runs.setdefault(name, []).append(instructions)
    return {name: (counts[0], counts[1]) for name, counts in runs.items()}


def is_repeatable(counts: tuple[int, int]) -> bool:
    """Whether two runs executed the same instructions, threads and clocks aside."""
    return counts[0] > 0 and abs(counts[0] - counts[1]) <= REPEATABLE * counts[0]
