"""The code of a strategy: the file it is read from and every module of its own that this imports."""

from __future__ import annotations

import ast
import hashlib
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec


def code_of(strategy: str | None) -> str:
    """Return a digest of a strategy's code; empty for the policy of the settings.

    Parameters
    ----------
    strategy : str or None
        ``module:name`` or ``file.py:name``.

    What counts is the file and, from there on, every module that it imports anywhere and that is neither Python's own,
    nor bot4's, nor an installed package: nothing is run to find them. What is imported by a computed name, and files
    that are read as data, are not seen.
    """
    if strategy is None:
        return ""
    found = code_files(strategy)
    parts = [f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for name, path in sorted(found.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest() if parts else ""


def code_files(strategy: str) -> dict[str, Path]:
    """Return those files by the names they are imported by; the strategy's own is there by the empty name.

    What is not there is left out: loading the strategy says so.
    """
    where = strategy.rpartition(":")[0]
    is_file = where.endswith(".py")
    places = [*sys.path, str(Path(where).resolve().parent)] if is_file else sys.path
    top = "" if is_file else where.partition(".")[0]
    own = Path(where) if is_file else dict(_files(where, places)).get(where)
    if own is None or not own.is_file():
        return {}
    found, waiting = {"": own}, [("" if is_file else where, own)]
    while waiting:
        name, path = waiting.pop()
        for imported in _imports(name, path):
            for part, file in _files(imported, places):
                if part not in found and part != where and _is_own(part, file, top):
                    found[part] = file
                    waiting.append((part, file))
    return found


def _imports(module: str, path: Path) -> Iterator[str]:
    """Yield the full names that a module's source imports; a name out of a package may be a module of it."""
    if path.suffix != ".py":
        return
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            above = parents[: len(parents) - node.level + 1] if 0 < node.level <= len(parents) else []
            yield from (".".join(filter(None, (*above, node.module, name.name))) for name in node.names)


def _files(name: str, places: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Yield the file of each package on the way to a module, and its own, as far as they are there."""
    known, path = "", list(places)
    for part in name.split("."):
        known = f"{known}.{part}" if known else part
        spec: ModuleSpec | None = None if known in sys.builtin_module_names else PathFinder.find_spec(known, path)
        if spec is None:
            return
        if spec.has_location and spec.origin:
            yield known, Path(spec.origin)
        if spec.submodule_search_locations is None:
            return
        path = list(spec.submodule_search_locations)


def _is_own(name: str, path: Path, top: str) -> bool:
    """Say whether a module is the strategy's: of its own package, or of nobody who installs packages."""
    first = name.partition(".")[0]
    if first in {"bot4", *sys.stdlib_module_names}:
        return False
    return first == top or not {"site-packages", "dist-packages"} & set(path.parts)
