"""`import bot4`: light, complete, typed."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bot4
from bot4._core.book.order_book import Book

ROOT = Path(__file__).resolve().parents[2]


def in_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_else():
    code = "import bot4, sys; print(sorted(m for m in sys.modules if m.startswith('bot4.')), 'numpy' in sys.modules)"
    assert in_process(code) == "[] False"


def test_a_public_name_loads_what_it_needs_and_no_terminal():
    code = "import bot4, sys; bot4.replay; print({'rich', 'click', 'numpy'} & set(sys.modules))"
    assert in_process(code) == "set()"


@pytest.mark.parametrize("name", bot4.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(bot4, name)
    assert value is getattr(bot4, name)
    assert name == "__version__" or (value.__doc__ or "").strip()


def test_type_checkers_see_the_names_that_are_loaded():
    tree = ast.parse(Path(bot4.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: f"{entry.module}:{alias.name}"
        for entry in block.body
        if isinstance(entry, ast.ImportFrom)
        for alias in entry.names
    }
    homes = {name: home if ":" in home else f"{home}:{name}" for name, home in bot4._HOMES.items()}
    assert seen == homes
    assert sorted(homes) == sorted(bot4.__all__) == bot4.__all__
    assert (Path(bot4.__file__).parent / "py.typed").exists()


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'bot4' has no attribute 'OrderBok'"):
        _ = bot4.OrderBok
    assert set(bot4.__all__) <= set(dir(bot4))


def test_the_order_book_is_the_cores():
    assert bot4.OrderBook is Book


@pytest.mark.parametrize(
    "module",
    [
        "bot4",
        "bot4.config.loading",
        "bot4.application.commands.bus",
        "bot4.domain.order_id",
        "bot4.domain.specification",
        "bot4.adapters.cache.memory",
        "bot4.domain.errors",
        "bot4.domain.instrument",
    ],
)
def test_examples_in_docstrings_hold(module, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(import_module(module))
    assert (failed, tried > 0) == (0, True)
