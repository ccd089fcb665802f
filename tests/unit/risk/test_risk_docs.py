"""docs/risk.md names every verdict, reason and setting that exists, and no test that does not."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from bot4._core.risk.breaker import Breaker
from bot4._core.risk.circuit import BreakerReason
from bot4._core.risk.filters import FilterVerdict
from bot4._core.risk.limits import RiskGate
from bot4._core.risk.rules import RiskVerdict

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")


def test_every_verdict_and_reason_is_on_the_page() -> None:
    names = {verdict.name for enum in (RiskVerdict, FilterVerdict, BreakerReason) for verdict in enum}
    missing = {name for name in names if name not in PAGE} - {"RISK_OK", "FILTER_OK", "TRIP_NONE"}
    assert missing == set()


def test_every_setting_is_on_the_page() -> None:
    for owner in (RiskGate, Breaker):
        text = inspect.getdoc(owner) or ""
        settings = set(re.findall(r"^(\w+(?:, \w+)*) : ", text, re.MULTILINE))
        names = {name for group in settings for name in group.split(", ")}
        assert len(names) > 15
        assert {name for name in names if f"`{name}`" not in PAGE and f"{name}=" not in PAGE} == set()


def test_every_test_the_page_names_exists() -> None:
    tests = (ROOT / "tests" / "unit" / "risk" / "test_risk_limits.py").read_text(encoding="utf-8")
    named = re.findall(r"\| (\w+_\w+) \|$", PAGE, re.MULTILINE)
    assert len(named) >= 15
    assert [name for name in named if f"def test_{name}(" not in tests] == []
    assert [path for path in re.findall(r"`(tests/[\w/]+\.py)`", PAGE) if not (ROOT / path).exists()] == []
