"""The coverage gate fails for too few lines or branches and for a compiled module that the report leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import copy_tree
import coverage
import coverage_gate
import coverage_report
import coverage_tracers
import pytest

SOURCES = ["bot4/config.py", "bot4/_core/book.pyx"]


def entry(lines: int = 100, covered: int = 100, branches: int = 0, taken: int = 0) -> dict[str, Any]:
    return {
        "summary": {
            "covered_lines": covered,
            "num_statements": lines,
            "covered_branches": taken,
            "num_branches": branches,
        },
        "missing_lines": list(range(1, lines - covered + 1)),
    }


def report(**changes: Any) -> dict[str, Any]:
    files = {"bot4/config.py": entry(branches=50, taken=50), "bot4/_core/book.pyx": entry()}
    return {name: held for name, held in {**files, **changes}.items() if held is not None}


def test_full_report_passes() -> None:
    assert coverage_gate.judge(report(), SOURCES) == []


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"bot4/_core/book.pyx": entry(covered=89)}, "line coverage is 94.50 %, below 95.0 %"),
        ({"bot4/config.py": entry(branches=50, taken=44)}, "branch coverage over .py is 88.00 %, below 90.0 %"),
        ({"bot4/_core/book.pyx": None}, "bot4/_core/book.pyx is missing from the report"),
        ({"bot4/config.py": None}, "bot4/config.py is missing from the report"),
        ({"bot4/_core/book.pyx": entry(lines=2, covered=0)}, "book.pyx has no line covered"),
    ],
)
def test_control_each_shortfall_fails(changes: dict[str, Any], shown: str) -> None:
    assert any(shown in failure for failure in coverage_gate.judge(report(**changes), SOURCES))


def test_branches_of_compiled_sources_do_not_dilute_those_of_python() -> None:
    changes = {"bot4/config.py": entry(branches=50, taken=44), "bot4/_core/book.pyx": entry(branches=500, taken=500)}
    assert coverage_gate.judge(report(**changes), SOURCES) == ["branch coverage over .py is 88.00 %, below 90.0 %"]


def test_empty_report_fails() -> None:
    assert "the report covers no line at all" in coverage_gate.judge({}, [])


def test_sources_are_taken_from_the_tree_not_from_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [*SOURCES, "bot4/_core/forgotten.pyx", "bot4/_core/book.pyi"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "coverage.json").write_text(json.dumps({"files": report()}))
    assert coverage_gate.main(tmp_path / "coverage.json", tmp_path) == 1
    shown = capsys.readouterr().out
    assert "FAILED bot4/_core/forgotten.pyx is missing from the report" in shown
    assert "coverage gate: 1 failures" in shown


def test_headers_are_reported_after_the_modules_that_use_them() -> None:
    names = {"ta/history.pxd", "ta/window.pyx", "bank.pxd", "config.py"}
    assert coverage_report.modules_first(names) == ["config.py", "ta/window.pyx", "bank.pxd", "ta/history.pxd"]


def test_missed_lines_are_shown_as_ranges() -> None:
    assert coverage_gate.spans([1, 2, 3, 7, 9, 10]) == "1-3, 7, 9-10"


def test_traced_copy_follows_the_tree_and_keeps_what_was_built(tmp_path: Path) -> None:
    tree, copy = tmp_path / "tree", tmp_path / "copy"
    (tree / "bot4").mkdir(parents=True)
    (tree / "bot4" / "a.pyx").write_text("one")
    (tree / "bot4" / "b.py").write_text("two")
    assert copy_tree.mirror(tree, copy, ["bot4/a.pyx", "bot4/b.py", "gone.py"]) == (2, 0)
    (copy / "bot4" / "a.so").touch()
    built = (copy / "bot4" / "a.pyx").stat().st_mtime_ns
    (tree / "bot4" / "b.py").write_text("TWO")
    assert copy_tree.mirror(tree, copy, ["bot4/a.pyx", "bot4/b.py"]) == (1, 0)
    assert (copy / "bot4" / "a.pyx").stat().st_mtime_ns == built
    assert copy_tree.mirror(tree, copy, ["bot4/a.pyx"]) == (0, 1)
    assert sorted(path.name for path in (copy / "bot4").iterdir()) == ["a.pyx", "a.so"]


def test_headers_without_a_tracer_are_given_one_so_that_data_can_be_combined(tmp_path: Path) -> None:
    for name, tracer in (("one", coverage_tracers.PLUGIN), ("two", None)):
        data = coverage.CoverageData(str(tmp_path / f".coverage.{name}"))
        data.add_arcs({"a.pxd": {(1, 2)}, "b.py": {(1, 2)}})
        if tracer:
            data.add_file_tracers({"a.pxd": tracer})
        data.write()
    files = sorted(tmp_path.glob(".coverage.*"))

    def combined() -> coverage.CoverageData:
        whole = coverage.CoverageData(no_disk=True)
        for file in files:
            part = coverage.CoverageData(str(file))
            part.read()
            whole.update(part)
        return whole

    with pytest.raises(coverage.exceptions.DataError, match="Conflicting file tracer"):
        combined()
    assert coverage_tracers.name_tracers(files) == 1
    assert (combined().file_tracer("a.pxd"), combined().file_tracer("b.py")) == (coverage_tracers.PLUGIN, "")
