"""The code of a strategy is its file and whatever of its own that imports; nothing is run to find it."""

from __future__ import annotations

import sys

import pytest

from bot4.bootstrap.backtest import load_strategy
from bot4.bootstrap.strategy_code import code_files, code_of
from bot4.domain.errors import ConfigError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A strategy's file with modules of its own beside it, imported in each of the ways there are."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, text in {
        "mine.py": "import json, numpy, bot4\nimport levels\nfrom parts import entry\ndef late():\n    import far\n",
        "levels.py": "from parts.exit import close\nraise SystemExit('this is not run')\n",
        "parts/__init__.py": "",
        "parts/entry.py": "from . import size as how_much\nfrom .. import nothing\n",
        "parts/exit.py": "from .size import *\n",
        "parts/size.py": "import mine\n",
        "parts/idle.py": "",
        "far.py": "this is no Python\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_every_module_of_its_own_counts_and_nothing_that_is_installed(folder):
    found = code_files(f"{folder}/mine.py:Mine")
    own = {"", "mine", "levels", "parts", "parts.entry", "parts.exit", "parts.size", "far"}
    assert set(found) == own
    assert code_files("no.such.module:Mine") == code_files(f"{folder}/none.py:Mine") == {}


def check_noticed(folder, digest) -> None:
    for name in ("mine.py", "levels.py", "parts/__init__.py", "parts/entry.py", "parts/exit.py", "parts/size.py",
                 "far.py"):  # fmt: skip
        before = digest(f"{folder}/mine.py:Mine")
        (folder / name).write_text((folder / name).read_text() + "# changed\n")
        assert digest(f"{folder}/mine.py:Mine") != before, name
    before = digest(f"{folder}/mine.py:Mine")
    (folder / "parts/idle.py").write_text("# imported by nobody\n")
    assert digest(f"{folder}/mine.py:Mine") == before


def test_a_change_of_any_of_them_is_another_strategy(folder):
    check_noticed(folder, code_of)
    assert code_of(None) == ""


def test_a_digest_of_the_file_alone_would_be_noticed(folder):
    """Control."""
    with pytest.raises(AssertionError, match="levels"):
        check_noticed(folder, lambda strategy: code_files(strategy)[""].read_bytes())


def test_a_named_module_brings_its_package(folder):
    sys.path.insert(0, str(folder))
    assert set(code_files("parts.entry:Entry")) == {"", "parts", "parts.size", "mine", "levels", "parts.exit", "far"}
    inside = code_files("bot4.strategy.pairs:Pairs")
    assert set(inside) == {""}


def test_a_strategy_may_import_what_lies_beside_it_and_use_data_classes(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "beside_it.py").write_text("LOTS = 7\n")
    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nimport bot4\n"
        "from beside_it import LOTS\n"
        "@dataclass\nclass Mine(bot4.Strategy):\n    lots: int = LOTS\n    def on_book(self, market): ...\n"
    )
    assert load_strategy(f"{tmp_path}/mine.py:Mine", ()).lots == 7
    with pytest.raises(ConfigError, match="no Python file"):
        load_strategy(f"{tmp_path}/other.py:Mine", ())
