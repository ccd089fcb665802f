"""Reads Cython source as text: what the gates share. The compiler's own parser has no stable interface."""

from __future__ import annotations

import re
from typing import NamedTuple

# A string of any kind, or a comment. Triple quotes come first, so that they are not read as an empty string.
_TOKEN = re.compile(
    r"""(?P<text>[rRbBuUfF]{0,2}(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
        |'(?:\\.|[^\\'\n])*'|"(?:\\.|[^\\"\n])*"))|(?P<comment>\#[^\n]*)""",
    re.VERBOSE | re.DOTALL,
)
_FROM = re.compile(r"^\s*from\s+(?P<module>[.\w]+)\s+(?P<verb>c?import)\s+(?P<names>.+)$")
_PLAIN = re.compile(r"^\s*(?P<verb>c?import)\s+(?P<names>[\w., ]+)$")
_INCLUDE = re.compile(r"^\s*include\s+\"\"")


class Import(NamedTuple):
    """One import or cimport; `names` is empty for the plain form."""

    line: int
    module: str
    names: tuple[str, ...]
    is_cimport: bool


def without_text(source: str) -> str:
    """Return `source` with every comment and the inside of every string blanked; lines keep their numbers."""

    def blank(found: re.Match[str]) -> str:
        newlines = "\n" * found[0].count("\n")
        return newlines if found["comment"] else f'""{newlines}'

    return _TOKEN.sub(blank, source)


def logical_lines(code: str) -> list[tuple[int, str]]:
    """Return (number, text) of each statement line, brackets and backslashes joined."""
    found: list[tuple[int, str]] = []
    held, start, depth = "", 0, 0
    for number, line in enumerate(code.split("\n"), 1):
        start = start if held else number
        depth += sum(line.count(c) for c in "([{") - sum(line.count(c) for c in ")]}")
        held += line.removesuffix("\\") + " "
        if depth <= 0 and not line.endswith("\\"):
            found.append((start, held.rstrip()))
            held, depth = "", 0
    return found


def imports(source: str) -> list[Import]:
    """Return every import and cimport of a .pyx or .pxd, at any indentation."""
    found = []
    for number, line in logical_lines(without_text(source)):
        for statement in line.split(";"):
            if match := _FROM.match(statement):
                names = match["names"].strip("() ").split(",")
                cleaned = tuple(name.split()[0] for name in names if name.strip())
                found.append(Import(number, match["module"], cleaned, match["verb"] == "cimport"))
            elif match := _PLAIN.match(statement):
                modules = [name.split()[0] for name in match["names"].split(",") if name.strip()]
                found += [Import(number, module, (), match["verb"] == "cimport") for module in modules]
    return found


def includes(source: str) -> list[int]:
    """Return the lines that glue another file into this one."""
    return [number for number, line in logical_lines(without_text(source)) if _INCLUDE.match(line)]
