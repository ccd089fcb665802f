"""Coverage of processes that tests start, and of tests: where nobody asks for it, nobody pays for it.

A traced Python is half as fast. Counterparts of what is tested (an exchange the bot trades on) and tests marked
`untraced` run without; what they pass is covered where it is what is tested.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MEASURES = "COVERAGE_PROCESS_CONFIG"  # what coverage's `subprocess` patch leaves for children


def unmeasured(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which a process does not measure what it covers."""
    return {name: value for name, value in environment.items() if name != MEASURES}


@contextmanager
def untraced() -> Iterator[None]:
    """Measure neither this process nor those it starts."""
    coverage = sys.modules.get("coverage")
    measuring = coverage and coverage.Coverage.current()
    children = os.environ.pop(MEASURES, None)
    if measuring:
        measuring.stop()
    try:
        yield
    finally:
        if children is not None:
            os.environ[MEASURES] = children
        if measuring:
            measuring.start()
