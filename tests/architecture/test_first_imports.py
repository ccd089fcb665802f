"""Each compiled module may be the first that is imported: none counts on another one having been there before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A child each, of a process that has imported nothing of bot4.
EACH_FIRST = """
import os, sys
import numpy
sys.path[:0] = sys.argv[1:2]
for name in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        try:
            __import__(name)
        except BaseException as error:
            print(name, repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)
"""


def refused(names: list[str], root: Path = ROOT) -> list[str]:
    """Return a line for each module that cannot be imported first."""
    command = [sys.executable, "-W", "ignore", "-c", EACH_FIRST, str(root), *names]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout.splitlines()


def test_each_compiled_module_can_be_imported_first() -> None:
    sources = sorted((ROOT / "bot4" / "_core").rglob("*.pyx"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sources]
    assert len(names) > 100
    assert refused(names) == []


def test_control_two_modules_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text("from second import b\na = 1\n")
    (tmp_path / "second.py").write_text("from first import a\nb = 1\n")
    assert [line.split()[0] for line in refused(["first", "second"], tmp_path)] == ["first", "second"]
