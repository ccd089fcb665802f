"""docs/reliability.md: all 43 failures are there, and every test it names exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def problems(text: str) -> list[str]:
    """What is wrong with the page."""
    found = ROW.findall(text)
    wrong = [] if [int(number) for number, *_ in found] == list(range(1, 44)) else ["the rows are not 1 to 43"]
    for number, _, shown in found:
        named = TEST.findall(shown)
        if not named and not shown.startswith("open: "):
            wrong.append(f"row {number} names no test and does not say that it is open")
        for path, name in named:
            file = ROOT / path
            if not file.exists() or not re.search(rf"^def {name}\(", file.read_text(encoding="utf-8"), re.MULTILINE):
                wrong.append(f"row {number}: there is no {path}::{name}")
    return wrong


def page() -> str:
    return (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_every_failure_has_its_row_and_every_test_it_names_exists():
    assert problems(page()) == []


def test_a_row_that_is_missing_empty_or_names_nothing_is_noticed():
    text = page()
    lines = text.splitlines()
    row = next(line for line in lines if line.startswith("| 7 |"))
    assert problems(text.replace(row + "\n", ""))
    assert problems(text.replace(row, "| 7 | cancel | soon |"))
    assert problems(text.replace("changes_nothing`", "changes_something`"))
