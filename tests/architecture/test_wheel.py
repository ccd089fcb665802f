"""The wheel holds the whole package: what the container image installs is what the tree is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = {".py", ".pyi", ".pxd", ".h", ".toml", ".json", ".typed"}
LEFT_OUT = shutil.ignore_patterns("*.so", "*.c", "*.html", "__pycache__")


def sources(tree: Path) -> set[str]:
    return {
        path.relative_to(tree).as_posix()
        for path in (tree / "bot4").rglob("*")
        if path.suffix in SHIPPED or path.name == "py.typed"
    }


def test_a_wheel_from_a_fresh_tree_holds_every_file_of_the_package(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "ci").mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "ci/core_headers.py", "ci/core_parts.py"):
        shutil.copy(ROOT / name, tree / name)
    shutil.copytree(ROOT / "bot4", tree / "bot4", ignore=LEFT_OUT)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-build-isolation",
            "--no-deps",
            "-w",
            str(tmp_path),
            str(tree),
        ],
        env=os.environ | {"BOT4_ONLY": "_core/clock"},  # one module stands for all: they are compiled in the same way
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert sources(ROOT) - names == set()
    assert any(name.startswith("bot4/_core/clock.") and name.endswith(".so") for name in names)
    assert (
        "bot4 = bot4.entrypoints.cli.main:main"
        in zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    )


def test_the_image_is_built_from_what_the_wheel_needs() -> None:
    kept_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    needed = re.findall(r"^include (ci/.*)$", (ROOT / "MANIFEST.in").read_text(encoding="utf-8"), re.MULTILINE)
    imported = re.findall(r"^from (core_\w+) import", (ROOT / "setup.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert needed == [f"ci/{name}.py" for name in imported] != []
    for name in needed:
        assert kept_out.index("ci/*") < kept_out.index(f"!{name}"), "setup.py imports it"
    assert not {"bot4", "setup.py", "pyproject.toml", "README.md", "ci"} & set(kept_out)
