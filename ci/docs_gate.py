"""Documentation gate: what exists is documented, what is documented exists, examples run and links lead somewhere.

    python ci/docs_gate.py

Documented is what stands backticked in the first column of a table headed ``name``, ``command``, ``option`` or ``key``
(tables with another first heading are free):

- docs/api.md, ``name``: `OrderBook`, a public name of ``bot4.__all__``
- docs/cli.md, ``command``: `bot4 run`; ``option``: `--replay PATH`, of the command that the nearest heading above
  names, or in full `bot4 run --replay PATH`
- docs/configuration.md, ``key``: `risk.max_open_orders`; where the table has a column ``default``, its backticked text
  must be the key's default as JSON

Every ``>>>`` example in docs/*.md and README.md is run, and every relative link must lead to a file. A part is skipped
only while neither its page nor its module exists.
"""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import re
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]

_HEADING = re.compile(r"^#+\s.*?`([^`]+)`")
_FIRST_CELL = re.compile(r"^\|\s*`([^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_FENCE = re.compile(r"^\s*(```|~~~)")


class Row(NamedTuple):
    """A table row whose first cell is backticked."""

    line: int
    name: str
    heading: str
    cells: dict[str, str]


def rows(text: str, *kinds: str) -> Iterator[Row]:
    """Yield the rows of the tables whose first heading is one of `kinds`, code blocks left out."""
    heading, header, in_code = "", [], False
    for number, line in enumerate(text.split("\n"), 1):
        in_code ^= bool(_FENCE.match(line))
        if in_code:
            continue
        if line.startswith("#"):
            found = _HEADING.match(line)
            heading = found[1] if found else heading if line.startswith("###") else ""
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not header:
            header = [cell.lower() for cell in cells]
        elif header[0] in kinds and (first := _FIRST_CELL.match(line)):
            yield Row(number, first[1], heading, dict(zip(header, cells, strict=False)))


# ---- public names


def public_names(package: str = "bot4") -> set[str]:
    """Return ``__all__``, each name of which must be there."""
    module = importlib.import_module(package)
    for name in module.__all__:
        getattr(module, name)
    return set(module.__all__)


def documented_names(text: str) -> dict[str, int]:
    """Return name and line of each documented public name."""
    return {row.name.partition("(")[0].removeprefix("bot4."): row.line for row in rows(text, "name")}


# ---- commands and options


def commands(command: Any, path: str = "bot4") -> Iterator[tuple[str, Any]]:
    """Yield every command of a click tree with its full name."""
    import click  # noqa: PLC0415 - only this part needs it

    yield path, command
    if not isinstance(command, click.Group):
        return
    context = click.Context(command)  # by the group's own methods: it may load its commands when they are asked for
    for name in sorted(command.list_commands(context)):
        child = command.get_command(context, name)
        if child is not None and not child.hidden:
            yield from commands(child, f"{path} {name}")


def cli_names(group: Any) -> tuple[set[str], set[str]]:
    """Return what must be documented (one name an option) and every name that may be."""
    needed, allowed = set(), set()
    for path, command in commands(group):
        needed.add(path)
        for option in command.params:
            if option.param_type_name == "option" and not option.hidden:
                needed.add(f"{path} {max(option.opts, key=len)}")
                allowed |= {f"{path} {name}" for name in [*option.opts, *option.secondary_opts]}
        allowed.add(f"{path} --help")
    return needed, needed | allowed


def full_cli_name(row: Row) -> str:
    """Return command and option of a row, arguments and metavars dropped."""
    text = f"{row.heading} {row.name}" if row.name.startswith("-") else row.name
    words: list[str] = []
    for word in text.split():
        if word.startswith("-"):
            return " ".join([*words, word.partition("=")[0].rstrip(",")])
        if word == word.lower() and word[0].isalnum():
            words.append(word)
    return " ".join(words)


def documented_cli(text: str) -> dict[str, int]:
    """Return full name and line of each documented command and option."""
    return {full_cli_name(row): row.line for row in rows(text, "command", "option")}


# ---- configuration keys


def struct_in(annotation: Any) -> tuple[Any, str] | None:
    """Return a Struct held by an annotation and how it is held: '' itself or optional, '[]' a list, '.*' a dict."""
    if hasattr(annotation, "__struct_fields__"):
        return annotation, ""
    marks = {list: "[]", tuple: "[]", dict: ".*"}
    mark = marks.get(typing.get_origin(annotation), "")
    for inner in typing.get_args(annotation):
        if found := struct_in(inner):
            return found[0], mark + found[1]
    return None


def settings_keys(struct: Any, prefix: str = "") -> dict[str, Any]:
    """Return every dotted key with its default (``msgspec.NODEFAULT`` where it has none)."""
    import msgspec  # noqa: PLC0415 - only this part needs it

    keys: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        name = prefix + field.encode_name
        if held := struct_in(field.type):
            keys |= settings_keys(held[0], f"{name}{held[1]}.")
            continue
        is_made = field.default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT
        keys[name] = field.default_factory() if is_made else field.default
    return keys


def wrong_defaults(text: str, keys: dict[str, Any]) -> list[str]:
    """Return a line for each documented default that is not the key's."""
    import msgspec  # noqa: PLC0415

    wrong = []
    for row in rows(text, "key"):
        shown = row.cells.get("default", "").strip("`")
        default = keys.get(row.name, msgspec.NODEFAULT)
        if "default" not in row.cells or default is msgspec.NODEFAULT:
            continue
        actual = msgspec.json.encode(default, enc_hook=str).decode()
        if shown != actual:
            wrong.append(f"configuration.md:{row.line}: default of `{row.name}` is {actual}, documented as {shown}")
    return wrong


def documented_keys(text: str) -> dict[str, int]:
    """Return each documented key and its line."""
    return {row.name: row.line for row in rows(text, "key")}


# ---- the gate


def difference(page: str, documented: dict[str, int], needed: set[str], allowed: set[str]) -> list[str]:
    """Return a line for each name that only one side has."""
    missing = [f"{page}: `{name}` exists but is not documented" for name in sorted(needed - set(documented))]
    stale = [
        f"{page}:{line}: `{name}` is documented but does not exist"
        for name, line in sorted(documented.items())
        if name not in allowed
    ]
    return missing + stale


def check_api(text: str) -> list[str]:
    """Compare the public names."""
    names = public_names()
    return difference("api.md", documented_names(text), names, names)


def check_cli(text: str) -> list[str]:
    """Compare commands and options."""
    needed, allowed = cli_names(importlib.import_module("bot4.entrypoints.cli.main").main)
    return difference("cli.md", documented_cli(text), needed, allowed)


def check_configuration(text: str) -> list[str]:
    """Compare configuration keys and their defaults."""
    keys = settings_keys(importlib.import_module("bot4.config").Settings)
    return difference("configuration.md", documented_keys(text), set(keys), set(keys)) + wrong_defaults(text, keys)


def has_all() -> bool:
    """Whether the package has public names yet."""
    return hasattr(importlib.import_module("bot4"), "__all__")


def has_module(name: str) -> bool:
    """Whether a module is there, without importing it."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


PARTS: list[tuple[str, Callable[[], bool], Callable[[str], list[str]]]] = [
    ("api.md", has_all, check_api),
    ("cli.md", lambda: has_module("bot4.entrypoints.cli.main"), check_cli),
    ("configuration.md", lambda: has_module("bot4.config"), check_configuration),
]


def broken_examples(pages: list[Path]) -> list[str]:
    """Run the examples of each page; return a line for each page with a wrong one."""
    broken = []
    for page in pages:
        if ">>>" not in page.read_text(encoding="utf-8"):
            continue
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=flags, encoding="utf-8")
        print(f"{page.name}: {tried} example lines, {failed} wrong")
        if failed:
            broken.append(f"{page.name}: {failed} example lines give something else")
    return broken


def dead_links(pages: list[Path]) -> list[str]:
    """Return a line for each relative link that leads nowhere."""
    dead = []
    for page in pages:
        targets = _LINK.findall(page.read_text(encoding="utf-8"))
        inside = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
        gone = [target for target in inside if not (page.parent / target).exists()]
        dead += [f"{page.name}: link to {target}, which is not there" for target in gone]
    return dead


def main(root: Path = ROOT, parts: list[Any] = PARTS) -> int:
    """Run the gate; 0 in step, 1 not."""
    docs = root / "docs"
    failures: list[str] = []
    for page, exists, check in parts:
        path = docs / page
        if path.exists():
            failures += check(path.read_text(encoding="utf-8"))
        elif exists():
            failures.append(f"docs/{page} is missing")
        else:
            print(f"{page}: skipped, neither the page nor what it documents exists yet")
    pages = [*sorted(docs.rglob("*.md")), *(path for path in [root / "README.md"] if path.exists())]
    failures += broken_examples(pages) + dead_links(pages)
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"docs gate: {len(pages)} pages, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
