"""Help and version as a person asks for them."""

from __future__ import annotations

import pytest
from builders.bot4_process import bot4
from builders.synthetic import capture_lines

from bot4.domain.version import VERSION


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return capture_lines(4_000)


@pytest.mark.parametrize(
    "path",
    [(), ("run",), ("config", "show"), ("config", "check"), ("data", "check"), ("doctor",)],
    ids=lambda path: " ".join(path) or "bot4",
)
def test_every_help_page_holds_examples(path):
    done = bot4(*path, "--help")
    assert done.returncode == 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert any(line.startswith(" ".join(["bot4", *path])) for line in lines), done.stdout


def test_help_imports_neither_numpy_nor_rich():
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from bot4.entrypoints.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'rich', 'orjson', 'msgspec', 'sqlite3'}\n"
        "print('loaded', sorted((set(sys.modules) - before) & heavy), file=sys.stderr)\n"
    )
    done = bot4("--help", code=code)
    assert "Exit codes" in done.stdout
    assert done.stderr.splitlines()[-1] == "loaded []"


def test_the_version_is_the_one_of_the_package():
    assert bot4("--version").stdout.split()[-1] == VERSION
