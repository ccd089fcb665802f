"""Determinism lint: what would let the same journal give another state is not in the core.

    python ci/determinism.py [ROOT]

- Clocks and randomness: no ``time``, ``random``, ``datetime`` and their like, no ``clock_gettime`` or ``rdtsc``,
  outside bot4/_core/clock and its header. Rooms whose state is replayed get time as an argument: they may not even
  cimport the clock. Only rooms at the edge (mem waits, engine measures its own latency) read it.
- Money: no double or float holds a price, a quantity or an amount. Features (ta) are doubles by design.
- Order and identity: no iteration over a set, no ``hash()`` or ``id()``.

A line that is right all the same carries ``# determinism: WHY``; the reason is printed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

import cython_text

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = {".pyx", ".pxd", ".py", ".pyi", ".h"}
CLOCK_FILES = {"clock.pyx", "clock.pxd", "clock.pyi", "include/bot4/tsc.h"}
CLOCK_ROOMS = {"mem", "engine"}
THREAD_ROOMS = {"mem", "engine"}
FLOAT_ROOMS = {"ta"}

BANNED_MODULES = {
    *("time", "datetime", "calendar", "random", "secrets", "uuid", "numpy.random", "libc.time", "posix.time"),
    *("libcpp.random", "libcpp.chrono", "cpython.datetime", "cpython.time"),
}
THREAD_MODULES = {"threading", "asyncio", "concurrent", "multiprocessing", "queue"}
_CLOCK_CALL = re.compile(
    r"\b(?:clock_gettime|gettimeofday|timespec_get|__rdtscp?|__builtin_ia32_rdtscp?|cntvct_el0|getrandom|urandom"
    r"|perf_counter|np\.random)\b|\b(?:s?rand(?:om)?|s?rand48|rand_r)\s*\("
)
_IDENTITY = re.compile(r"(?<![\w.])(hash|id)\s*\(")
_DEFINES = re.compile(r"^\s*(?:def|cdef|cpdef)\b")
MONEY_WORDS = {
    *("price", "prices", "qty", "quantity", "notional", "money", "cost", "fee", "fees", "balance", "cash", "equity"),
    *("margin", "pnl", "realised", "unrealised", "proceeds", "ticks", "lots", "atoms"),
}
# Names of ratios and scales, which are numbers and not amounts, and conversions that say what they return.
_NOT_AMOUNT = re.compile(r"_(bps|ratio|fraction|weight|scale|share|pct|double|per_\w+)$")
_FLOAT_C = re.compile(r"\b(?:double|float)\s*(?:\bconst\b\s*)?(?P<names>\**\s*\w+[^;)\n]*)")
_FLOAT_PYTHON = re.compile(r"\b(\w+)\s*:\s*float\b")
_SET_NAMED = re.compile(r"\b(\w+)\s*(?::[^=\n]+)?=\s*(?:set\(|frozenset\(|\{[^:{}\n]+\}\s*$)", re.MULTILINE)
_SET_LOOP = re.compile(r"\bfor\b[^:\n]+\bin\s+(?:set\(|frozenset\(|\{[^:{}\n]*\})")
_WAIVER = re.compile(r"(?:#|//|/\*)\s*determinism:\s*(\S.*)")


class Finding(NamedTuple):
    """One line that breaks a rule."""

    path: str
    line: int
    rule: str
    text: str


def room_of(name: str) -> str:
    """Return the room of a path below _core: its first folder, or its stem."""
    return name.partition("/")[0] if "/" in name else name.partition(".")[0]


def import_findings(name: str, source: str) -> list[tuple[int, str]]:
    """Return what is wrong with the imports: clocks, randomness, threads."""
    found = []
    for entry in cython_text.imports(source):
        module, top = entry.module, entry.module.partition(".")[0]
        named = {f"{module}.{part}" for part in entry.names}
        if {module, top, *named} & BANNED_MODULES:
            found.append((entry.line, f"imports {module}: time and randomness enter the core as events"))
        if top in THREAD_MODULES and room_of(name) not in THREAD_ROOMS:
            found.append((entry.line, f"imports {module}: nothing in the core depends on thread timing"))
        reads_clock = module == "bot4._core.clock" or "bot4._core.clock" in named
        if reads_clock and room_of(name) not in CLOCK_ROOMS:
            found.append((entry.line, "reads the clock: this room gets now_ns as an argument"))
    return found


def is_amount(name: str) -> bool:
    """Whether a name says that it holds a price, a quantity or an amount."""
    return not _NOT_AMOUNT.search(name) and not MONEY_WORDS.isdisjoint(name.lower().split("_"))


def floats_of(line: str) -> list[str]:
    """Return the names that a line declares as double or float, parameters and lists of variables included."""
    declared = _FLOAT_PYTHON.findall(line)
    for found in _FLOAT_C.finditer(line):
        first, *others = found["names"].split(",")
        declared += re.findall(r"\w+", first)[:1]
        # `double a = 1, b` declares b; `f(double a, int64_t b)` does not.
        declared += [match[1] for other in others if (match := re.match(r"\s*\**\s*(\w+)\s*(?:=|$|\[)", other))]
    return declared


def line_findings(name: str, line: str, sets: set[str]) -> list[str]:
    """Return the rules that one line of code breaks."""
    found = []
    if _CLOCK_CALL.search(line):
        found.append("calls a clock or a random source")
    if _IDENTITY.search(line) and not _DEFINES.match(line) and not name.endswith(".h"):
        found.append("uses hash() or id(), which differ from run to run")
    loops_named = any(re.search(rf"\bfor\b[^:\n]+\bin\s+{re.escape(held)}\s*(?::|\]|\)|$)", line) for held in sets)
    if _SET_LOOP.search(line) or loops_named:
        found.append("iterates over a set, whose order is not fixed")
    if room_of(name) not in FLOAT_ROOMS:
        found += [f"{held} is a float: money is integers" for held in floats_of(line) if is_amount(held)]
    return found


def check_file(path: Path, core: Path) -> tuple[list[Finding], list[Finding]]:
    """Return the findings of one file: those that stand, and those waived with a reason."""
    name = path.relative_to(core).as_posix()
    if name in CLOCK_FILES:
        return [], []
    source = path.read_text(encoding="utf-8")
    original = source.split("\n")
    code = re.sub(r"/\*.*?\*/|//[^\n]*", lambda found: "\n" * found[0].count("\n"), source, flags=re.DOTALL)
    text = cython_text.without_text(source) if path.suffix != ".h" else code
    raw = [] if path.suffix == ".h" else import_findings(name, source)
    sets = set(_SET_NAMED.findall(text))
    for number, line in enumerate(text.split("\n"), 1):
        raw += [(number, rule) for rule in line_findings(name, line, sets)]
    standing, waived = [], []
    for number, rule in sorted(raw):
        line = original[number - 1]
        reason = _WAIVER.search(line)
        if reason:
            waived.append(Finding(name, number, rule, reason[1]))
        else:
            standing.append(Finding(name, number, rule, line.strip()))
    return standing, waived


def main(root: Path = ROOT) -> int:
    """Lint the core under `root`; 0 clean, 1 not."""
    core = root / "bot4" / "_core"
    files = sorted(path for path in core.rglob("*") if path.suffix in SUFFIXES)
    standing: list[Finding] = []
    for path in files:
        found, waived = check_file(path, core)
        standing += found
        for entry in waived:
            print(f"allowed {entry.path}:{entry.line}: {entry.rule} ({entry.text})")
    for entry in standing:
        print(f"FAILED {entry.path}:{entry.line}: {entry.rule}\n       {entry.text}")
    print(f"determinism: {len(files)} files, {len(standing)} findings")
    return 1 if standing or not files else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:2])))
