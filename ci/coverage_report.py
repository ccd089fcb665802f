"""Writes the JSON report of the coverage data in this folder: modules first, headers after them.

    python ci/coverage_report.py coverage.json

A `.pxd` without a module of its own is known to Cython's plugin only once a module that uses it was read, and coverage
asks in the order of a set: `coverage json` fails for one hash seed and works for the next.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import coverage


def modules_first(names: Iterable[str]) -> list[str]:
    """Return the names sorted, headers last."""
    return sorted(names, key=lambda name: (name.endswith(".pxd"), name))


def main(outfile: str) -> None:
    """Report on `.coverage` as pyproject.toml says."""
    measured = coverage.Coverage()
    measured.load()
    measured.json_report(modules_first(measured.get_data().measured_files()), outfile=outfile)


if __name__ == "__main__":
    main(sys.argv[1])
