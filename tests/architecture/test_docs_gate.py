"""The docs gate works both ways: nothing undocumented, nothing documented that does not exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import docs_gate
import msgspec
import pytest


class Risk(msgspec.Struct):
    max_open_orders: int = 20
    reference: str | None = None


class Venue(msgspec.Struct):
    name: str


class Settings(msgspec.Struct):
    mode: str = "paper"
    risk: Risk = msgspec.field(default_factory=Risk)
    venues: list[Venue] = msgspec.field(default_factory=list)
    limits: dict[str, Risk] = msgspec.field(default_factory=dict)


@click.group()
@click.option("--config", "-c")
def bot4(config: str) -> None:
    """Tree as the real one is built."""


@bot4.command()
@click.option("--replay")
@click.option("--paper/--live")
@click.option("--secret", hidden=True)
def run(**options: Any) -> None:
    """Run."""


@bot4.group()
def data() -> None:
    """Group."""


@data.command()
@click.argument("path")
@click.option("--json", "json_path")
def check(**options: Any) -> None:
    """Check."""


CLI = """
# Commands

| command | what |
|---|---|
| `bot4` | help |
| `bot4 run` | trades |
| `bot4 data` | group |
| `bot4 data check PATH...` | checks |
| `bot4 data check --json FILE` | writes |

## Options of `bot4`

| option | what |
|---|---|
| `--config FILE` | settings |

## `bot4 run`

| option | what |
|---|---|
| `--replay PATH` | recorded |
| `--paper` | default |
| `--live` | real |
| `--help` | help |

| exit code | what |
|---|---|
| `78` | tables with another first heading are free |

```
| command | what |
|---|---|
| `bot4 nothing` | rows in a code block are examples |
```
"""
KEYS = """
| key | default | what |
|---|---|---|
| `mode` | `"paper"` | |
| `risk.max_open_orders` | `20` | |
| `risk.reference` | `null` | |
| `venues[].name` | | |
| `limits.*.max_open_orders` | `20` | |
| `limits.*.reference` | `null` | |
"""


def cli_failures(text: str) -> list[str]:
    needed, allowed = docs_gate.cli_names(bot4)
    return docs_gate.difference("cli.md", docs_gate.documented_cli(text), needed, allowed)


def key_failures(text: str) -> list[str]:
    keys = docs_gate.settings_keys(Settings)
    names = docs_gate.documented_keys(text)
    return docs_gate.difference("configuration.md", names, set(keys), set(keys)) + docs_gate.wrong_defaults(text, keys)


def test_this_tree_is_documented() -> None:
    assert docs_gate.main() == 0


def test_complete_pages_pass() -> None:
    assert cli_failures(CLI) == []
    assert key_failures(KEYS) == []


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("| `bot4 run` | trades |\n", "", "`bot4 run` exists but is not documented"),
        ("| `--replay PATH` | recorded |\n", "", "`bot4 run --replay` exists but is not documented"),
        ("| `--config FILE` | settings |\n", "", "`bot4 --config` exists but is not documented"),
        (
            "`bot4 data check --json FILE`",
            "`bot4 data check --yaml FILE`",
            "`bot4 data check --yaml` is documented but",
        ),
        ("`--live`", "`--secret-live`", "`bot4 run --secret-live` is documented but does not exist"),
        ("`bot4 data` |", "`bot4 info` |", "`bot4 info` is documented but does not exist"),
    ],
)
def test_control_drift_of_commands_is_found_both_ways(old: str, new: str, shown: str) -> None:
    assert old in CLI
    assert any(shown in failure for failure in cli_failures(CLI.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("| `risk.reference` | `null` | |\n", "", "`risk.reference` exists but is not documented"),
        ("`venues[].name`", "`venues.name`", "`venues.name` is documented but does not exist"),
        ("| `risk.max_open_orders` | `20`", "| `risk.max_open_orders` | `10`", "is 20, documented as 10"),
        ('`"paper"`', "`paper`", 'default of `mode` is "paper", documented as paper'),
    ],
)
def test_control_drift_of_settings_is_found_both_ways(old: str, new: str, shown: str) -> None:
    assert old in KEYS
    assert any(shown in failure for failure in key_failures(KEYS.replace(old, new)))


def test_control_drift_of_public_names_is_found_both_ways() -> None:
    names = {"OrderBook", "Engine"}
    documented = docs_gate.documented_names("| name | what |\n|---|---|\n| `OrderBook(tick)` | |\n| `Old` | |\n")
    assert docs_gate.difference("api.md", documented, names, names) == [
        "api.md: `Engine` exists but is not documented",
        "api.md:4: `Old` is documented but does not exist",
    ]


def page(root: Path, name: str, text: str) -> Path:
    (root / "docs").mkdir(exist_ok=True)
    (root / "docs" / name).write_text(text)
    return root


def test_page_that_vanished_while_its_module_exists_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert docs_gate.main(tmp_path, [("api.md", lambda: True, lambda _: [])]) == 1
    assert "docs/api.md is missing" in capsys.readouterr().out
    assert docs_gate.main(tmp_path, [("api.md", lambda: False, lambda _: [])]) == 0


def test_example_that_gives_something_else_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert docs_gate.main(page(tmp_path, "guide.md", "```\n>>> 1 + 1\n2\n\n```\n"), []) == 0
    assert docs_gate.main(page(tmp_path, "guide.md", "```\n>>> 1 + 1\n3\n\n```\n"), []) == 1
    assert "guide.md: 1 example lines give something else" in capsys.readouterr().out


def test_dead_link_fails(tmp_path: Path) -> None:
    assert docs_gate.main(page(tmp_path, "a.md", "[b](b.md#part) [c](https://example.org) [d](#here)"), []) == 1
    page(tmp_path, "b.md", "")
    assert docs_gate.main(tmp_path, []) == 0
