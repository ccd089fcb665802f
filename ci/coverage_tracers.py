"""Gives every Cython source in the coverage data of these folders the tracer that reads it.

    python ci/coverage_tracers.py FOLDER...

Cython's plugin knows a `.pxd` without a module of its own only once a module that uses it was traced. A process that
ran such a header's lines before has them without a tracer, and `coverage combine` refuses data that does not agree. The
lines are the same lines.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import coverage

PLUGIN = "Cython.Coverage.Plugin"


def name_tracers(files: Iterable[Path]) -> int:
    """Return how many sources were given their tracer."""
    named = 0
    for file in files:
        data = coverage.CoverageData(str(file))
        data.read()
        sources = (name for name in data.measured_files() if name.endswith((".pyx", ".pxd")))
        missing = {name: PLUGIN for name in sources if not data.file_tracer(name)}
        data.add_file_tracers(missing)
        named += len(missing)
    return named


if __name__ == "__main__":
    print(f"tracers named: {name_tracers(file for folder in sys.argv[1:] for file in Path(folder).glob('.coverage*'))}")
