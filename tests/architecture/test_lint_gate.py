"""The parts of the lint gate that are ours find what they are for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import triples

ROOT = Path(__file__).resolve().parents[2]


def plant(root: Path, *names: str, text: str = "") -> list[str]:
    for name in names:
        path = root / "bot4" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return triples.missing(root)


def test_this_tree_has_contract_and_types_beside_each_compiled_module() -> None:
    assert triples.main() == 0


def test_control_missing_contract_or_types_are_found(tmp_path: Path) -> None:
    assert plant(tmp_path, "ring.pyx", text="cdef class Ring:\n    pass\n") == ["bot4/ring.pxd", "bot4/ring.pyi"]
    assert plant(tmp_path, "ring.pxd") == ["bot4/ring.pyi"]
    assert plant(tmp_path, "ring.pyi") == []
    assert triples.main(tmp_path) == 0


def test_module_of_which_python_sees_nothing_needs_no_types(tmp_path: Path) -> None:
    text = '"""def in words"""\ncdef int push(int x) noexcept nogil:\n    return x\ndef _probe(): pass\n'
    assert plant(tmp_path, "ring.pyx", "ring.pxd", text=text) == []


def planted_tool(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "text", "command", "shown"),
    [
        ("a.py", "import os\n", ["ruff", "check", "--config", str(ROOT / "pyproject.toml"), "a.py"], "F401"),
        (
            "a.py",
            "x = [1,2]\n",
            ["ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), "a.py"],
            "reformat",
        ),
        ("a.py", "def f(x): return x\n", [sys.executable, "-m", "mypy", "--strict", "a.py"], "no-untyped-def"),
        ("a.pyx", "cimport cython\n", ["cython-lint", "a.pyx"], "imported but unused"),
    ],
)
def test_control_each_tool_finds_a_planted_fault(
    tmp_path: Path, name: str, text: str, command: list[str], shown: str
) -> None:
    pytest.importorskip("mypy", reason="the lint tools are in the extra `dev`")
    (tmp_path / name).write_text(text)
    done = planted_tool(tmp_path, command)
    assert done.returncode != 0
    assert shown in done.stdout + done.stderr


def test_control_stub_that_lies_about_a_compiled_module_is_found(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="the lint tools are in the extra `dev`")
    package = tmp_path / "liar"
    package.mkdir()
    (package / "__init__.py").write_text("def answer(question): return 42\n")
    (package / "__init__.pyi").write_text("def answer() -> int: ...\ndef nothing() -> None: ...\n")
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "--allowlist"]
    command += [str(ROOT / "ci" / "stubtest-allowlist.txt"), "--ignore-unused-allowlist", "liar"]
    done = planted_tool(tmp_path, command)
    assert done.returncode != 0
    assert "liar.nothing" in done.stdout
    assert "liar.answer" in done.stdout
