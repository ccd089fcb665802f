"""Judges a coverage report: enough lines over .py and .pyx, enough branches over .py, and no .pyx left out.

    python ci/coverage_gate.py coverage.json [ROOT]

Cython gives no branch data, so branches are counted over .py alone. A .pyx vanishes from a report without a word when
its tracing was not compiled in (Python 3.13 without CYTHON_USE_SYS_MONITORING=0): the gate compares with the tree.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

LINES_MIN = 95.0
BRANCHES_MIN = 90.0
SHOWN = 15


class Share(NamedTuple):
    """Covered of all."""

    covered: int
    total: int

    @property
    def percent(self) -> float:
        """Covered percent; 100 of nothing."""
        return 100.0 * self.covered / self.total if self.total else 100.0


def share(files: dict[str, Any], suffixes: Iterable[str], covered: str, total: str) -> Share:
    """Return the sum over the files of some kinds."""
    chosen = [entry["summary"] for name, entry in files.items() if Path(name).suffix in suffixes]
    return Share(sum(entry.get(covered, 0) for entry in chosen), sum(entry.get(total, 0) for entry in chosen))


def judge(files: dict[str, Any], sources: Iterable[str]) -> list[str]:
    """Return what fails; prints the figures and the files with most lines missed."""
    failures = []
    lines = share(files, {".py", ".pyx", ".pxd"}, "covered_lines", "num_statements")
    compiled = share(files, {".pyx", ".pxd"}, "covered_lines", "num_statements")
    branches = share(files, {".py"}, "covered_branches", "num_branches")
    print(f"lines     {lines.percent:6.2f} %  {lines.covered} of {lines.total}, needed {LINES_MIN} %")
    print(f"of these  {compiled.percent:6.2f} %  {compiled.covered} of {compiled.total} in compiled sources")
    of_all = f"{branches.covered} of {branches.total} over .py"
    print(f"branches  {branches.percent:6.2f} %  {of_all}, needed {BRANCHES_MIN} %")
    missed = sorted(files.items(), key=lambda item: -len(item[1].get("missing_lines", [])))
    for name, entry in missed[:SHOWN]:
        if entry.get("missing_lines"):
            print(f"  {len(entry['missing_lines']):>4} lines missed in {name}: {spans(entry['missing_lines'])}")
    if lines.percent < LINES_MIN:
        failures.append(f"line coverage is {lines.percent:.2f} %, below {LINES_MIN} %")
    if branches.percent < BRANCHES_MIN:
        failures.append(f"branch coverage over .py is {branches.percent:.2f} %, below {BRANCHES_MIN} %")
    for name in sorted(sources):
        entry = files.get(name)
        if entry is None:
            failures.append(f"{name} is missing from the report")
        elif Path(name).suffix == ".pyx" and not entry["summary"]["covered_lines"]:
            failures.append(f"{name} has no line covered: its tracing is not compiled in, or no test imports it")
    if lines.total == 0:
        failures.append("the report covers no line at all")
    return failures


def spans(numbers: list[int]) -> str:
    """Return line numbers as short ranges."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number <= parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    shown = [f"{first}-{last}" if last > first else str(first) for first, last in parts]
    return ", ".join(shown[:12]) + (" ..." if len(shown) > 12 else "")  # noqa: PLR2004 - what fits a line


def main(report: Path, root: Path) -> int:
    """Judge `report` against the sources under `root`; 0 enough, 1 not."""
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    sources = [path.relative_to(root).as_posix() for path in (root / "bot4").rglob("*.py*")]
    sources = [name for name in sources if name.endswith((".py", ".pyx"))]
    failures = judge(files, sources)
    for failure in failures:
        print(f"FAILED {failure}")
    print("coverage gate: " + (f"{len(failures)} failures" if failures else "passed"))
    return 1 if failures else 0


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:]]
    sys.exit(main(given[0], given[1] if len(given) > 1 else Path.cwd()))
