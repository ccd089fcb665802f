"""Adds up JUnit reports into one closing line: "N passed, N failed, N skipped".

    python ci/tally.py REPORT...

Errors count as failed. Exit 1 where anything failed or no test ran at all.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def tally(paths: list[Path]) -> dict[str, int]:
    """Return passed, failed and skipped over all reports."""
    sums = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        for suite in ET.parse(path).getroot().iter("testsuite"):  # noqa: S314 - written by pytest just now
            tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            sums["failed"] += failed
            sums["skipped"] += skipped
            sums["passed"] += tests - failed - skipped
    return sums


def main(arguments: list[str]) -> int:
    """Print the closing line."""
    sums = tally([Path(argument) for argument in arguments])
    print(f"{sums['passed']} passed, {sums['failed']} failed, {sums['skipped']} skipped")
    return 1 if sums["failed"] or not sums["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
