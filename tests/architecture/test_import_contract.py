"""The import contract holds for this tree and fails for each planted breach."""

from __future__ import annotations

from pathlib import Path

import cython_text
import import_contract
import pytest

CORE = {
    "bot4/__init__.py": "",
    "bot4/_core/__init__.py": "",
    "bot4/_core/types.pxd": "",
    "bot4/_core/types.pyx": "",
    "bot4/_core/clock.pyx": "from bot4._core.types cimport Event\n",
    "bot4/_core/mem/__init__.py": "",
    "bot4/_core/mem/spsc_ring.pxd": "from libc.stdint cimport int64_t\nfrom bot4._core.types cimport Event\n",
    "bot4/_core/book/__init__.py": "",
    "bot4/_core/book/order_book.pyx": "from bot4._core.mem.spsc_ring cimport (\n    push,\n    pop,\n)\n",
    "bot4/domain/__init__.py": "import enum\nfrom bot4._core import types\n",
    "bot4/adapters/__init__.py": "",
    "bot4/adapters/storage.py": "import sqlite3\nfrom bot4.domain import thing\n",
    "bot4/adapters/venues.py": "import numpy\n",
    "bot4/application/__init__.py": "",
    "bot4/application/past/__init__.py": "",
    "bot4/application/live/__init__.py": "from bot4.application import past\n",
    "bot4/bootstrap.py": "from bot4.adapters import storage\n",
    "bot4/entrypoints/__init__.py": "import click\nimport bot4.bootstrap\n",
}


def plant(root: Path, changes: dict[str, str]) -> Path:
    """A small tree that keeps the contract, with some files changed."""
    for name, text in {**CORE, **changes}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_tree_keeps_the_contract() -> None:
    assert import_contract.main() == 0


def test_small_tree_without_a_breach_passes(tmp_path: Path) -> None:
    assert import_contract.main(plant(tmp_path, {})) == 0


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        # rooms
        ("bot4/domain/order.py", "from bot4.adapters import storage\n", "bot4.domain is not allowed to import"),
        ("bot4/_core/clock.pyx", "def f():\n    from bot4.domain import thing\n", "_core is not allowed to import"),
        ("bot4/helpers/__init__.py", "", "- bot4.helpers"),
        ("bot4/_core/misc.pyx", "", "- bot4._core.misc"),
        # inside the core, from .pyx and from .pxd
        ("bot4/_core/mem/pool.pyx", "from bot4._core.book.order_book cimport B\n", "mem is not allowed to import"),
        ("bot4/_core/mem/pool.pxd", "cimport bot4._core.book.order_book\n", "mem is not allowed to import"),
        ("bot4/_core/types.pyx", "import bot4._core.clock as clock\n", "types is not allowed to import"),
        # inside the application
        ("bot4/application/past/keeper.py", "from bot4.application.live import x\n", "past is not allowed to import"),
        ("bot4/application/misc.py", "", "- bot4.application.misc"),
        # libraries
        ("bot4/domain/order.py", "import msgspec\n", "domain needs the standard library only BROKEN"),
        ("bot4/strategy.py", "def f():\n    import sqlite3\n", "io libraries only in adapters and entrypoints BROKEN"),
        ("bot4/_core/mem/pool.pyx", "import socket\n", "io libraries only in adapters and entrypoints BROKEN"),
        ("bot4/adapters/venues.py", "import rich.table\n", "terminal libraries only in entrypoints BROKEN"),
        # entrypoints and adapters
        ("bot4/entrypoints/cli.py", "import bot4.adapters.storage\n", "entrypoints get adapters from bootstrap BROKEN"),
        ("bot4/adapters/venues.py", "from bot4.adapters import storage\n", "do not see each other BROKEN"),
        (
            "bot4/entrypoints/cli.py",
            "import importlib\nimportlib.import_module('bot4.adapters.storage')\n",
            "entrypoints get adapters from bootstrap BROKEN",
        ),
        # forms that the shadow cannot follow
        ("bot4/_core/mem/pool.pyx", "from . cimport spsc_ring\n", "pool.pyx:1: relative cimport from '.'"),
        ("bot4/_core/mem/pool.pyx", "x = 1\nfrom .spsc_ring import y\n", "pool.pyx:2: relative import"),
        ("bot4/_core/mem/pool.pyx", "from bot4._core.mem cimport spsc_ring\n", "from package cimport module"),
        ("bot4/_core/mem/pool.pyx", 'include "other.pyx"\n', "pool.pyx:1: include glues files"),
        ("bot4/domain/order.py", "from bot4 import Thing\n", "imports the package's front door"),
    ],
)
def test_control_each_breach_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, shown: str
) -> None:
    assert import_contract.main(plant(tmp_path, {name: text})) == 1
    assert shown in " ".join(capsys.readouterr().out.split())


def test_imports_in_strings_and_comments_are_not_imports() -> None:
    source = '"""\nfrom a import b\n"""\n# from c import d\nx = "import e"\nimport f, g.h as i; from j cimport k\n'
    assert [(entry.line, entry.module, entry.is_cimport) for entry in cython_text.imports(source)] == [
        (6, "f", False),
        (6, "g.h", False),
        (6, "j", True),
    ]


def test_import_over_several_lines_is_read_whole() -> None:
    source = "from a.b cimport (  # why\n    one,\n    two as three,\n)\nfrom c import d, \\\n    e\n"
    assert [entry.names for entry in cython_text.imports(source)] == [("one", "two"), ("d", "e")]
