"""The examples in the docstrings of every module, compiled or not, are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import bot4

PACKAGE = Path(bot4.__file__).parent
SOURCES = [path for path in sorted(PACKAGE.rglob("*.py*")) if path.suffix in (".py", ".pyx")]
WITH_EXAMPLES = [path for path in SOURCES if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_examples_of_a_module_are_true(path: Path) -> None:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.testmod(module, optionflags=flags)
    assert tried > 0, "the examples are in a docstring that Python does not see"
    assert failed == 0


def test_control_wrong_example_is_found() -> None:
    example = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(example, out=lambda _: None).failed == 1
