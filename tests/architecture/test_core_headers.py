"""A changed header compiles every module that is made of it: none is forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from core_headers import INCLUDE, CoreHeaders

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path.relative_to(ROOT) for path in sorted((ROOT / "bot4" / "_core").rglob("*.pyx"))]
INCLUDED = re.compile(r'^\s*#\s*include\s+"(bot4/[\w./]+)"', re.MULTILINE)


def written_by_cython(source: Path) -> str:
    c_file = ROOT / "build" / "cython-release" / source.with_suffix(".c")
    if not c_file.exists():
        pytest.skip(f"{c_file.relative_to(ROOT)} is not there: this tree was built in another mode")
    return c_file.read_text(encoding="utf-8")


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_every_header_the_translated_module_includes_is_known(source):
    known = {header.relative_to(INCLUDE).as_posix() for header in CoreHeaders().of(source)}
    assert set(INCLUDED.findall(written_by_cython(source))) <= known


def test_headers_of_headers_and_of_what_is_cimported_count(tmp_path):
    core = tmp_path / "bot4" / "_core"
    (core / "include" / "bot4").mkdir(parents=True)
    (core / "include" / "bot4" / "outer.h").write_text('#include "inner.h"\n#include <stdio.h>\n')
    (core / "include" / "bot4" / "inner.h").write_text("")
    (core / "include" / "bot4" / "other.h").write_text("")
    (core / "low.pxd").write_text('cdef extern from "bot4/outer.h" nogil:\n    int f()\n')
    (core / "high.pyx").write_text("from bot4._core.low cimport f\n")
    (core / "alone.pyx").write_text("import os\n")
    headers = CoreHeaders(tmp_path)
    assert [path.name for path in headers.of(Path("bot4/_core/high.pyx"))] == ["inner.h", "outer.h"]
    assert headers.of(Path("bot4/_core/alone.pyx")) == []
